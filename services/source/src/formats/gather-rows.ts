/** Pure: what is gathered over all records of a file, once its header is known. */
import type { ColumnType, Evidence } from "@flatbed/contract"
import type { Filter } from "../cells/filter.ts"
import { createEvidence } from "../evidence.ts"
import type { ServedField } from "../served-columns.ts"
import type { Dialect, Layout, Mends, RecordFate, RowWatch, ScanResult, WrittenCells } from "./format.ts"
import type { RecordPlace, RecordVerdict } from "./rejected-record.ts"
import { createRowShaper, type RecordJudge } from "./shape-row.ts"

type Gathering<D extends Dialect> = {
  readonly dialect: D
  /** Cells in each record, dropped ones included. */
  readonly width: number
  readonly maxRecordBytes: number
  readonly fields: readonly ServedField[]
  readonly filter?: Filter | undefined
  readonly onRow?: RowWatch | undefined
  readonly judge?: RecordJudge | undefined
  /** Told of each record that is set aside; may raise what the file is refused for instead. */
  readonly onReject?: ((verdict: RecordVerdict, place: RecordPlace) => void) | undefined
}

/** Takes records one by one, as text. */
export function createRowGatherer<D extends Dialect>(gathering: Gathering<D>) {
  const { fields } = gathering
  const evidence = fields.map(({ name, declared }) => createEvidence(name, declared))
  const shape = createRowShaper(gathering, gathering.judge)
  const told: Record<RecordFate, number> = { row: 0, reject: 0, filtered: 0 }
  const mends: { -readonly [Kind in keyof Mends]: Mends[Kind] } = {}
  return {
    /**
     * What becomes of the record. Only a row's cells say something about the columns. Raises what `onReject` does.
     */
    add(written: WrittenCells, bytes: Buffer, place: RecordPlace): RecordFate {
      const shaped = shape(written, bytes)
      told[shaped.fate] += 1
      if (shaped.fate === "reject") gathering.onReject?.(shaped.verdict, place)
      if (shaped.fate !== "row") return shaped.fate
      for (const kind of shaped.mends ?? []) {
        const { records, line } = mends[kind] ?? { records: 0, line: place.line }
        mends[kind] = { records: records + 1, line }
      }
      shaped.cells.forEach((cell, i) => {
        evidence[i]?.add(cell, place.row, place.line)
      })
      gathering.onRow?.(shaped.cells, place)
      return "row"
    },

    /** A damaged span counts as one record that is set aside. */
    addDamaged(): void {
      told.reject += 1
    },

    /** What all records said. */
    finish(): ScanResult<D> {
      const { row, reject: rejects, filtered } = told
      const columns = evidence.map((one) => one.finish())
      return { ...describeColumns(gathering, columns), rows: row + rejects, rejects, filtered, mends }
    },
  }
}

/** Layout and evidence from what is known of each column, in the order of the fields. */
export function describeColumns<D extends Dialect>(
  { dialect, width, maxRecordBytes, fields, filter }: Gathering<D>,
  columns: readonly { readonly type: ColumnType; readonly evidence: Evidence }[],
): Pick<ScanResult<D>, "layout" | "evidence"> {
  const layout: Layout<D> = {
    dialect,
    width,
    maxRecordBytes,
    ...(filter === undefined ? {} : { filter }),
    fields: fields.map(({ name, index, declared, cell }, i) => ({
      name,
      index,
      type: columns[i]?.type ?? "text",
      declared: declared !== undefined,
      ...(cell === undefined ? {} : { cell }),
    })),
  }
  const told = columns.map(({ evidence }, i) => {
    const renamed = fields[i]?.renamed
    return renamed === undefined ? evidence : { ...evidence, renamed }
  })
  return { layout, evidence: told }
}
