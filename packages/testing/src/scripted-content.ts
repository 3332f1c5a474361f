/** What a scripted source serves: a dataset's rows as manifest and NDJSON chunks, made from plain values. */
import { createHash } from "node:crypto"
import { type Column, type Dataset, hashColumns, type Manifest, paths } from "@flatbed/contract"

export type ScriptedDataset = {
  readonly name: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly (string | null)[])[]
  readonly rowsPerChunk: number
}

/** One content, ready to be served. */
export type ScriptedVersion = {
  readonly version: string
  readonly manifest: Manifest
  readonly dataset: Dataset
  /** Bodies of the chunks as NDJSON; chunk n is at n − 1. */
  readonly chunks: readonly Buffer[]
}

/** Makes the version of a content: the same content is the same version. */
export function makeScriptedVersion(content: ScriptedDataset): ScriptedVersion {
  const { name, rows, rowsPerChunk } = content
  const columns = [...content.columns]
  const version = sha256(JSON.stringify([name, columns, rows, rowsPerChunk]))
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
      rejects: 0,
      file,
      byte_from: byteFrom,
      byte_to: byte,
      sha256: sha256(raw),
    }
  })
  const manifest: Manifest = {
    dataset: name,
    version,
    columns,
    files: [{ file, bytes: byte, sha256: sha256(rows.map(csvRecord).join("")) }],
    rows: rows.length,
    rejects: 0,
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
      rejects: 0,
      columns_sha256: columnsDigest,
      raw_sha256: chunk.sha256,
    }
    const lines = [head, ...(pages[index] ?? []), { rows: chunk.rows, rejects: 0 }]
    return Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
  })
  return { version, manifest, chunks: bodies, dataset: describeDataset(manifest) }
}

function describeDataset(manifest: Manifest): Dataset {
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
