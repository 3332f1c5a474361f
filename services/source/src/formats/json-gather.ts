/**
 * What is gathered over all records of a JSON file. Its columns are known only after the last record: each begins where
 * the first record has it, and those before have NULL there.
 *
 * Long because what a record may turn out to be is decided in one place, over state that all of it shares.
 */
import type { LineSummary, ValueNote } from "@flatbed/codec"
import { namesInRules } from "../cell-rules.ts"
import { likenessOf, nameColumns } from "../column-names.ts"
import { resolveServedColumns, type ServedField } from "../served-columns.ts"
import type { RecordCounts, RecordFate, ScanRequest, ScanResult } from "./format.ts"
import { describeColumns } from "./gather-rows.ts"
import type { JsonDialect } from "./json-dialect.ts"
import { createJsonEvidence, type JsonEvidence } from "./json-evidence.ts"
import { refuseUnhashedParts } from "./json-hashed.ts"
import { keysOf, listBareObjects, maxPaths, type PathNode, tooManyPaths } from "./json-paths.ts"
import { createRecordReader, kinds, type RecordOutcome } from "./json-record.ts"
import {
  judgeRecord,
  noArrayOf,
  noColumns,
  noExploded,
  noObject,
  refuseDoubles,
  tooWide,
  unsteadyName,
} from "./json-refusals.ts"
import { jsonRules, jsonRulesOf, writtenCellsOf } from "./json-rows.ts"
import type { RecordPlace, RecordVerdict } from "./rejected-record.ts"
import { createRowShaper, type RowShaper } from "./shape-row.ts"

/** A column as far as it is known; `id` is that of its place, −1 as long as only the settings speak of it. */
type Column = {
  id: number
  readonly name: string
  readonly evidence: JsonEvidence
  readonly declared: ServedField["declared"]
  readonly cell?: ServedField["cell"]
  /** Whether its cells are made text for the shaper; others are served as they are written. */
  readonly isShaped: boolean
}

// What all elements share is repeated in each of their rows, and a chunk holds them all.
const spreadFactor = 4

/** What became of one record. */
export type Gathered = { readonly fate: RecordFate; readonly counts: RecordCounts }

const one = {
  row: { fate: "row", counts: { rows: 1, rejects: 0, filtered: 0 } },
  reject: { fate: "reject", counts: { rows: 1, rejects: 1, filtered: 0 } },
  filtered: { fate: "filtered", counts: { rows: 0, rejects: 0, filtered: 1 } },
} as const satisfies Record<RecordFate, Gathered>
/** Of a line that the codec counted. */
export const oneRow: Gathered = one.row

/** Takes records one by one, by their bytes. */
export function createJsonGatherer(request: ScanRequest<JsonDialect>) {
  const { file, dialect, columns: settings, onRow } = request
  const { separator, explode } = dialect
  const reader = createRecordReader({ flatten: separator !== false, explode })
  const nameOf = (node: PathNode) => keysOf(node).join(separator === false ? "_" : separator)
  const rules = jsonRules(settings)
  const spoken = new Set(namesInRules(rules).map(({ name }) => name))
  const filtered = new Set(Object.keys(settings.filter ?? {}))
  /** By the served name. */
  const byName = new Map<string, Column>()
  /** By the place's number. */
  const byPlace: (Column | undefined)[] = []
  const taken = new Set<string>()
  const told = { row: 0, reject: 0, filtered: 0 }
  let shaped: Column[] = []
  let plain: Column[] = []
  let shape: RowShaper | undefined
  let names: readonly string[] = []
  let isCounted = false
  let firstVerdict: { readonly verdict: RecordVerdict; readonly place: RecordPlace } | undefined

  for (const name of spoken) enterColumn(name, -1)
  regroup()

  function enterColumn(name: string, id: number): void {
    const known = byName.get(name)
    if (known !== undefined) {
      // Two places of one name are refused at the end.
      if (known.id !== -1) return
      known.id = id
      byPlace[id] = known
      return
    }
    const { declared, cell } = jsonRulesOf(name, rules)
    const column: Column = {
      ...{ id, name, declared, evidence: createJsonEvidence(declared) },
      ...(cell === undefined ? {} : { cell }),
      isShaped: cell !== undefined || declared !== undefined || filtered.has(name) || onRow !== undefined,
    }
    byName.set(name, column)
    if (id !== -1) byPlace[id] = column
  }

  function regroup(): void {
    const all = [...byName.values()]
    shaped = all.filter(({ isShaped }) => isShaped)
    plain = all.filter(({ isShaped }) => !isShaped)
    names = shaped.map(({ name }) => name)
    const { filter } = settings
    isCounted =
      onRow === undefined &&
      filtered.size === 0 &&
      all.every(({ cell, declared }) => cell === undefined && declared !== "jsonb")
    shape =
      shaped.length === 0
        ? undefined
        : createRowShaper({ fields: shaped.map((column) => ({ ...column, index: column.id })), filter })
  }

  /** Names the places that the record brought. What is served as what is settled at the end; see `finish`. */
  function meetPaths(count: number): void {
    const { paths } = reader
    for (let id = paths.length - count; id < paths.length; id += 1) {
      const node = paths[id] as PathNode
      if (id >= maxPaths) throw tooManyPaths(file, node)
      const written = nameOf(node)
      const [alone] = nameColumns([written])
      const likeness = likenessOf(written)
      const staysAsIs = alone?.because.length === 0 && !taken.has(likeness)
      taken.add(likeness)
      const own = staysAsIs
        ? written
        : (nameColumns(paths.slice(0, id + 1).map(nameOf)).at(-1)?.name ?? written)
      const isNamed = (list: readonly string[]) => list.includes(own) || list.includes(written)
      if (settings.select !== undefined && !isNamed(settings.select)) continue
      if (isNamed(settings.drop)) continue
      const renames = new Map(Object.entries(settings.rename))
      enterColumn(renames.get(own) ?? renames.get(written) ?? own, id)
    }
    regroup()
  }

  function setAside(verdict: RecordVerdict, place: RecordPlace): Gathered {
    told.reject += 1
    firstVerdict ??= { verdict, place }
    return one.reject
  }

  /**
   * Whether there are records, and none has anything where `explode` looks, be it null or an empty array. With one set aside
   * nobody knows: that one may have it.
   */
  function isUnexploded(): boolean {
    const node = reader.explodedNode
    if (node === undefined || told.reject > 0 || told.row + told.filtered === 0) return false
    if (node.id !== -1 || node.isObject) return false
    // What is null on the way there says nothing of what it would hold.
    for (let above = node.parent; above !== undefined; above = above.parent)
      if (above.id !== -1 && reader.cells.valued[above.id] === 0) return false
    return true
  }

  /** The row whose cells the reader has up. */
  function addRow(bytes: Buffer, place: RecordPlace): RecordFate {
    const { cells, kindAt } = reader
    if (shape !== undefined) {
      const made = shape(writtenCellsOf(reader, bytes, shaped), bytes)
      if (made.fate === "reject") {
        setAside(made.verdict, place)
        return "reject"
      }
      if (made.fate === "filtered") {
        told.filtered += 1
        return "filtered"
      }
      made.cells.forEach((cell, i) => {
        const column = shaped[i]
        if (column === undefined || cell === null) return
        const kind = column.id === -1 ? kinds.none : kindAt(column.id)
        column.evidence.addText(kind, cell, place)
      })
      onRow?.(made.cells, place, names)
    }
    for (const { id, evidence } of plain) {
      if (id === -1) continue
      const kind = kindAt(id)
      if (kind > kinds.null)
        evidence.addBytes(kind, bytes, cells.starts[id] as number, cells.ends[id] as number, place)
    }
    told.row += 1
    return "row"
  }

  return {
    /** Reads the record in these bytes; see createRecordReader for `isOpen`. */
    read: (bytes: Buffer, from: number, to: number, isOpen: boolean): RecordOutcome =>
      reader.read(bytes, from, to, isOpen),

    reader,
    /** The offset behind the record that was read. */
    end: reader.end,
    /** Whether the record brought places that no record before it had; these are known once it is added. */
    news: reader.news,

    /**
     * Whether a line whose values have the forms that their columns allow is a row by that alone, so that nothing has to be
     * done here but `meet` and `countRow`.
     */
    isCounted: () => isCounted,
    /** The columns whose places are known. */
    columns: (): readonly Pick<Column, "id" | "declared">[] =>
      byPlace.filter((column) => column !== undefined),
    /** Values with a form that none counted before had at its place. */
    meet(notes: readonly ValueNote[], bytes: Buffer, place: RecordPlace): void {
      for (const { field, form, kind, from, to } of notes) {
        reader.cells.valued[field] = 1
        byPlace[field]?.evidence.meet(form, kind, bytes, from, to, place)
      }
    },
    /** A row that was counted elsewhere: see `finish`. */
    countRow(): void {
      told.row += 1
    },
    /** Brings up a row whose values were found elsewhere, all at places that are known; then each by `putCell`. */
    beginRow: reader.begin,
    putCell: reader.put,

    /**
     * What becomes of the record that was read, whose bytes lie between two offsets. Raises record-malformed when its
     * elements make more than can be held.
     */
    add(outcome: RecordOutcome, bytes: Buffer, from: number, to: number, place: RecordPlace): Gathered {
      switch (outcome) {
        case "faulty":
          return setAside(judgeRecord(bytes.subarray(from, to)), place)
        case "not-object":
          return setAside(noObject(bytes.subarray(from, to)), place)
        case "not-array":
          return setAside(noArrayOf(dialect), place)
        case "fine":
          break
      }
      const news = reader.news()
      if (news > 0) meetPaths(news)
      const elements = reader.elements()
      if (elements === 0) return one[addRow(bytes, place)]
      if (reader.spread(from) > spreadFactor * request.maxRecordBytes)
        throw tooWide(elements, spreadFactor * request.maxRecordBytes, place)
      const before = { ...told }
      for (let i = 0; i < elements; i += 1) {
        reader.select(bytes, i)
        addRow(bytes, { ...place, row: place.row + told.row + told.reject - before.row - before.reject })
      }
      const rejects = told.reject - before.reject
      const rows = told.row - before.row + rejects
      const fate = rows === 0 ? "filtered" : rejects === rows ? "reject" : "row"
      return { fate, counts: { rows, rejects, filtered: told.filtered - before.filtered } }
    },

    /**
     * What all records said, those among them that were counted elsewhere by what `countedAt` a place. Raises file-empty or json-invalid when no record tells a column, header-invalid for two
     * places of one name, and what resolveServedColumns does.
     */
    finish(isOne: boolean, countedAt?: (place: number) => LineSummary | undefined): ScanResult<JsonDialect> {
      // An object that is null here and there is no column of its own.
      const places = reader.paths.filter(({ id, isObject }) => reader.cells.valued[id] === 1 || !isObject)
      // Of one file of several another may tell them.
      if (places.length === 0 && settings.isPartial !== true)
        throw noColumns(file, told.row + told.filtered, firstVerdict)
      const isAstray = isUnexploded()
      if (isAstray && settings.isPartial !== true) throw noExploded(file, explode, places.map(keysOf))
      const written = places.map(nameOf)
      refuseDoubles(file, places, written)
      const served = resolveServedColumns(written, rules, { file })
      const fields = served.map((field): ServedField => {
        const { cell: _, ...others } = field
        return { ...others, ...jsonRulesOf(field.name, rules) }
      })
      refuseUnhashedParts(file, places, fields)
      const columns = fields.map(({ name, index }) => {
        const id = places[index]?.id ?? -1
        const gathered = byPlace[id]
        // Of a name that had to be made the settings may speak, and then it decides what its cells are.
        if (
          gathered === undefined ||
          (gathered.name !== name && (spoken.has(gathered.name) || spoken.has(name)))
        )
          throw unsteadyName(file, name, places[index])
        const counted = id === -1 ? undefined : countedAt?.(id)
        if (counted !== undefined) gathered.evidence.include(counted)
        return gathered.evidence.finish(name, told.row)
      })
      const { row, reject: rejects } = told
      const bareObjects = listBareObjects(reader.root, new Set(places))
      const layoutDialect: JsonDialect = {
        ...dialect,
        places: places.map(keysOf),
        ...(bareObjects.length > 0 ? { bareObjects: bareObjects.map(keysOf) } : {}),
        ...(isOne ? { isOne: true as const } : {}),
        ...(isAstray ? { isUnexploded: true as const } : {}),
      }
      const { maxRecordBytes } = request
      const gathering = { dialect: layoutDialect, width: places.length, maxRecordBytes, fields }
      const described = describeColumns({ ...gathering, filter: settings.filter }, columns)
      return {
        ...described,
        rows: row + rejects,
        rejects,
        filtered: told.filtered,
        mends: {},
        names: written,
      }
    },
  }
}
