/** The two settings files of `npm start -- a.csv`: as both services' `init` would write them, made anew each time. */
import { mkdir, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { commandLine } from "@flatbed/edge"
import { draftLoaderYaml } from "@flatbed/loader"
import { type DraftFile, draftSourceYaml } from "@flatbed/source"

export type SettingsFiles = { readonly source: string; readonly loader: string }

const made =
  "# Made by npm start for the files it was given, and made anew the next time: copy it to go on from here.\n"

/** One dataset and one followed pipeline per file; the table has the dataset's name. Answers where they lie. */
export async function writeOwnSettings(files: readonly DraftFile[], folder: string): Promise<SettingsFiles> {
  await mkdir(folder, { recursive: true })
  const source = draftSourceYaml(files, {
    folder,
    absolute: true,
    tokenCommand: commandLine("flatbed-source", "token new"),
  })
  const loader = draftLoaderYaml(source.datasets)
  return {
    source: await write(join(folder, "source.yaml"), source.yaml),
    loader: await write(join(folder, "loader.yaml"), loader.yaml),
  }
}

// Renamed into place: the services of a start that still runs never meet half a file.
async function write(file: string, yaml: string): Promise<string> {
  const half = `${file}.${process.pid}`
  await writeFile(half, made + yaml)
  await rename(half, file)
  return file
}
