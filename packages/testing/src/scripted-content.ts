/** What a scripted source serves: a dataset's rows as manifest and NDJSON chunks, made from plain values. */
import { createHash } from "node:crypto"
import {
  type Column,
  type Dataset,
  type Evidence,
  hashColumns,
  type Manifest,
  paths,
  type Reject,
  type RowOrigin,
  type WrittenDialect,
} from "@flatbed/contract"

export type ScriptedDataset = {
  readonly name: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly (string | null)[])[]
  readonly rowsPerChunk: number
  /** Rows that the source sets aside, by their number from 1, and why. */
  readonly setAside?: ReadonlyMap<number, Pick<Reject, "code" | "column" | "value" | "reason">>
  /** What all rows said about a column's type, by its name; left out, numbers have no digits and text no length. */
  readonly evidence?: Readonly<Record<string, Partial<Evidence>>>
  /** What the manifest says of how the file is written; left out, it says nothing. */
  readonly dialect?: WrittenDialect
}

/** One content, ready to be served. */
export type ScriptedVersion = {
  readonly version: string
  readonly manifest: Manifest
  readonly dataset: Dataset
  /** Bodies of the chunks as NDJSON; chunk n is at n − 1. */
  readonly chunks: readonly Buffer[]
  /** Where each row comes from; row n is at n − 1. */
  readonly origins: readonly RowOrigin[]
  /** Numbers of the rows that are set aside. */
  readonly setAside: ReadonlySet<number>
}

/** Makes the version of a content: the same content is the same version. */
export function makeScriptedVersion(content: ScriptedDataset): ScriptedVersion {
  const { name, rows, rowsPerChunk } = content
  const columns = [...content.columns]
  const setAside = content.setAside ?? new Map()
  const version = sha256(JSON.stringify([name, columns, rows, rowsPerChunk, ...setAside]))
  const file = `${name}.csv`
  let byte = 0
  const pages: (readonly (string | null)[])[][] = []
  for (let from = 0; from < rows.length; from += rowsPerChunk)
    pages.push(rows.slice(from, from + rowsPerChunk))
  const chunks = pages.map((page, index) => {
    const raw = page.map(csvRecord).join("")
    const byteFrom = byte
    byte += Buffer.byteLength(raw)
    return {
      chunk: index + 1,
      first_row: index * rowsPerChunk + 1,
      rows: page.length,
      rejects: page.filter((_, i) => setAside.has(index * rowsPerChunk + i + 1)).length,
      filtered: 0,
      file,
      byte_from: byteFrom,
      byte_to: byte,
      sha256: sha256(raw),
    }
  })
  const origins = describeOrigins()
  const manifest: Manifest = {
    dataset: name,
    version,
    columns,
    files: [{ file, bytes: byte, sha256: sha256(rows.map(csvRecord).join("")) }],
    ...(content.dialect === undefined ? {} : { dialect: content.dialect }),
    rows: rows.length,
    rejects: setAside.size,
    filtered: 0,
    chunks,
  }
  const columnsDigest = hashColumns(columns)
  const bodies = chunks.map((chunk, index) => {
    const head = {
      dataset: name,
      version,
      chunk: chunk.chunk,
      first_row: chunk.first_row,
      rows: chunk.rows,
      rejects: chunk.rejects,
      columns_sha256: columnsDigest,
      raw_sha256: chunk.sha256,
    }
    const page = (pages[index] ?? []).map((cells, i) => makeReject(chunk.first_row + i) ?? cells)
    const lines = [head, ...page, { rows: chunk.rows, rejects: chunk.rejects }]
    return Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
  })
  return {
    ...{ version, manifest, chunks: bodies, origins },
    setAside: new Set(setAside.keys()),
    dataset: describeDataset(manifest, content.evidence),
  }

  /** The file has no header here, and every record is a line of its own. */
  function describeOrigins(): RowOrigin[] {
    let from = 0
    return rows.map((row, i) => {
      const raw = Buffer.from(csvRecord(row))
      const origin = { byte_from: from, byte_to: from + raw.length, raw: raw.toString("base64") }
      from = origin.byte_to
      const chunk = Math.floor(i / rowsPerChunk) + 1
      return { dataset: name, version, row: i + 1, chunk, file, line: i + 1, ...origin }
    })
  }

  function makeReject(row: number): { reject: Reject } | undefined {
    const why = setAside.get(row)
    const origin = origins[row - 1]
    if (why === undefined || origin === undefined) return undefined
    const { line, byte_from: byte } = origin
    const raw = Buffer.from(origin.raw, "base64").subarray(0, -1).toString("base64")
    return { reject: { row, file, line, byte, ...why, raw } }
  }
}

function describeDataset(manifest: Manifest, evidence: ScriptedDataset["evidence"] = {}): Dataset {
  const { dataset: name, version } = manifest
  return {
    name,
    state: "ready",
    version,
    rows: manifest.rows,
    bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    chunks: manifest.chunks.length,
    links: { self: paths.dataset(name), manifest: paths.version(name, version) },
    columns: manifest.columns,
    evidence: manifest.columns.map((column) => ({
      column: column.name,
      declared: true,
      nulls: 0,
      empties: 0,
      max_bytes: 0,
      max_integer_digits: 0,
      max_scale: 0,
      forms: [],
      ruled_out: null,
      ...evidence[column.name],
    })),
    files: manifest.files,
  }
}

// Quoting every cell is always right (RFC 4180 section 2, rule 5), and NULL stays apart from empty text.
function csvRecord(row: readonly (string | null)[]): string {
  return `${row.map((cell) => (cell === null ? "" : `"${cell.replaceAll('"', '""')}"`)).join(",")}\n`
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex")
}
