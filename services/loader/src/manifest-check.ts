/** Whether a manifest agrees with itself and with what was asked for. Pure. */
import { type Manifest, Problem } from "@flatbed/contract"

/**
 * Returns the manifest when its chunks are numbered from 1, follow each other row by row, and add up to its
 * totals; when it is the version that was asked for; and when every column has a name of its own.
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
  return undefined
}
