/**
 * Pure: the OpenAPI 3.1 document of the data port. Its schemas are the contract's own, since OpenAPI 3.1 takes
 * JSON Schema 2020-12 as it is. It names no dataset: whoever may not ask may read it.
 */
import {
  chunkHeadSchema,
  chunkTailSchema,
  datasetSchema,
  datasetsSchema,
  headers,
  manifestSchema,
  mediaTypes,
  type ProblemCode,
  problems,
  rejectLineSchema,
  routes,
  rowOriginSchema,
  versionPublishedSchema,
} from "@flatbed/contract"
import Type, { type TSchema } from "typebox"

type Json = Readonly<Record<string, unknown>>

export type ApiResponse = { readonly description: string; readonly headers?: Json; readonly content?: Json }
export type ApiOperation = {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly parameters?: readonly Json[]
  readonly responses: Readonly<Record<string, ApiResponse>>
  readonly security?: readonly Json[]
}
export type ApiDocument = {
  readonly openapi: string
  readonly paths: Readonly<Record<string, { readonly get: ApiOperation; readonly head: ApiOperation }>>
  readonly [key: string]: unknown
}

const problemSchema = Type.Object({
  type: Type.Literal("about:blank"),
  title: Type.String({ description: "what kind of thing happened, the same every time" }),
  status: Type.Integer(),
  detail: Type.String({ description: "what was found and what was expected" }),
  code: Type.Enum(Object.keys(problems) as ProblemCode[], { description: "stable; for programs" }),
  hint: Type.Optional(Type.String({ description: "what to do next" })),
  facts: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Null()]), {
      description: "where: dataset, version, file, line, byte, column …",
    }),
  ),
})

const cell = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])
const rowsSchema = Type.Array(Type.Record(Type.String(), cell), {
  description:
    "One object per row. Integers and numbers are JSON numbers with the file's own digits where a double holds them exactly, otherwise strings.",
})

const schemas: Readonly<Record<string, TSchema>> = {
  Problem: problemSchema,
  Datasets: datasetsSchema,
  Dataset: datasetSchema,
  Manifest: manifestSchema,
  RowOrigin: rowOriginSchema,
  Rows: rowsSchema,
  ChunkHead: chunkHeadSchema,
  ChunkCells: Type.Array(Type.Union([Type.String(), Type.Null()])),
  ChunkReject: rejectLineSchema,
  ChunkTail: chunkTailSchema,
  VersionPublished: versionPublishedSchema,
}

const ref = (kind: "schemas" | "headers" | "parameters", name: string) => ({
  $ref: `#/components/${kind}/${name}`,
})
const document = (name: string) => ({ [mediaTypes.json]: { schema: ref("schemas", name) } })
const text = (description: string) => ({ schema: { type: "string", description } })

const header = (description: string, schema: Json) => ({ description, required: true, schema })
const sent: Readonly<Record<string, Json>> = {
  etag: header("strong; one per form and content coding", { type: "string", pattern: '^"[0-9a-f]{32}"$' }),
  "cache-control": header("how long the answer may be kept", { type: "string" }),
  vary: header("what the answer depends on", { type: "string" }),
  "content-length": header("bytes of the body as coded", { type: "string", pattern: "^[0-9]+$" }),
  [headers.reprDigest]: header("RFC 9530, over the body as coded", {
    type: "string",
    pattern: "^sha-256=:[A-Za-z0-9+/]{43}=:$",
  }),
  link: header("first, prev, next, last: the version's chunks at their immutable addresses", {
    type: "string",
  }),
  "content-location": header("the immutable address of what was answered", { type: "string" }),
  [headers.version]: header("the version's name", { type: "string", pattern: "^[0-9a-f]{64}$" }),
  [headers.chunk]: header("3/12: chunk 3 of 12", { type: "string", pattern: "^[0-9]+/[0-9]+$" }),
  [headers.rows]: header("records of the chunk, rejects included", { type: "string", pattern: "^[0-9]+$" }),
  [headers.firstRow]: header("number of its first row", { type: "string", pattern: "^[0-9]+$" }),
  "www-authenticate": header("RFC 6750: the scheme, and whether a token was wrong", {
    type: "string",
    pattern: "^Bearer ",
  }),
  "retry-after": header("seconds", { type: "string", pattern: "^[0-9]+$" }),
  "content-security-policy": header("nothing is loaded from anywhere", { type: "string" }),
}
const sends = (...names: string[]) => Object.fromEntries(names.map((name) => [name, ref("headers", name)]))

const representation = ["etag", "cache-control", "vary", "content-length", headers.reprDigest]
const chunkHeaders = ["link", headers.version, headers.chunk, headers.rows, headers.firstRow]

const parameters: Readonly<Record<string, Json>> = {
  dataset: inPath("dataset", "the dataset's name", { type: "string" }),
  version: inPath("version", "the version's name, 64 hex digits", { type: "string" }),
  chunk: inPath("chunk", "the chunk's number, from 1", { type: "integer", minimum: 1 }),
  row: inPath("row", "the row's number in the version, from 1", { type: "integer", minimum: 1 }),
}

function inPath(name: string, description: string, schema: Json): Json {
  return { name, in: "path", required: true, description, schema }
}

const everywhere: readonly ProblemCode[] = ["request-invalid", "unauthorized", "stopping", "internal"]
const ofFile: readonly ProblemCode[] = [
  "indexing",
  ...(Object.keys(problems) as ProblemCode[]).filter(
    (code) => problems[code].status === 409 || code === "file-unsettled",
  ),
]

/** One response per status; codes that share one are told apart by `code`. */
function refusals(codes: readonly ProblemCode[]): Record<string, ApiResponse> {
  const all = [...everywhere, ...codes]
  const statuses = [...new Set(all.map((code) => problems[code].status))]
  return Object.fromEntries(
    statuses.map((status) => {
      const some = all.filter((code) => problems[code].status === status)
      return [String(status), refusal(status, some)]
    }),
  )
}

function refusal(status: number | null, codes: readonly ProblemCode[]): ApiResponse {
  const also = status === 401 ? ["www-authenticate"] : status === 503 ? ["retry-after"] : []
  return {
    description: codes.map((code) => `\`${code}\`: ${problems[code].title}.`).join(" "),
    headers: sends("cache-control", ...also),
    content: {
      [mediaTypes.problem]: {
        schema: { allOf: [ref("schemas", "Problem"), { properties: { code: { enum: codes } } }] },
      },
    },
  }
}

type Answer = {
  readonly id: string
  readonly summary: string
  readonly description?: string
  readonly parameters?: readonly string[]
  readonly headers?: readonly string[]
  readonly content: Json
  readonly codes?: readonly ProblemCode[]
}

/** An answer with a tag, which knows 304. */
function tagged(answer: Answer): ApiOperation {
  const own = answer.headers ?? []
  return operation(answer, {
    "200": {
      description: "The representation.",
      headers: sends(...representation, ...own),
      content: answer.content,
    },
    "304": {
      description: "If-None-Match names the tag: nothing has changed.",
      headers: sends(
        "etag",
        "cache-control",
        "vary",
        ...own.filter((name) => name !== "content-security-policy"),
      ),
    },
    ...refusals(["not-acceptable", ...(answer.codes ?? [])]),
  })
}

function operation(answer: Answer, responses: Record<string, ApiResponse>): ApiOperation {
  return {
    operationId: answer.id,
    summary: answer.summary,
    ...(answer.description === undefined ? {} : { description: answer.description }),
    ...(answer.parameters === undefined
      ? {}
      : { parameters: answer.parameters.map((name) => ref("parameters", name)) }),
    responses,
  }
}

const chunkContent = {
  [mediaTypes.json]: { schema: ref("schemas", "Rows") },
  [mediaTypes.ndjson]: text(
    "What the loader reads. The first line is a ChunkHead, then one ChunkCells or ChunkReject per record, the last line a ChunkTail.",
  ),
}
const ofVersion: readonly ProblemCode[] = [
  "dataset-not-found",
  "version-not-found",
  "version-gone",
  ...ofFile,
]

/** What each address answers. */
const operations: Readonly<Record<string, ApiOperation>> = {
  [routes.datasets]: tagged({
    id: "listDatasets",
    summary: "What is offered",
    content: document("Datasets"),
  }),
  [routes.dataset]: tagged({
    id: "getDataset",
    summary: "The current version, its columns, and why they have these types",
    parameters: ["dataset"],
    content: document("Dataset"),
    codes: ["dataset-not-found"],
  }),
  [routes.version]: tagged({
    id: "getManifest",
    summary: "The manifest of a version",
    description: "Immutable: the same bytes for ever, or version-gone.",
    parameters: ["dataset", "version"],
    content: document("Manifest"),
    codes: ofVersion,
  }),
  [routes.chunk]: tagged({
    id: "getChunk",
    summary: "A chunk of a version",
    description: "Immutable: the same bytes for ever, or version-gone.",
    parameters: ["dataset", "version", "chunk"],
    headers: chunkHeaders,
    content: chunkContent,
    codes: [...ofVersion, "chunk-out-of-range", "too-busy"],
  }),
  [routes.row]: tagged({
    id: "getRowOrigin",
    summary: "Where a row comes from",
    parameters: ["dataset", "version", "row"],
    content: document("RowOrigin"),
    codes: [...ofVersion, "row-out-of-range"],
  }),
  [routes.currentChunk]: tagged({
    id: "getCurrentChunk",
    summary: "A chunk of the current version: the address to curl",
    parameters: ["dataset", "chunk"],
    headers: [...chunkHeaders, "content-location"],
    content: chunkContent,
    codes: ["dataset-not-found", "version-gone", ...ofFile, "chunk-out-of-range", "too-busy"],
  }),
  [routes.events]: operation(
    {
      id: "listenToEvents",
      summary: "Server-sent events: a version was published",
      description: "First the current version of every dataset, then each new one, until the client leaves.",
      content: {},
    },
    {
      "200": {
        description: "A stream that does not end.",
        headers: sends("cache-control", "vary"),
        content: {
          [mediaTypes.events]: text(
            "Events `version.published` whose data is a VersionPublished; comments as a sign of life.",
          ),
        },
      },
      ...refusals(["not-acceptable", "too-busy"]),
    },
  ),
  [routes.openapi]: {
    ...tagged({ id: "getApi", summary: "This document", content: document("OpenApi") }),
    security: [],
  },
  [routes.docs]: {
    ...tagged({
      id: "getDocs",
      summary: "This document, for people",
      headers: ["content-security-policy"],
      content: { "text/html": text("A page without scripts.") },
    }),
    security: [],
  },
}

/** The document. `secured` says whether this source asks for tokens. */
export function describeApi({
  version,
  secured,
}: {
  readonly version: string
  readonly secured: boolean
}): ApiDocument {
  const paths = Object.entries(operations).map(([route, get]) => [
    route.replace(/:([a-z]+)/g, "{$1}"),
    { get, head: headOf(get) },
  ])
  return {
    openapi: "3.1.1",
    info: {
      title: "Flatbed source",
      version,
      summary: "Flat files as versioned, immutable chunks",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: secured ? [{ token: [] }] : [],
    paths: Object.fromEntries(paths),
    components: {
      schemas: { ...schemas, OpenApi: { type: "object", required: ["openapi", "info", "paths"] } },
      headers: sent,
      parameters,
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "made by `flatbed-source token new`" },
      },
    },
  }
}

/** RFC 9110 section 9.3.2: the same headers, no body. */
function headOf(get: ApiOperation): ApiOperation {
  const responses = Object.entries(get.responses).map(([status, { content: _, ...response }]) => [
    status,
    response,
  ])
  return { ...get, operationId: `${get.operationId}Head`, responses: Object.fromEntries(responses) }
}
