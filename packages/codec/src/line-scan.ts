/** Lines of NDJSON from bytes as they come: their ends, and what is new in the columns. See `assembly/json-scan.ts`. */
import { borrowCodec, inputAt } from "./codec-module.ts"
import { createHeldMemory } from "./held-memory.ts"
import { cellBytes, cellPlace, createShapes, placeShapes } from "./json-shapes.ts"
import { cellForms } from "./record-scan.ts"

/** A value whose form its field has not had; its bytes lie in the memory that the sink is given. */
export type ValueNote = {
  readonly field: number
  readonly form: number
  readonly kind: number
  readonly from: number
  readonly to: number
}

/** What the scan tells; `memory` and offsets in it are void after the next bytes are held. */
export type LineSink = {
  /** A line's length with its line end; in their order, each once. */
  line(bytes: number): void
  /** Before its line is told of: it is counted, and these of its values have forms that their fields had not. */
  notes(notes: readonly ValueNote[], memory: Buffer): void
  /**
   * In place of `line`, where every row is asked for: where it lies. Its values are those of `eachValue`. The answer
   * false stops the scan behind it.
   */
  row(memory: Buffer, from: number, to: number): boolean
}

export type LineSummary = {
  /** Of the longest text, and of the longest value as it is written. */
  readonly bytes: number
  readonly written: number
  readonly digits: number
  readonly scale: number
  /** How many values of each form. */
  readonly cells: Uint32Array
}

const lf = 0x0a
// Why a scan stopped, as in assembly/json-scan.ts; at the end and at a line of unknown shape nothing is left to do.
const isFull = 1
const hasNotes = 2
const isRow = 4

const fieldWords = 32
const fieldPlace = { bytes: 0, written: 1, digits: 2, scale: 3, had: 4, allowed: 5, counts: 16 } as const
const noteWords = 5
const linesAtMost = 1024
const mostFields = 1024
const limits = { gaps: 8192, bytes: 256 * 1024 }
const everyForm = (1 << cellForms.length) - 1

export type LineScanner = ReturnType<typeof openLineScanner>

export type LineRules = {
  /** A longer line is left to the caller. */
  readonly maxLineBytes: number
  /** Whether objects may be values. */
  readonly hasObjects: boolean
  /** Whether it is known of every line that it is well-formed. */
  readonly accepted: boolean
}

/** A scanner with a memory of its own, which grows with the longest line. `close` ends it. */
export function openLineScanner({ maxLineBytes, hasObjects, accepted }: LineRules) {
  const codec = borrowCodec()
  const places = placeShapes(inputAt, mostFields, limits)
  const fieldsAt = places.end
  const notesAt = fieldsAt + mostFields * fieldWords * 4
  const endsAt = notesAt + mostFields * noteWords * 4
  const held = createHeldMemory(codec, endsAt + linesAtMost * 4)
  let words = held.words()
  // The bytes up to here are whole lines.
  let wholeEnd = held.end()

  words.fill(0, fieldsAt / 4, notesAt / 4)
  for (let field = 0; field < mostFields; field += 1) words[placeOf(field, fieldPlace.allowed)] = everyForm
  const shapes = createShapes(places, mostFields, limits, () => ({ memory: held.memory(), words }))

  // Whoever read before with the same instance had other tables.
  codec.openShapes(places.shapesAt, places.cellsAt, places.pathAt, places.nestAt, hasObjects, accepted)
  codec.openJsonScan(maxLineBytes, places.cellsAt, places.pathAt, fieldsAt, notesAt, endsAt, linesAtMost)

  function placeOf(field: number, place: number): number {
    return fieldsAt / 4 + field * fieldWords + place
  }

  function tellLines(from: number, sink: LineSink): void {
    const count = codec.jsonLines.value
    let lineFrom = from
    for (let line = 0; line < count; line += 1) {
      const lineEnd = words[endsAt / 4 + line] as number
      sink.line(lineEnd - lineFrom)
      lineFrom = lineEnd
    }
  }

  function readNotes(): ValueNote[] {
    return Array.from({ length: codec.jsonNotes.value }, (_, n) => {
      const at = notesAt / 4 + n * noteWords
      const [field = 0, form = 0, kind = 0, from = 0, to = 0] = words.subarray(at, at + noteWords)
      const had = placeOf(field, fieldPlace.had)
      words[had] = (words[had] as number) | (1 << hadForm(form))
      return { field, form, kind, from, to }
    })
  }

  return {
    /** Takes the next bytes; they are copied. */
    hold(bytes: Buffer): void {
      const before = held.end() - held.start()
      const wholeBefore = Math.max(0, wholeEnd - held.start())
      held.hold(bytes)
      words = held.words()
      const last = held
        .memory()
        .subarray(held.start() + before, held.end())
        .lastIndexOf(lf)
      wholeEnd = held.start() + (last === -1 ? wholeBefore : before + last + 1)
    },

    /** The bytes that are held and not told of: they begin with a line. */
    held: held.bytes,

    /** Of these, the lines that are whole. */
    whole: () => held.memory().subarray(held.start(), wholeEnd),

    /** Lets go of so many of the bytes held, without a word about them. */
    skip: held.letGo,

    /** Adds what a line looked like that was read in full; false where there is no room for it. */
    learn: shapes.learn,

    /**
     * Tells the lines of known shapes that come first, and stops at one that the caller must read, or where no whole
     * line is left. The bytes are UTF-8.
     */
    scan(everyRow: boolean, sink: LineSink): void {
      if (shapes.gaps() === 0) return
      for (;;) {
        const from = held.start()
        const stop = codec.scanJsonLines(from, wholeEnd, everyRow)
        tellLines(from, sink)
        const at = codec.jsonStoppedAt.value
        held.letGoTo(at)
        if (stop === isFull) continue
        if (stop !== hasNotes && stop !== isRow) return
        const to = words[endsAt / 4 + codec.jsonLines.value] as number
        held.letGoTo(to)
        if (stop === isRow) {
          if (!sink.row(held.memory(), at, to)) return
        } else {
          sink.notes(readNotes(), held.memory())
          sink.line(to - at)
        }
      }
    },

    /** Within `row`: the values of the line, in its order. */
    eachValue(tell: (field: number, kind: number, from: number, to: number) => void): void {
      const count = codec.jsonPathLength.value
      for (let i = 0; i < count; i += 1) {
        const field = words[places.pathAt / 4 + i] as number
        const cell = (places.cellsAt + field * cellBytes) / 4
        tell(
          field,
          words[cell + cellPlace.kind] as number,
          words[cell + cellPlace.from] as number,
          words[cell + cellPlace.to] as number,
        )
      }
    },

    /** The forms, as bits, that a field's values may have; a line with another is left to the caller. */
    allow(field: number, forms: number): void {
      if (field < mostFields) words[placeOf(field, fieldPlace.allowed)] = forms
    },

    /** What the values of a field said on the lines that were counted. */
    summary(field: number): LineSummary | undefined {
      if (field >= mostFields) return undefined
      const word = placeOf(field, 0)
      const [bytes = 0, written = 0, digits = 0, scale = 0] = words.subarray(word, word + 4)
      const counts = word + fieldPlace.counts
      const cells = new Uint32Array(words.slice(counts, counts + cellForms.length))
      return { bytes, written, digits, scale, cells }
    },

    /** Gives the memory to the next scanner. Nothing may be called afterwards. */
    close: held.close,
  }
}

/** An empty string is text. */
function hadForm(form: number): number {
  return cellForms[form] === "empty" ? cellForms.indexOf("text") : form
}
