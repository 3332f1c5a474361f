/** What a file would be as a dataset: its columns and rows, or why it cannot be served. */
import { basename, dirname } from "node:path"
import { asProblem, Problem } from "@flatbed/contract"
import type { DraftFile } from "./draft.ts"
import { chooseReader } from "./formats/readers.ts"
import { sniffDelimiter } from "./formats/sniff-delimiter.ts"
import { type OpenFile, openFile } from "./open-file.ts"
import { passOverFile } from "./version-pass.ts"

const headBytes = 64 * 1024
const maxRecordBytes = 16 * 1024 * 1024
// No chunk is served from here, so where it is cut does not matter.
const chunk = { bytes: 1024 * 1024 }

/** Reads the whole file. What a file can be refused for is told as its trouble; what else happens is raised. */
export async function surveyFile(path: string, signal: AbortSignal): Promise<DraftFile> {
  let open: OpenFile | undefined
  let delimiter = ","
  try {
    open = await openFile(dirname(path), basename(path))
    delimiter = await findDelimiter(open)
    const dialect = { delimiter, quote: '"' }
    const { manifest } = await passOverFile({
      dataset: "survey",
      file: basename(path),
      open,
      reader: chooseReader(dialect),
      shape: { columns: { drop: [], rename: {}, types: {} }, chunk, dialect },
      maxRecordBytes,
      signal,
      onProgress: () => {},
    })
    return { path, columns: manifest.columns, rows: manifest.rows, delimiter }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof Problem)) throw error
    return { path, trouble: asProblem(error).message, delimiter }
  } finally {
    await open?.close()
  }
}

async function findDelimiter(open: OpenFile): Promise<string> {
  const head = Buffer.alloc(Math.min(headBytes, open.identity.bytes))
  const filled = await open.read(head, 0)
  return sniffDelimiter(head.subarray(0, filled).toString())
}
