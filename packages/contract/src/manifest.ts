/** The description of one version, and of a dataset's current state. Sizes are bytes; rows and chunks count from 1. */
import Type, { type Static } from "@flatbed/typebox"
import { columnSchema, evidenceSchema } from "./columns.ts"
import { versionPattern } from "./routes.ts"

const count = () => Type.Integer({ minimum: 0 })
const filteredCount = () =>
  Type.Integer({
    minimum: 0,
    description: "records that the settings' filter leaves out: no rows, no rejects",
  })
const position = () => Type.Integer({ minimum: 1 })
const sha256 = (description: string) => Type.String({ pattern: versionPattern, description })

export const fileSchema = Type.Object({
  file: Type.String({ description: "path relative to the source's root" }),
  bytes: count(),
  sha256: sha256("of the whole file, as it lies there"),
  encoding: Type.Optional(
    Type.String({ description: "of a file that is read through its text: how that was encoded" }),
  ),
  compression: Type.Optional(Type.Enum(["gzip", "zstd"], { description: "how the file is packed" })),
  text_bytes: Type.Optional(
    Type.Integer({ minimum: 0, description: "of its text, in UTF-8; chunks are ranges of it" }),
  ),
  text_sha256: Type.Optional(sha256("of that text")),
})

/** How a file is written: property names are those of Table Dialect (Data Package v2). */
export const writtenDialectSchema = Type.Object({
  delimiter: Type.String(),
  quote_char: Type.String({ description: "around cells; empty: there are no quotes" }),
  double_quote: Type.Boolean({ description: "whether a quote inside quotes is written twice" }),
  escape_char: Type.Optional(
    Type.String({ description: "what makes the next character plain, inside quotes" }),
  ),
  line_terminator: Type.Optional(Type.Literal("cr", { description: "a bare CR; else LF or CRLF" })),
  fields: Type.Array(Type.String(), { description: "a name for every cell of a record, served or not" }),
})

export const manifestChunkSchema = Type.Object({
  chunk: position(),
  first_row: position(),
  rows: Type.Integer({ minimum: 0, description: "records that are not filtered, rejects included" }),
  rejects: count(),
  filtered: filteredCount(),
  file: Type.String(),
  byte_from: Type.Integer({
    minimum: 0,
    description: "offset of the first byte in the file, or in its text where it has one",
  }),
  byte_to: Type.Integer({ minimum: 0, description: "offset after the last byte" }),
  sha256: sha256("of the bytes from byte_from up to byte_to"),
  origin_from: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: "byte_from in the unpacked file, where its encoding makes that another",
    }),
  ),
  origin_to: Type.Optional(Type.Integer({ minimum: 0, description: "likewise byte_to" })),
})

export const manifestSchema = Type.Object({
  dataset: Type.String(),
  version: sha256("the version's name"),
  columns: Type.Array(columnSchema),
  files: Type.Array(fileSchema),
  dialect: Type.Optional(writtenDialectSchema),
  rows: Type.Integer({ minimum: 0, description: "records that are not filtered, rejects included" }),
  rejects: count(),
  filtered: filteredCount(),
  chunks: Type.Array(manifestChunkSchema),
})

/** First line of a chunk as NDJSON, alone or in a group: its identity, inside the digested bytes. */
export const chunkHeadSchema = Type.Object({
  dataset: Type.String(),
  version: sha256("the version's name"),
  chunk: position(),
  first_row: position(),
  rows: count(),
  rejects: count(),
  columns_sha256: sha256("of the manifest's columns, see hashColumns"),
  raw_sha256: sha256("the manifest's digest of this chunk's bytes in the file"),
})

/** Last line of a chunk as NDJSON: a body that was cut off has none. */
export const chunkTailSchema = Type.Object({ rows: count(), rejects: count() })

export const datasetStates = ["indexing", "ready", "failed"] as const

const problemSchema = Type.Object({
  code: Type.String(),
  detail: Type.String(),
  hint: Type.Optional(Type.String()),
})

/** A file that is meant by the settings and not part of the version. */
const leftOutSchema = (description: string) =>
  Type.Optional(Type.Array(Type.Object({ file: Type.String(), reason: Type.String() }), { description }))

const progressSchema = Type.Object({ bytes: count(), of: count() })

/**
 * One line of the catalog. `state` speaks of the newest content: `ready` when the current version is it,
 * `indexing` while a version is being made, `failed` when it could not be made (then `problem` says why).
 * A version made before stays served in every state. version, rows, bytes and chunks are null before the first.
 */
export const datasetSummarySchema = Type.Object({
  name: Type.String(),
  state: Type.Enum(datasetStates),
  version: Type.Union([sha256("the current version"), Type.Null()]),
  rows: Type.Union([count(), Type.Null()]),
  bytes: Type.Union([count(), Type.Null()]),
  chunks: Type.Union([count(), Type.Null()]),
  progress: Type.Optional(progressSchema),
  problem: Type.Optional(problemSchema),
  links: Type.Record(Type.String(), Type.String()),
})

export const datasetsSchema = Type.Object({ datasets: Type.Array(datasetSummarySchema) })

/** The current version with its columns and the evidence for their types, over all rows. */
export const datasetSchema = Type.Intersect([
  datasetSummarySchema,
  Type.Object({
    columns: Type.Union([Type.Array(columnSchema), Type.Null()]),
    evidence: Type.Union([Type.Array(evidenceSchema), Type.Null()]),
    files: Type.Union([Type.Array(fileSchema), Type.Null()]),
    waiting: leftOutSchema(
      "files that are still being written: waited for, or left to a later version; the first hundred",
    ),
    left_out: leftOutSchema("what is meant by its name and is no file, such as a folder; the first hundred"),
  }),
])

/** The versions of a dataset that are served now: the current one first, then those before it, the latest first. */
export const servedVersionsSchema = Type.Object({
  dataset: Type.String(),
  versions: Type.Array(
    Type.Object({
      version: sha256("the version's name"),
      current: Type.Boolean(),
      rows: count(),
      rejects: count(),
      bytes: count(),
      links: Type.Record(Type.String(), Type.String()),
    }),
  ),
})

/** Why the columns of one version have their types, over all of its rows. */
export const versionEvidenceSchema = Type.Object({
  dataset: Type.String(),
  version: sha256("the version's name"),
  evidence: Type.Array(evidenceSchema),
})

/** What `/v1/events` announces as `version.published`: a dataset has a new current version. */
export const versionPublishedSchema = Type.Object({
  dataset: Type.String(),
  version: sha256("the version's name"),
  rows: count(),
  published_at: Type.String({ format: "date-time", description: "RFC 3339, UTC" }),
})

/** Where one row comes from, in the unpacked file. `raw` is base64 of the record's bytes; none where a column is hashed. */
export const rowOriginSchema = Type.Object({
  dataset: Type.String(),
  version: Type.String(),
  row: position(),
  chunk: position(),
  file: Type.String(),
  line: Type.Integer({ minimum: 1, description: "line on which the record begins" }),
  byte_from: count(),
  byte_to: count(),
  raw: Type.String({ contentEncoding: "base64" }),
  encoding: Type.Optional(Type.String({ description: "of raw, where it is not UTF-8" })),
})

/** Where several rows come from, in the order in which they were asked for. */
export const rowOriginsSchema = Type.Object({ rows: Type.Array(rowOriginSchema) })

/**
 * The first bytes of a file, or of its text where it has one: their digest, and the records in them. `sha256` is null
 * where a column is hashed: digests of beginnings would tell its cells, one after the other.
 */
export const beginningSchema = Type.Object({
  bytes: position(),
  sha256: Type.Union([sha256("of these bytes"), Type.Null()]),
  whole: Type.Boolean({
    description: "whether they end between two records; the last one may be without its line end",
  }),
  rows: Type.Integer({ minimum: 0, description: "records in them that are not filtered, rejects included" }),
  rejects: count(),
  filtered: filteredCount(),
})

/** Beginnings of one file of a version, in the order in which they were asked for. */
export const beginningsSchema = Type.Object({
  dataset: Type.String(),
  version: sha256("the version's name"),
  file: Type.String(),
  beginnings: Type.Array(beginningSchema),
})

/** The digest of a chunk's rows, see row-digest.ts. */
export const chunkDigestSchema = Type.Object({
  chunk: position(),
  first_row: position(),
  rows: Type.Integer({ minimum: 0, description: "rows that are hashed: rejects are not" }),
  digest: Type.String({ pattern: "^[0-9a-f]{16}$", description: "of these rows, whatever their order" }),
})

/** Digests of the rows of chunks that follow each other. */
export const digestsSchema = Type.Object({
  dataset: Type.String(),
  version: sha256("the version's name"),
  columns: Type.Array(Type.String(), { description: "those that are hashed, in this order" }),
  chunks: Type.Array(chunkDigestSchema),
})

export type Manifest = Static<typeof manifestSchema>
export type ManifestChunk = Static<typeof manifestChunkSchema>
export type WrittenDialect = Static<typeof writtenDialectSchema>
export type ManifestFile = Static<typeof fileSchema>
export type ChunkHead = Static<typeof chunkHeadSchema>
export type ChunkTail = Static<typeof chunkTailSchema>
export type DatasetSummary = Static<typeof datasetSummarySchema>
export type Dataset = Static<typeof datasetSchema>
export type ServedVersions = Static<typeof servedVersionsSchema>
export type VersionEvidence = Static<typeof versionEvidenceSchema>
export type VersionPublished = Static<typeof versionPublishedSchema>
export type RowOrigin = Static<typeof rowOriginSchema>
export type RowOrigins = Static<typeof rowOriginsSchema>
export type Beginning = Static<typeof beginningSchema>
export type Beginnings = Static<typeof beginningsSchema>
export type ChunkDigest = Static<typeof chunkDigestSchema>
export type Digests = Static<typeof digestsSchema>
