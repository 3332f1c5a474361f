/**
 * Pure: what a CSV record is judged by before its cells are: its bytes first, then how many cells it has; and how the
 * dialect has it mended.
 */
import { emptyLine } from "@flatbed/contract"
import { counted } from "../counted.ts"
import { showCell } from "../show-cell.ts"
import { findTextFault } from "../text-guard.ts"
import type { CsvDialect, CsvLayout } from "./csv-dialect.ts"
import { dissectRecord } from "./csv-record.ts"
import { ragged } from "./csv-refusals.ts"
import type { MendKind, WrittenCells } from "./format.ts"
import { createRowGatherer } from "./gather-rows.ts"
import type { RecordVerdict } from "./rejected-record.ts"
import { createRowShaper, measureOf, type RecordJudge, type RowShaper } from "./shape-row.ts"

type CsvMeasure = {
  readonly dialect: CsvDialect
  /** Cells in each record, dropped ones included. */
  readonly width: number
  readonly fields: readonly { readonly name: string; readonly index: number }[]
}

/** Verdicts name the first cell at fault, in the words of the served columns. */
export function createCsvJudge({ dialect, width, fields }: CsvMeasure): RecordJudge {
  const stripsNul = dialect.nul === "strip"
  const canMend = stripsNul || dialect.ragged === "pad" || dialect.ragged === "truncate"
  const names = new Map(fields.map(({ name, index }) => [index, name]))

  return {
    judge: (written, bytes) => judgeText(written, bytes) ?? judgeWidth(written),
    textOf,
    mendsOf: (written) => (canMend ? mendsOf(written) : []),
  }

  function judgeText({ texts }: WrittenCells, bytes: Buffer): RecordVerdict | undefined {
    const fault = findTextFault(bytes, { passNul: stripsNul })
    if (fault === undefined) return undefined
    const { starts } = dissectRecord(bytes, dialect)
    const index = starts.findLastIndex((start) => start <= fault.byte)
    const where = `Cell ${index + 1}, byte ${fault.byte + 1} of the record`
    const place = { column: names.get(index) ?? null, value: shown(texts[index]) }
    if (fault.kind === "nul") {
      return { code: "nul-error", ...place, reason: `${where}, is NUL; expected text without NUL.` }
    }
    const byte = `0x${fault.value.toString(16).padStart(2, "0")}`
    const reason = `${where}, is ${byte}, which begins no valid character; expected UTF-8.`
    return { code: "encoding-error", ...place, reason }
  }

  function judgeWidth({ texts, isQuoted }: WrittenCells): RecordVerdict | undefined {
    const { length } = texts
    if (length === width || fitsBy(length) !== undefined) return undefined
    const isEmpty = length === 1 && texts[0] === "" && !isQuoted(0)
    const found = isEmpty ? emptyLine : `The record has ${counted(length, "cell")}`
    const reason = `${found}; expected ${isEmpty ? counted(width, "cell") : width}, as in the header.`
    if (length > width) return { code: "extra-cell", column: null, value: shown(texts[width]), reason }
    return { code: "missing-cell", column: names.get(length) ?? null, value: null, reason }
  }

  /** How a record of another width becomes a row after all. */
  function fitsBy(length: number): MendKind | undefined {
    if (length < width) return dialect.ragged === "pad" ? "padded" : undefined
    return length > width && dialect.ragged === "truncate" ? "truncated" : undefined
  }

  /** Only the served cells are looked at for NUL. */
  function mendsOf({ texts }: WrittenCells): readonly MendKind[] {
    const mends: MendKind[] = []
    const fit = fitsBy(texts.length)
    if (fit !== undefined) mends.push(fit)
    if (stripsNul && fields.some(({ index }) => texts[index]?.includes("\0"))) mends.push("nul-stripped")
    return mends
  }

  /** What stands in the cell; undefined where a padded record has none. */
  function textOf({ texts }: WrittenCells, index: number): string | undefined {
    const text = texts[index]
    return stripsNul ? text?.replaceAll("\0", "") : text
  }
}

/** Gathers the rows of a CSV. Its `add` raises record-malformed for a record of another width where `ragged` is error. */
export function createCsvGatherer(
  gathering: Omit<Parameters<typeof createRowGatherer<CsvDialect>>[0], "judge" | "onReject">,
) {
  const isStrict = gathering.dialect.ragged === "error"
  return createRowGatherer({
    ...gathering,
    judge: createCsvJudge(gathering),
    onReject: (verdict, place) => {
      const { code } = verdict
      if (isStrict && (code === "missing-cell" || code === "extra-cell")) throw ragged(verdict, place)
    },
  })
}

/** The shaper of the pass that made this layout. */
export function createCsvShaper(layout: CsvLayout, accepted: boolean): RowShaper {
  return createRowShaper(measureOf(layout), createCsvJudge(layout), accepted)
}

function shown(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : showCell(text)
}
