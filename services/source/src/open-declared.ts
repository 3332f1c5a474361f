/** For commands: a declared dataset's version, made here and now and served to nobody. */
import { findNearest } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import { commandLine } from "@flatbed/edge"
import type { ChosenFiles } from "./await-files.ts"
import { readProven } from "./chunk-reader.ts"
import { versionGone } from "./dataset.ts"
import type { ReadableVersion } from "./first-records.ts"
import type { IndexStore } from "./index-folder.ts"
import { createKnownFiles } from "./known-files.ts"
import { makeVersion } from "./make-version.ts"
import { tellPath } from "./open-file.ts"
import { readingOf } from "./reading.ts"
import type { DatasetSettings, SourceSettings } from "./settings.ts"

/** Raises settings-invalid when there is nothing to serve; `file` is named as the user named it. */
export function refuseNoDataset(settings: SourceSettings, file: string): void {
  if (Object.keys(settings.datasets).length > 0) return
  const init = commandLine("flatbed-source", "init FOLDER", "new.yaml")
  throw new Problem("settings-invalid", `No dataset is declared in ${file}.`, {
    hint:
      "Declare one, as in  datasets: { sales: { files: sales.csv } }  or have settings written for the CSV files " +
      `of a folder: ${init}`,
    facts: { file },
  })
}

/** Raises usage-invalid with the nearest name. */
export function getDeclared(settings: SourceSettings, name: string): DatasetSettings {
  const found = new Map(Object.entries(settings.datasets)).get(name)
  if (found !== undefined) return found
  const names = Object.keys(settings.datasets)
  const nearest = findNearest(name, names)
  throw new Problem("usage-invalid", `The settings declare no dataset ${JSON.stringify(name)}.`, {
    hint: nearest === undefined ? `There are: ${names.join(", ") || "none"}.` : `Did you mean ${nearest}?`,
    facts: { dataset: name },
  })
}

type DeclaredParts = {
  readonly indexes: IndexStore
  readonly signal: AbortSignal
  /** Of a dataset of several files: which are read, and which are not yet. */
  readonly onChosen?: (chosen: ChosenFiles) => void
}

/**
 * Reads the file, or only looks its index up, and lends the version to `use`. Raises what the file is refused
 * for, and version-gone when the file changes meanwhile.
 */
export async function withDeclared<Result>(
  settings: SourceSettings,
  name: string,
  { indexes, signal, onChosen = () => {} }: DeclaredParts,
  use: (version: ReadableVersion) => Promise<Result>,
): Promise<Result> {
  const declared = getDeclared(settings, name)
  const reading = readingOf(settings, declared)
  const known = createKnownFiles(reading, signal)
  try {
    const held = await makeVersion({
      dataset: name,
      reading,
      isFormatNamed: declared.format !== undefined,
      indexes,
      known,
      proven: new Map(),
      signal,
      inTurn: (work) => work(),
      onProgress: () => {},
      onChosen,
      onWritten: () => {},
      onRead: () => {},
      // Without the cache the file is read, which is all that it could have spared.
      onCacheTrouble: () => undefined,
    }).catch((error) => {
      throw error instanceof Problem ? tellPath(error, reading.root) : error
    })
    try {
      return await use({
        index: held.index,
        reader: reading.reader,
        async read(chunk) {
          const bytes = await readProven(held, chunk)
          if (bytes === undefined) throw versionGone(name, held.index.manifest.version)
          return bytes
        },
      })
    } finally {
      await held.open.close()
    }
  } finally {
    await known.close()
  }
}
