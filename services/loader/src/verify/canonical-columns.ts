/** Pure: how a column of a version is compared with the table's, by one spelling that both sides have for each value. */
import type { Column, ColumnType, DigestType } from "@flatbed/contract"
import { readType } from "../columns/column-fit.ts"
import { quoteName } from "../postgres/identifier.ts"
import type { Table } from "../postgres/table.ts"

export type ComparedColumn = {
  readonly name: string
  /** As what its cells are spelled: its type in the dataset, or text where the table keeps them as text. */
  readonly type: DigestType
  /** That spelling of the table's value, as text; undefined for a column that is left out. */
  readonly sql: string | undefined
}

type Spelling = { readonly as: "type" | "text"; readonly of: (column: string) => string }

const plain: Spelling = { as: "type", of: (column) => `${column}::text` }
// Of a value that is not what the file wrote, the table's text shows more than the file's type has.
const withoutScale: Spelling = { as: "type", of: (column) => `pg_catalog.trim_scale(${column})::text` }
const midnight: Spelling = {
  as: "type",
  of: (column) => `pg_catalog.regexp_replace(${column}::text, ' 00:00:00$', '')`,
}
const written: Spelling = { as: "text", of: (column) => `${column}::text` }
const asText = { text: written, "character varying": written }

/** Dataset type → Postgres type, as format_type writes it without its modifier; those of column-fit.ts. */
const spellings: Readonly<Record<ColumnType, Readonly<Record<string, Spelling>>>> = {
  boolean: { boolean: plain, ...asText },
  integer: { integer: plain, bigint: plain, smallint: plain, numeric: withoutScale, ...asText },
  bigint: { integer: plain, bigint: plain, smallint: plain, numeric: withoutScale, ...asText },
  numeric: { numeric: withoutScale, ...asText },
  date: { date: plain, "timestamp without time zone": midnight, ...asText },
  timestamp: { "timestamp without time zone": plain, ...asText },
  timestamptz: { "timestamp with time zone": plain, ...asText },
  jsonb: { jsonb: plain, json: written, ...asText },
  text: asText,
}

const known = new Set(Object.values(spellings).flatMap((into) => Object.keys(into)))

/** A column without a value in the file is text there, and in the table what it was before. */
function findSpelling(type: ColumnType, into: string): Spelling | undefined {
  const { name } = readType(into)
  return spellings[type][name] ?? (type === "text" && known.has(name) ? written : undefined)
}

/** Each column of the version; one that the table lacks, or keeps as a type that has no such spelling, is left out. */
export function compareByText(columns: readonly Column[], table: Pick<Table, "columns">): ComparedColumn[] {
  return columns.map(({ name, type }) => {
    const found = table.columns.find((column) => column.name === name)
    const spelling = found === undefined ? undefined : findSpelling(type, found.type)
    if (spelling === undefined) return { name, type: "left-out", sql: undefined }
    return { name, type: spelling.as === "text" ? "text" : type, sql: spelling.of(`t.${quoteName(name)}`) }
  })
}

/** The canonical cells of a row `t` of the table as one array of text. */
export function cellsSql(columns: readonly ComparedColumn[]): string {
  return `array[${columns.flatMap(({ sql }) => sql ?? []).join(", ")}]::text[]`
}

/**
 * The SHA-256 of a row `t`, of which its digest are the first 16 bytes: see row-digest.ts of the contract. Only this text makes both sides comparable, so
 * it is UTF-8 whatever the database's encoding.
 */
export function digestSql(columns: readonly ComparedColumn[]): string {
  const text = `pg_catalog.array_to_json(${cellsSql(columns)})::text`
  return `pg_catalog.sha256(pg_catalog.convert_to(${text}, 'UTF8'))`
}
