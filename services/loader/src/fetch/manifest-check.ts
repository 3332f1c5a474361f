/** Whether a manifest agrees with itself and with what was asked for. Pure. */
import { type Manifest, type ManifestChunk, Problem } from "@flatbed/contract"
import { contentOf } from "../version-part.ts"

/**
 * Returns the manifest when its chunks are numbered from 1, follow each other row by row and byte by byte to the end of
 * their file, and add up to its totals; when it is the version that was asked for; and when every column has a name of
 * its own.
 *
 * @throws Problem `chunk-damaged` naming what does not fit.
 */
export function checkManifest(manifest: Manifest, asked: { dataset: string; version: string }): Manifest {
  const wrong = findContradiction(manifest, asked)
  if (wrong !== undefined) {
    throw new Problem(
      "chunk-damaged",
      `The manifest of ${asked.dataset} ${asked.version.slice(0, 12)}: ${wrong}.`,
      {
        hint: "Nothing was loaded. If it stays so, look for a proxy between the loader and the source.",
      },
    )
  }
  return manifest
}

function findContradiction(
  manifest: Manifest,
  asked: { dataset: string; version: string },
): string | undefined {
  if (manifest.dataset !== asked.dataset) return `it is of dataset ${manifest.dataset}`
  if (manifest.version !== asked.version) return `it is of version ${manifest.version}`
  if (manifest.columns.length === 0) return "it has no columns"
  const names = new Set(manifest.columns.map(({ name }) => name))
  if (names.size < manifest.columns.length) return "two of its columns have one name"
  let rows = 0
  let rejects = 0
  let filtered = 0
  for (const [index, chunk] of manifest.chunks.entries()) {
    if (chunk.chunk !== index + 1) return `chunk ${chunk.chunk} stands where ${index + 1} belongs`
    if (chunk.first_row !== rows + 1)
      return `chunk ${chunk.chunk} begins at row ${chunk.first_row}, not ${rows + 1}`
    if (chunk.rejects > chunk.rows) return `chunk ${chunk.chunk} has more rejects than records`
    rows += chunk.rows
    rejects += chunk.rejects
    filtered += chunk.filtered
  }
  if (rows !== manifest.rows) return `its chunks have ${rows} rows, its total is ${manifest.rows}`
  if (rejects !== manifest.rejects)
    return `its chunks have ${rejects} rejects, its total is ${manifest.rejects}`
  if (filtered !== manifest.filtered)
    return `its chunks leave out ${filtered} records, its total is ${manifest.filtered}`
  return findGap(manifest)
}

/**
 * What stands between two records belongs to the one before, so a file's chunks are its bytes from the first record to
 * the end. A chunk that somebody took out leaves a gap, whatever the counts say.
 */
function findGap({ files, chunks }: Manifest): string | undefined {
  const bytes = new Map(files.map((file) => [file.file, contentOf(file).bytes]))
  for (const [index, chunk] of chunks.entries()) {
    const before: ManifestChunk | undefined = chunks[index - 1]
    const after: ManifestChunk | undefined = chunks[index + 1]
    const length = bytes.get(chunk.file)
    if (length === undefined) return `chunk ${chunk.chunk} is of ${chunk.file}, which is none of its files`
    const isNext = before === undefined || before.file !== chunk.file || before.byte_to === chunk.byte_from
    if (!isNext || chunk.byte_from > chunk.byte_to)
      return `chunk ${chunk.chunk} is bytes ${chunk.byte_from} to ${chunk.byte_to}, and the one before ends at ${before?.byte_to ?? 0}`
    if (after?.file !== chunk.file && chunk.byte_to !== length)
      return `its last chunk of ${chunk.file} ends at byte ${chunk.byte_to} of ${length}`
  }
  return undefined
}
