/**
 * Lines of NDJSON from bytes that are held: where each ends, and what its values say of the columns.
 *
 * Subtle, so mind three things. (1) A line counts once all its values have a form; until then nothing of it is kept, so
 * that the caller may take it over from its first byte. (2) A form that its field has not had is noted, and the caller
 * is told before the next line is looked at; lengths and digits are kept here alone. (3) What stands in quotes is a
 * date at the most; where a type is declared, the text in the quotes is held against it.
 */
import {
  askForm,
  booleanForm,
  emptyForm,
  integerForm,
  nestedForm,
  nullForm,
  numericForm,
  tellForm,
  tellInteger,
  textForm,
} from "./cell-form"
import {
  booleanKind,
  cellAskAt,
  cellBytes,
  cellDigitsAt,
  cellEndAt,
  cellFormAt,
  cellKindAt,
  cellScaleAt,
  escapedKind,
  followLine,
  nestedKind,
  nullKind,
  numberKind,
  pathLength,
  stringKind,
} from "./json-shapes"

const zero: u32 = 0x30
const minus: u32 = 0x2d

/** Why a scan stopped. */
const isAtEnd: i32 = 0
const isFull: i32 = 1
const hasNotes: i32 = 2
const isUnknown: i32 = 3
const isRow: i32 = 4

/** Per field: longest text, longest value as written, most digits before and after the point, forms had, forms allowed, values by form. */
const fieldBytes: usize = 128
const mostWrittenAt: usize = 4
const mostDigitsAt: usize = 8
const mostScaleAt: usize = 12
const hadAt: usize = 16
const allowedAt: usize = 20
const countsAt: usize = 64
const everyForm: u32 = 0xfff
/** Per note: field, form, kind, where the value begins and ends. */
const noteBytes: usize = 20

/** The contract's number of a longer text is the caller's business, as is that of more digits than 64 bits may have. */
const longestTold: usize = 64
const sureDigits: i32 = 9
const mostTold: i32 = 18
/** The quotes, and a date between them. */
const shortestMoment: usize = 12

let longestLine: usize = 0
let cellsAt: usize = 0
let pathAt: usize = 0
let fieldsAt: usize = 0
let notesAt: usize = 0
let endsAt: usize = 0
let mostLines: i32 = 0

/** After `scanJsonLines`: lines told, notes on the one behind them, and where it or the next begins. */
export let lines: i32 = 0
export let notes: i32 = 0
export let stoppedAt: usize = 0

/** Says where in memory the tables lie, beside those of `openShapes`. */
export function openJsonScan(
  maxLineBytes: usize,
  cells: usize,
  path: usize,
  fields: usize,
  noted: usize,
  ends: usize,
  linesAtMost: i32,
): void {
  longestLine = maxLineBytes
  cellsAt = cells
  pathAt = path
  fieldsAt = fields
  notesAt = noted
  endsAt = ends
  mostLines = linesAtMost
}

/**
 * Scans whole lines from `from` up to `end` and answers why it stopped. `everyRow`: each line that a shape knows waits
 * for the caller, and nothing of it is counted.
 */
export function scanJsonLines(from: usize, end: usize, everyRow: bool): i32 {
  let at = from
  lines = 0
  notes = 0
  while (at < end) {
    stoppedAt = at
    if (lines === mostLines) return isFull
    const next = followLine(at)
    if (next === 0 || next - at > longestLine) return isUnknown
    store<usize>(endsAt + <usize>lines * 4, next)
    if (everyRow) return isRow
    const noted = judgeLine()
    if (noted < 0) return isUnknown
    countLine()
    if (noted > 0) {
      notes = noted
      return hasNotes
    }
    lines += 1
    at = next
  }
  stoppedAt = at
  return isAtEnd
}

/** Tells the forms of the values under way, and notes the new ones. Answers how many these are, or −1 for a line that the caller must read. */
function judgeLine(): i32 {
  let noted: i32 = 0
  for (let i: i32 = 0; i < pathLength; i += 1) {
    const field = load<i32>(pathAt + <usize>i * 4)
    const cell = cellsAt + <usize>field * cellBytes
    const form = tellCell(cell)
    if (form === askForm) return -1
    store<i32>(cell + cellFormAt, form)
    if (form === nullForm) continue
    const known = fieldsAt + <usize>field * fieldBytes
    const allowed = load<u32>(known + allowedAt)
    if (allowed !== everyForm && !isAllowed(cell, form, allowed)) return -1
    const bit = (<u32>1) << (form === emptyForm ? textForm : form)
    if ((load<u32>(known + hadAt) & bit) !== 0) continue
    const note = notesAt + <usize>noted * noteBytes
    store<i32>(note, field)
    store<i32>(note + 4, form)
    store<i32>(note + 8, load<i32>(cell + cellKindAt))
    store<usize>(note + 12, load<usize>(cell))
    store<usize>(note + 16, load<usize>(cell + cellEndAt))
    noted += 1
  }
  return noted
}

function tellCell(cell: usize): i32 {
  const kind = load<i32>(cell + cellKindAt)
  const from = load<usize>(cell)
  const to = load<usize>(cell + cellEndAt)
  if (kind === stringKind) {
    if (to - from === 2) return emptyForm
    const first: u32 = load<u8>(from + 1)
    const mayBeMoment =
      first - zero < 10 &&
      to - from >= shortestMoment &&
      to - from <= longestTold &&
      load<u8>(from + 5) === <u8>minus
    return mayBeMoment ? tellForm(from + 1, to - 1) : textForm
  }
  if (kind === numberKind) {
    if (load<i32>(cell + cellAskAt) !== 0 || to - from > longestTold) return askForm
    if (load<i32>(cell + cellScaleAt) > 0) return numericForm
    const digits = load<i32>(cell + cellDigitsAt)
    if (digits <= sureDigits) return integerForm
    if (digits > mostTold) return askForm
    return tellInteger(to - <usize>digits, digits, load<u8>(from) === <u8>minus)
  }
  if (kind === nullKind) return nullForm
  if (kind === booleanKind) return booleanForm
  if (kind === nestedKind) return nestedForm
  if (kind === escapedKind) return load<i32>(cell + cellAskAt) !== 0 ? askForm : textForm
  return askForm
}

/** Whether a value is surely of its declared type. */
function isAllowed(cell: usize, form: i32, allowed: u32): bool {
  const kind = load<i32>(cell + cellKindAt)
  if (kind === escapedKind || form === emptyForm) return false
  const own = kind === stringKind ? tellForm(load<usize>(cell) + 1, load<usize>(cell + cellEndAt) - 1) : form
  return own !== askForm && ((allowed >> own) & 1) !== 0
}

/** Counts the values under way. */
function countLine(): void {
  for (let i: i32 = 0; i < pathLength; i += 1) {
    const field = load<i32>(pathAt + <usize>i * 4)
    const cell = cellsAt + <usize>field * cellBytes
    const form = load<i32>(cell + cellFormAt)
    if (form === nullForm) continue
    const known = fieldsAt + <usize>field * fieldBytes
    const kind = load<i32>(cell + cellKindAt)
    const from = load<usize>(cell)
    const written = <i32>(load<usize>(cell + cellEndAt) - from)
    let length = written
    if (kind === stringKind) length -= 2
    else if (kind === escapedKind) length -= 2 + load<i32>(cell + cellDigitsAt)
    else if (kind === numberKind) {
      const digitsFrom = load<u8>(from) === <u8>minus ? from + 1 : from
      const digits = load<u8>(digitsFrom) === <u8>zero ? 0 : load<i32>(cell + cellDigitsAt)
      raise(known + mostDigitsAt, digits)
      raise(known + mostScaleAt, load<i32>(cell + cellScaleAt))
    }
    raise(known, length)
    raise(known + mostWrittenAt, written)
    const count = known + countsAt + <usize>form * 4
    store<u32>(count, load<u32>(count) + 1)
  }
}

function raise(at: usize, value: i32): void {
  if (load<i32>(at) < value) store<i32>(at, value)
}
