/**
 * Dates that the settings declare without saying how they are written: when records break the type, all rows are asked
 * whether the day or the month comes first.
 */

import type { ProblemFacts } from "@flatbed/contract"
import { type DecidedFormat, rulesOf } from "./cell-rules.ts"
import { createDayMonthCensus, type DayMonthCensus, decideDayMonth } from "./cells/day-month.ts"
import type { ChunkIndex } from "./chunk-index.ts"
import type { RowWatch } from "./formats/format.ts"
import type { Shape } from "./version-name.ts"
import { type PassRequest, passOverFile } from "./version-pass.ts"

const bytesAtOnce = 256 * 1024

type RowsRequest = Pick<PassRequest, "file" | "reader" | "shape" | "maxRecordBytes" | "signal"> &
  Pick<PassRequest["open"], "read">

/**
 * As `passOverFile`; where declared dates turn out not to be ISO 8601, the file is read twice more, so that one pattern
 * holds for the whole column. Raises format-ambiguous when the rows do not tell which.
 */
export async function passWithFormats(request: PassRequest): Promise<ChunkIndex> {
  const index = await passOverFile(request)
  if (index.manifest.rejects === 0 || request.isPart === true) return index
  const undecided = findUndecided(request.shape)
  if (undecided.length === 0) return index
  const { read } = request.text?.draft ?? request.open
  const names = index.layout.fields.map(({ name }) => name)
  const censuses = await countDates({ ...request, read }, names, undecided)
  const facts = { dataset: request.dataset, file: request.file }
  const decided = decideDates(undecided, (name) => censuses.get(name)?.finish(), facts)
  return Object.keys(decided).length === 0 ? index : await passOverFile({ ...request, decided })
}

/** A column whose dates the settings declare without saying how they are written. */
export type UndecidedDates = { readonly name: string; readonly type: "date" | "timestamp" }

/** By the settings alone. */
export function findUndecided({ columns }: Shape): UndecidedDates[] {
  return Object.entries(columns.types).flatMap(([name, type]) =>
    (type === "date" || type === "timestamp") && rulesOf(name, columns).cell?.format === undefined
      ? [{ name, type }]
      : [],
  )
}

/** Reads all rows once and counts how these columns are written; `names` are the served columns in their order. */
export async function countDates(
  request: RowsRequest,
  names: readonly string[],
  undecided: readonly UndecidedDates[],
): Promise<Map<string, ReturnType<typeof createDayMonthCensus>>> {
  const { shape } = request
  const censuses = undecided.flatMap(({ name, type }) => {
    const at = names.indexOf(name)
    return at === -1 ? [] : [{ name, at, census: createDayMonthCensus(type) }]
  })
  const types = new Map(Object.entries(shape.columns.types))
  for (const { name } of undecided) types.delete(name)
  // Every row is asked: a filter cannot judge dates that nobody can read yet.
  const columns = { ...shape.columns, types: Object.fromEntries(types), filter: undefined }
  await readRows({ ...request, shape: { ...shape, columns } }, (cells, { row, line }, named) => {
    for (const { name, at, census } of censuses) {
      const cell = cells[named === undefined ? at : named.indexOf(name)] ?? null
      if (cell !== null) census.add(cell, row, line)
    }
  })
  return new Map(censuses.map(({ name, census }) => [name, census]))
}

/** What the rows prove of each. Raises format-ambiguous where they do not tell. */
export function decideDates(
  undecided: readonly UndecidedDates[],
  censusOf: (name: string) => DayMonthCensus | undefined,
  facts: ProblemFacts,
): Record<string, DecidedFormat> {
  const decided: Record<string, DecidedFormat> = {}
  for (const { name, type } of undecided) {
    const census = censusOf(name)
    if (census === undefined) continue
    const decision = decideDayMonth(name, type, census, facts)
    if (decision.kind === "ask") throw decision.problem
    if (decision.kind === "pattern") decided[name] = { pattern: decision.pattern, isoToo: decision.isoToo }
  }
  return decided
}

async function readRows(
  { file, read, reader, shape, maxRecordBytes, signal }: RowsRequest,
  onRow: RowWatch,
): Promise<void> {
  const scan = reader.startScan(
    { file, dialect: shape.dialect, columns: shape.columns, maxRecordBytes, onRow },
    { header: () => {}, record: () => {} },
  )
  try {
    const buffer = Buffer.allocUnsafe(bytesAtOnce)
    for (let offset = 0; ; ) {
      signal.throwIfAborted()
      const filled = await read(buffer, offset)
      if (filled === 0) break
      await scan.push(buffer.subarray(0, filled))
      offset += filled
    }
    await scan.end()
  } finally {
    scan.abandon()
  }
}
