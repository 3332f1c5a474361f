/** The command `export`: the rows of a dataset as a CSV file, for whoever wants a file and no database. */
import { createHash } from "node:crypto"
import { mkdir } from "node:fs/promises"
import { join, resolve } from "node:path"
import { exitCodes, Problem } from "@flatbed/contract"
import { type Command, type CommandContext, commandLine, createNewFile, type NewFile } from "@flatbed/edge"
import { encodeRecords, wrapRows } from "./chunk-body.ts"
import { counted } from "./counted.ts"
import type { ReadableVersion } from "./first-records.ts"
import { createIndexFolder, noIndexes } from "./index-folder.ts"
import { getDeclared, refuseNoDataset, withDeclared } from "./open-declared.ts"
import { readSourceSettings, standardFile } from "./settings.ts"

/** Needs no running source. Ends with 6 when records are set aside: they are not in the file. */
export const exportCommand: Command = {
  name: "export",
  summary: "write the rows of a dataset, as they are served, into a CSV file of this folder",
  arguments: [
    { name: "dataset", summary: `a name from ${standardFile}` },
    { name: "folder", summary: "where DATASET.csv is written; made when it is not there" },
  ],
  examples: ["flatbed-source export telecom exports", "flatbed-source export telecom exports --json"],
  run: exportDataset,
}

async function exportDataset({ args, configFile, env, signal, print, note }: CommandContext) {
  const dataset = String(args.dataset)
  const folder = String(args.folder)
  const config = configFile ?? standardFile
  const { settings } = await readSourceSettings({ file: config, env })
  refuseNoDataset(settings, config)
  getDeclared(settings, dataset)
  await makeFolder(folder)
  const named = join(folder, `${dataset}.csv`)
  // Before the file is read, which may take long.
  const file = await createNewFile(resolve(named), named, "another folder")
  try {
    const { find } = createIndexFolder(join(settings.cache, dataset))
    const indexes = { ...noIndexes, find }
    return await withDeclared(settings, dataset, { indexes, signal }, async (readable) => {
      const { manifest } = readable.index
      const { bytes, sha256 } = await writeRows(readable, file, signal)
      await file.keep()
      const { version, rejects, filtered } = manifest
      const rows = manifest.rows - rejects
      print({ dataset, version, file: named, bytes, sha256, rows, rejects, filtered }, named)
      const left = filtered === 0 ? "" : `; ${counted(filtered, "record")} filtered`
      note(`${counted(rows, "row")}, ${counted(bytes, "byte")}${left}`)
      if (rejects === 0) return exitCodes.done
      const check = commandLine("flatbed-source", `check ${dataset}`, configFile)
      note(`${counted(rejects, "record")} set aside and not in the file; see: ${check}`)
      return exitCodes.rejects
    })
  } finally {
    await file.close()
  }
}

/** Chunk by chunk, as canonical CSV: what is in memory is one chunk, however long the dataset is. */
async function writeRows(
  { index, reader, read }: ReadableVersion,
  file: NewFile,
  signal: AbortSignal,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256")
  let bytes = 0
  const write = async (content: Buffer) => {
    await file.write(content)
    hash.update(content)
    bytes += content.length
  }
  await write(wrapRows(index.layout, [], "csv"))
  for (const chunk of index.manifest.chunks) {
    signal.throwIfAborted()
    const encoded = encodeRecords(reader, index, chunk, await read(chunk), "csv")
    if (encoded.rows !== chunk.rows || encoded.rejects !== chunk.rejects) {
      const found = `${encoded.rows} rows with ${encoded.rejects} rejects`
      throw new Error(`chunk ${chunk.chunk} holds ${found}, not ${chunk.rows} with ${chunk.rejects}`)
    }
    await write(encoded.body)
  }
  return { bytes, sha256: hash.digest("hex") }
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new Problem("usage-invalid", `${folder} cannot be made a folder (${error.code}).`, {
      hint: "Name a folder that is there or that this user may make.",
      cause: error,
    })
  })
}
