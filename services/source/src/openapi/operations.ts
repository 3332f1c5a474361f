/** Pure: what each address answers, with every status and media type. */
import { headers, mediaTypes, type ProblemCode, problems, routes } from "@flatbed/contract"
import { chunkHeaders, document, type Json, ref, representation, sends, text } from "./components.ts"

export type ApiResponse = { readonly description: string; readonly headers?: Json; readonly content?: Json }
export type ApiOperation = {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly parameters?: readonly Json[]
  readonly responses: Readonly<Record<string, ApiResponse>>
  readonly security?: readonly Json[]
}
// Raised before any route is asked, or by a bug.
const everywhere: readonly ProblemCode[] = ["request-invalid", "stopping", "internal"]
const ofFile: readonly ProblemCode[] = [
  "indexing",
  ...(Object.keys(problems) as ProblemCode[]).filter(
    (code) => problems[code].status === 409 || code === "file-unsettled",
  ),
]

/** One response per status; codes that share one are told apart by `code`. */
function refusals(codes: readonly ProblemCode[], open = false): Record<string, ApiResponse> {
  const all = [...everywhere, ...(open ? [] : ["unauthorized" as const]), ...codes]
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
  /** Answered without a token. */
  readonly open?: true
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
    ...refusals(["not-acceptable", ...(answer.codes ?? [])], answer.open),
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
    ...(answer.open === true ? { security: [] } : {}),
  }
}

const csvText = "RFC 4180 with a header; an empty cell is absent, a quoted empty one is the empty text."
const chunkContent = {
  [mediaTypes.json]: { schema: ref("schemas", "Rows") },
  [mediaTypes.ndjson]: text(
    "What the loader reads. The first line is a ChunkHead, then one ChunkCells or ChunkReject per record, the last line a ChunkTail.",
  ),
  [mediaTypes.csv]: text(csvText),
}
const ofVersion: readonly ProblemCode[] = [
  "dataset-not-found",
  "version-not-found",
  "version-gone",
  ...ofFile,
]

/** What each address answers. */
export const operations: Readonly<Record<string, ApiOperation>> = {
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
  [routes.versions]: tagged({
    id: "listVersions",
    summary: "The versions that are served now, the current one first",
    description: "One whose file was replaced stays for a while; one whose file was edited is gone at once.",
    parameters: ["dataset"],
    content: document("ServedVersions"),
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
  [routes.evidence]: tagged({
    id: "getEvidence",
    summary: "Why the columns of a version have these types",
    parameters: ["dataset", "version"],
    content: document("VersionEvidence"),
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
  [routes.chunkGroup]: tagged({
    id: "getChunkGroup",
    summary: "Several chunks of a version in one answer",
    description: "Immutable. Each with its own head and tail, one after the other.",
    parameters: ["dataset", "version", "first", "last"],
    headers: chunkHeaders.filter((name) => name !== "link"),
    content: { [mediaTypes.ndjson]: chunkContent[mediaTypes.ndjson] },
    codes: [...ofVersion, "chunk-out-of-range", "too-busy"],
  }),
  [routes.row]: tagged({
    id: "getRowOrigin",
    summary: "Where a row comes from",
    parameters: ["dataset", "version", "row"],
    content: document("RowOrigin"),
    codes: [...ofVersion, "row-out-of-range"],
  }),
  [routes.rows]: tagged({
    id: "getRowOrigins",
    summary: "Where several rows come from",
    parameters: ["dataset", "version", "whichRows"],
    content: document("RowOrigins"),
    codes: [...ofVersion, "row-out-of-range", "too-busy"],
  }),
  [routes.beginnings]: tagged({
    id: "getBeginnings",
    summary: "The digests of a file's first bytes, and the records in them",
    parameters: ["dataset", "version", "file", "whichBytes"],
    content: document("Beginnings"),
    codes: [...ofVersion, "too-busy"],
  }),
  [routes.digests]: tagged({
    id: "getDigests",
    summary: "Digests of the rows of chunks, whatever their order",
    description: "For comparing a version with a table that was loaded from it, without fetching it again.",
    parameters: ["dataset", "version", "whichChunks", "asText", "withoutColumns"],
    content: document("Digests"),
    codes: [...ofVersion, "chunk-out-of-range", "too-busy"],
  }),
  [routes.currentChunk]: tagged({
    id: "getCurrentChunk",
    summary: "A chunk of the current version: the address to curl",
    parameters: ["dataset", "chunk"],
    headers: [...chunkHeaders, "content-location"],
    content: chunkContent,
    codes: ["dataset-not-found", "version-gone", ...ofFile, "chunk-out-of-range", "too-busy"],
  }),
  [routes.preview]: tagged({
    id: "previewDataset",
    summary: "The first rows of the current version",
    parameters: ["dataset", "rows"],
    headers: [headers.version, headers.rows, headers.rejects],
    content: { [mediaTypes.json]: { schema: ref("schemas", "Rows") }, [mediaTypes.csv]: text(csvText) },
    codes: ["dataset-not-found", "version-gone", ...ofFile, "too-busy"],
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
  [routes.openapi]: tagged({
    id: "getApi",
    summary: "This document",
    content: document("OpenApi"),
    open: true,
  }),
  [routes.docs]: tagged({
    id: "getDocs",
    summary: "This document, for people",
    headers: ["content-security-policy"],
    content: { "text/html": text("A page without scripts.") },
    open: true,
  }),
}
