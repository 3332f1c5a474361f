/** What a file would be as a dataset: its columns and rows, or why it cannot be served. */
import { basename, dirname } from "node:path"
import { type ManifestChunk, Problem } from "@flatbed/contract"
import { hintOf } from "./dataset-report.ts"
import type { DraftFile } from "./draft.ts"
import { type ReadableVersion, readFirstRejects } from "./first-records.ts"
import { chooseReader } from "./formats/readers.ts"
import { sniffDelimiter } from "./formats/sniff-delimiter.ts"
import { noIndexes } from "./index-folder.ts"
import { type OpenFile, openFile } from "./open-file.ts"
import { readFile } from "./read-file.ts"
import { readTextHead } from "./text/read-head.ts"
import type { TextFile } from "./text/text-file.ts"

const headBytes = 64 * 1024
const maxRecordBytes = 16 * 1024 * 1024
const maxTextBytes = 64 * 1024 ** 3
// No chunk is served from here, so where it is cut does not matter.
const chunk = { bytes: 1024 * 1024 }

/** Reads the whole file. What a file can be refused for is told as its trouble; what else happens is raised. */
export async function surveyFile(path: string, signal: AbortSignal): Promise<DraftFile> {
  if (basename(path).includes("*")) {
    return { path, trouble: "its name holds *, which stands for a pattern. Rename it.", delimiter: "," }
  }
  const file = basename(path)
  let open: OpenFile | undefined
  let text: TextFile | undefined
  let delimiter = ","
  try {
    open = await openFile(dirname(path), file)
    const head = await readTextHead(file, open.read, { bytes: headBytes })
    delimiter = sniffDelimiter(head.bytes.toString())
    const dialect = { delimiter, quote: '"' }
    const reader = chooseReader(dialect)
    const made = await readFile({
      dataset: "survey",
      file,
      open,
      reader,
      shape: { columns: { drop: [], rename: {}, types: {} }, chunk, dialect },
      maxRecordBytes,
      maxTextBytes,
      indexes: noIndexes,
      signal,
      onProgress: () => {},
    })
    text = made.text
    const { index } = made
    const { columns, rows, rejects: count } = index.manifest
    const { read } = text ?? open
    const first = await describeFirst({ index, reader, read: (one) => readChunk(read, one) })
    const rejects = first === undefined ? {} : { rejects: { count, first } }
    return { path, columns, rows: rows - count, ...rejects, delimiter }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof Problem)) throw error
    const { message, hint = "" } = error
    return { path, trouble: `${message} ${hint}`.trim(), delimiter }
  } finally {
    await text?.close()
    await open?.close()
  }
}

async function describeFirst(version: ReadableVersion): Promise<string | undefined> {
  const [first] = await readFirstRejects(version, 1)
  if (first === undefined) return undefined
  return `line ${first.line}: ${first.code}: ${first.reason} ${hintOf([first]) ?? ""}`.trim()
}

async function readChunk(read: OpenFile["read"], chunk: ManifestChunk): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(chunk.byte_to - chunk.byte_from)
  return bytes.subarray(0, await read(bytes, chunk.byte_from))
}
