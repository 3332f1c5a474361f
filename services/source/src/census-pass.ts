/**
 * Dates that the settings declare without saying how they are written: when records break the type, all rows are asked
 * whether the day or the month comes first.
 */

import type { DecidedFormat } from "./cell-rules.ts"
import { createDayMonthCensus, decideDayMonth } from "./cells/day-month.ts"
import type { ChunkIndex } from "./chunk-index.ts"
import { type PassRequest, passOverFile } from "./version-pass.ts"

const bytesAtOnce = 256 * 1024

/**
 * As `passOverFile`; where declared dates turn out not to be ISO 8601, the file is read twice more, so that one pattern
 * holds for the whole column. Raises format-ambiguous when the rows do not tell which.
 */
export async function passWithFormats(request: PassRequest): Promise<ChunkIndex> {
  const index = await passOverFile(request)
  if (index.manifest.rejects === 0) return index
  const decided = await askAllRows(request, index.layout.fields)
  return Object.keys(decided).length === 0 ? index : await passOverFile({ ...request, decided })
}

async function askAllRows(
  request: PassRequest,
  fields: ChunkIndex["layout"]["fields"],
): Promise<Record<string, DecidedFormat>> {
  const { file, dataset, shape } = request
  const undecided = fields.flatMap(({ name, type, declared, cell }, at) =>
    declared && cell?.format === undefined && (type === "date" || type === "timestamp")
      ? [{ name, type, at, census: createDayMonthCensus(type) }]
      : [],
  )
  if (undecided.length === 0) return {}
  const types = new Map(Object.entries(shape.columns.types))
  for (const { name } of undecided) types.delete(name)
  // Every row is asked: a filter cannot judge dates that nobody can read yet.
  const columns = { ...shape.columns, types: Object.fromEntries(types), filter: undefined }
  await readRows({ ...request, shape: { ...shape, columns } }, (cells, { row, line }, names) => {
    for (const { name, at, census } of undecided) {
      const cell = cells[names === undefined ? at : names.indexOf(name)] ?? null
      if (cell !== null) census.add(cell, row, line)
    }
  })
  const decided: Record<string, DecidedFormat> = {}
  for (const { name, type, census } of undecided) {
    const decision = decideDayMonth(name, type, census.finish(), { dataset, file })
    if (decision.kind === "ask") throw decision.problem
    if (decision.kind === "pattern") decided[name] = { pattern: decision.pattern, isoToo: decision.isoToo }
  }
  return decided
}

async function readRows(
  { file, open, text, reader, shape, maxRecordBytes, signal }: PassRequest,
  onRow: Parameters<PassRequest["reader"]["startScan"]>[0]["onRow"],
): Promise<void> {
  const { read } = text?.draft ?? open
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
