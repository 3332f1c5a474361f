/** Pure: what the OpenAPI document says in more than one place. The schemas are the contract's own. */
import {
  beginningsSchema,
  chunkHeadSchema,
  chunkTailSchema,
  datasetSchema,
  datasetsSchema,
  digestsSchema,
  headers,
  manifestSchema,
  mediaTypes,
  type ProblemCode,
  problems,
  rejectLineSchema,
  requestLimits,
  rowOriginSchema,
  rowOriginsSchema,
  servedVersionsSchema,
  versionEvidenceSchema,
  versionPublishedSchema,
} from "@flatbed/contract"
import Type, { type TSchema } from "@flatbed/typebox"
import { maxLimit, standardLimit } from "../preview-limit.ts"

export type Json = Readonly<Record<string, unknown>>

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

export const schemas: Readonly<Record<string, TSchema>> = {
  Problem: problemSchema,
  Datasets: datasetsSchema,
  Dataset: datasetSchema,
  ServedVersions: servedVersionsSchema,
  Manifest: manifestSchema,
  VersionEvidence: versionEvidenceSchema,
  RowOrigin: rowOriginSchema,
  RowOrigins: rowOriginsSchema,
  Beginnings: beginningsSchema,
  Digests: digestsSchema,
  Rows: rowsSchema,
  ChunkHead: chunkHeadSchema,
  ChunkCells: Type.Array(Type.Union([Type.String(), Type.Null()])),
  ChunkReject: rejectLineSchema,
  ChunkTail: chunkTailSchema,
  VersionPublished: versionPublishedSchema,
}

export const ref = (kind: "schemas" | "headers" | "parameters", name: string) => ({
  $ref: `#/components/${kind}/${name}`,
})
export const document = (name: string) => ({ [mediaTypes.json]: { schema: ref("schemas", name) } })
export const text = (description: string) => ({ schema: { type: "string", description } })

const header = (description: string, schema: Json) => ({ description, required: true, schema })
export const sent: Readonly<Record<string, Json>> = {
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
  [headers.rejects]: header("records of the chunk that were set aside", {
    type: "string",
    pattern: "^[0-9]+$",
  }),
  [headers.chunk]: header("3/12: chunk 3 of 12; 3-5/12: chunks 3 to 5", {
    type: "string",
    pattern: "^[0-9]+(-[0-9]+)?/[0-9]+$",
  }),
  [headers.rows]: header("records of the chunk, rejects included", { type: "string", pattern: "^[0-9]+$" }),
  [headers.firstRow]: header("number of its first row", { type: "string", pattern: "^[0-9]+$" }),
  "www-authenticate": header("RFC 6750: the scheme, and whether a token was wrong", {
    type: "string",
    pattern: "^Bearer ",
  }),
  "retry-after": header("seconds", { type: "string", pattern: "^[0-9]+$" }),
  "content-security-policy": header("nothing is loaded from anywhere", { type: "string" }),
}
export const sends = (...names: string[]) =>
  Object.fromEntries(names.map((name) => [name, ref("headers", name)]))

export const representation = ["etag", "cache-control", "vary", "content-length", headers.reprDigest]
export const chunkHeaders = [
  "link",
  headers.version,
  headers.chunk,
  headers.rows,
  headers.rejects,
  headers.firstRow,
]

export const parameters: Readonly<Record<string, Json>> = {
  dataset: inPath("dataset", "the dataset's name", { type: "string" }),
  version: inPath("version", "the version's name, 64 hex digits", { type: "string" }),
  chunk: inPath("chunk", "the chunk's number, from 1", { type: "integer", minimum: 1 }),
  rows: {
    name: "rows",
    in: "query",
    description: "how many records at most",
    schema: { type: "integer", minimum: 1, maximum: maxLimit, default: standardLimit },
  },
  first: inPath("first", "the first chunk's number, from 1", { type: "integer", minimum: 1 }),
  last: inPath(
    "last",
    `the last chunk's number; at most ${requestLimits.chunks} chunks of at most ${requestLimits.bytes} bytes together`,
    { type: "integer", minimum: 1 },
  ),
  whichRows: {
    name: "rows",
    in: "query",
    required: true,
    description: `numbers of rows, rising, at most ${requestLimits.rows}, such as 5,9,14`,
    schema: { type: "string", pattern: "^[1-9][0-9]*(,[1-9][0-9]*)*$" },
  },
  file: inPath("file", "the file's place in the manifest, from 1", { type: "integer", minimum: 1 }),
  whichBytes: {
    name: "bytes",
    in: "query",
    required: true,
    description: `numbers of bytes, rising, at most ${requestLimits.beginnings}, such as 1000,2000`,
    schema: { type: "string", pattern: "^[1-9][0-9]*(,[1-9][0-9]*)*$" },
  },
  whichChunks: {
    name: "chunks",
    in: "query",
    description: `the first and the last chunk, such as 3-40; all unless given. At most ${requestLimits.chunks} chunks of at most ${requestLimits.digestBytes} bytes together`,
    schema: { type: "string", pattern: "^[1-9][0-9]*(-[1-9][0-9]*)?$" },
  },
  asText: columnPlaces("text", "columns whose cells are hashed as they are written, such as 2,5"),
  withoutColumns: columnPlaces("without", "columns that are left out, such as 3"),
  row: inPath("row", "the row's number in the version, from 1", { type: "integer", minimum: 1 }),
}

function columnPlaces(name: string, description: string): Json {
  return {
    name,
    in: "query",
    description: `${description}; by their place in the manifest, from 1`,
    schema: { type: "string", pattern: "^[1-9][0-9]*(,[1-9][0-9]*)*$" },
  }
}

function inPath(name: string, description: string, schema: Json): Json {
  return { name, in: "path", required: true, description, schema }
}
