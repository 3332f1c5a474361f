/** What a file would be as a dataset: its columns and rows, or why it cannot be served. */
import { basename, dirname } from "node:path"
import { type ManifestChunk, Problem } from "@flatbed/contract"
import { hintOf } from "./dataset-report.ts"
import type { DraftFile } from "./draft.ts"
import { type ReadableVersion, readFirstRejects } from "./first-records.ts"
import { chooseReader } from "./formats/readers.ts"
import { sniffDelimiter } from "./formats/sniff-delimiter.ts"
import { type OpenFile, openFile } from "./open-file.ts"
import { standardRecordBytes } from "./version-name.ts"
import { passOverFile } from "./version-pass.ts"

const headBytes = 64 * 1024
// No chunk is served from here, so where it is cut does not matter.
const chunk = { bytes: 1024 * 1024 }

/** Reads the whole file. What a file can be refused for is told as its trouble; what else happens is raised. */
export async function surveyFile(path: string, signal: AbortSignal): Promise<DraftFile> {
  if (basename(path).includes("*")) {
    return { path, trouble: "its name holds *, which stands for a pattern. Rename it.", delimiter: "," }
  }
  let open: OpenFile | undefined
  let delimiter = ","
  try {
    const opened = await openFile(dirname(path), basename(path))
    open = opened
    delimiter = await findDelimiter(open)
    const dialect = { delimiter, quote: '"' }
    const reader = chooseReader(dialect)
    const index = await passOverFile({
      dataset: "survey",
      file: basename(path),
      open,
      reader,
      shape: { columns: { drop: [], rename: {}, types: {} }, chunk, dialect },
      maxRecordBytes: standardRecordBytes,
      signal,
      onProgress: () => {},
    })
    const { columns, rows, rejects: count } = index.manifest
    const first = await describeFirst({ index, reader, read: (one) => readChunk(opened, one) })
    const rejects = first === undefined ? {} : { rejects: { count, first } }
    return { path, columns, rows: rows - count, ...rejects, delimiter }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof Problem)) throw error
    const { message, hint = "" } = error
    return { path, trouble: `${message} ${hint}`.trim(), delimiter }
  } finally {
    await open?.close()
  }
}

async function describeFirst(version: ReadableVersion): Promise<string | undefined> {
  const [first] = await readFirstRejects(version, 1)
  if (first === undefined) return undefined
  return `line ${first.line}: ${first.code}: ${first.reason} ${hintOf([first]) ?? ""}`.trim()
}

async function readChunk(open: OpenFile, chunk: ManifestChunk): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(chunk.byte_to - chunk.byte_from)
  return bytes.subarray(0, await open.read(bytes, chunk.byte_from))
}

async function findDelimiter(open: OpenFile): Promise<string> {
  const head = Buffer.alloc(Math.min(headBytes, open.identity.bytes))
  const filled = await open.read(head, 0)
  return sniffDelimiter(head.subarray(0, filled).toString())
}
