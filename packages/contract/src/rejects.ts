/** Records that were set aside: why, where they stand in the file, and their bytes. */
import Type, { type Static } from "@flatbed/typebox"

/** Why a record was set aside. Names follow Frictionless where it has one. */
export const rejectCodes = {
  "missing-cell": "the record has fewer cells than the header",
  "extra-cell": "the record has more cells than the header",
  "type-error": "a cell is no accepted spelling of its column's type",
  "quote-error": "a quote or a line end is out of place; reading went on at the next sure record",
  "encoding-error": "the record is not valid text in the file's encoding",
  "nul-error": "the record holds a NUL character, which Postgres text cannot",
  "json-error": "the record is not valid JSON",
  "duplicate-key": "an object of the record has two keys of the same name",
  "too-deep": "the record's objects and arrays stand in each other more than 100 deep",
  "too-many-keys": "the record has more than 10,000 keys",
  "constraint-error": "Postgres refused the row: a constraint of the table",
  "null-key": "a cell of the pipeline's key is NULL, so the row cannot be told from others",
  "check-error": "the row breaks a check of the pipeline whose severity is reject",
} as const

export type RejectCode = keyof typeof rejectCodes

/** What a person can do about a record that was set aside so; the settings named are the dataset's in source.yaml. */
export const rejectHints: Readonly<Record<RejectCode, string>> = {
  "missing-cell":
    "Mend the record, or have short ones filled up with NULL by dialect.ragged: pad; dialect.blank_lines: skip passes over empty lines.",
  "extra-cell":
    "Mend the record: a cell that holds the delimiter belongs in quotes. dialect.ragged: truncate cuts long ones.",
  "type-error":
    "Mend the cell, say how it is written with columns.clean, formats or booleans, or declare the column text.",
  "quote-error":
    "Quote the whole cell and write a quote inside it twice, or say in the dialect how quotes are written.",
  "encoding-error": "Name the file's encoding in dialect.encoding; flatbed-source discover proposes one.",
  "nul-error": "Take the NUL out, or have it left out by dialect.nul: strip.",
  "json-error": "Mend the record: the place is the first character that no JSON text can have there.",
  "duplicate-key": "Take one of the two out: jsonb and most programs would keep the last without a word.",
  "too-deep": "Take the innermost values out, or write them as text.",
  "too-many-keys": "Have the data written as an array of small objects instead of one large one.",
  "constraint-error": "Mend the row, or change what the table asks of it.",
  "null-key": "Fill the cell in, or name other columns in the pipeline's key in loader.yaml.",
  "check-error": "Mend the row, or change the check in the pipeline's checks in loader.yaml.",
}

/**
 * One record set aside. In a chunk as NDJSON it stands in its row's place as `{"reject": {…}}`; JSON and CSV leave
 * it out. column and value name the first cell that is at fault, null when no single cell is.
 */
export const rejectSchema = Type.Object({
  row: Type.Integer({ minimum: 1, description: "the record's number in the version" }),
  file: Type.String({ description: "path relative to the source's root" }),
  line: Type.Integer({ minimum: 1, description: "line of the file on which the record begins" }),
  byte: Type.Integer({
    minimum: 0,
    description: "offset of the record's first byte in the file, once that is unpacked",
  }),
  code: Type.Enum(Object.keys(rejectCodes) as RejectCode[]),
  column: Type.Union([Type.String(), Type.Null()]),
  value: Type.Union([Type.String(), Type.Null()], { description: "the cell, cut after 100 characters" }),
  reason: Type.String({ description: "what was found and what was expected" }),
  raw: Type.String({
    contentEncoding: "base64",
    description: "the record's bytes, without its line end; none where a column is hashed",
  }),
})

export type Reject = Static<typeof rejectSchema>

/** A reject as a line of a chunk. */
export const rejectLineSchema = Type.Object({ reject: rejectSchema })

/** How the reason of a missing-cell begins whose record is a line with nothing on it. */
export const emptyLine = "The line is empty"
