/** Where the rows stand in the file whose key another row of the version has too. */
import { type Manifest, Problem } from "@flatbed/contract"
import { type AskParts, placeRefusals } from "./rejects/place-refusals.ts"
import type { ChunkGroup } from "./staging/chunk-groups.ts"

/** The problem with file and line of the first key's rows, when it is `key-repeated`; where the source does not answer, and all others, as they are. */
export async function placeRepeated(error: unknown, manifest: Manifest, parts: AskParts): Promise<unknown> {
  if (!(error instanceof Problem) || error.code !== "key-repeated") return error
  const { rows } = error.facts
  if (typeof rows !== "string") return error
  const refusals = rows.split(", ").map((row) => ({
    ...({ row: Number(row), code: "check-error", column: null, value: null, reason: "" } as const),
  }))
  const chunks = manifest.chunks as unknown as ChunkGroup
  const placed = await placeRefusals(refusals, chunks, manifest, parts).catch(() => [])
  const [first] = placed
  if (first === undefined) return error
  const places = placed.map(({ row, file, line }) => `row ${row} is ${file} line ${line}`).join(", ")
  return new Problem(error.code, `${error.message} Of the first, ${places}.`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    facts: { ...error.facts, file: first.file, line: first.line },
    cause: error,
  })
}
