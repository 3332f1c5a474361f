/** Records of a CSV from bytes as they come: borders, rejects, and what is new in the columns. See `assembly/scan.ts`. */
import { borrowCodec, type Codec, inputAt } from "./codec-module.ts"
import { createHeldMemory } from "./held-memory.ts"
import type { CsvShape } from "./row-lines.ts"

/**
 * The narrowest type whose spelling a cell has, by number, as in assembly/cell-form.ts; `ask` is for the caller to find
 * out, `jsonb` for arrays and objects of JSON.
 */
export const cellForms = [
  "boolean",
  "integer",
  "bigint",
  "numeric",
  "date",
  "timestamp",
  "timestamptz",
  "text",
  "null",
  "empty",
  "ask",
  "jsonb",
] as const

export type ScanShape = CsvShape & {
  readonly maxRecordBytes: number
  /** The served cells: their places in the record, and as bits the forms that make no reject of it. */
  readonly fields: readonly { readonly index: number; readonly allowed: number }[]
}

/** What is new about a cell. `bytes` are its own, with quotes still doubled, and void after the judgement. */
export type CellNote = {
  readonly field: number
  readonly form: number
  readonly bytes: Buffer
  readonly doubled: number
}

export type RecordSink = {
  /** A record's end, counted from the first byte that was ever held, and its line ends. */
  record(end: number, lines: number, isReject: boolean): void
  /**
   * A row with notes, or any row of bytes that are not clean: whether it is a row. `known` is to be told what the
   * columns have now, before the answer.
   */
  judge(notes: readonly CellNote[], bytes: Buffer): boolean
}

/** Why a scan stopped: bytes are missing, or the record under way is malformed or too long. */
export type ScanStop = "needs-more" | "malformed" | "too-long"

// As in assembly/scan.ts.
const stops = ["needs-more", "full", "has-notes", "malformed", "too-long"] as const
const [hasNotes, isFull] = [stops.indexOf("has-notes"), stops.indexOf("full")]

const toldAtMost = 1024
const [lf] = Buffer.from("\n")

/**
 * The tables of assembly/scan.ts in words of four bytes, as it says them. The places within a column's, a note's and a
 * record's entry are counted below, in the order told there.
 */
function layoutOf(codec: Codec) {
  const words = ({ value }: { readonly value: number }) => value / 4
  return {
    columnWords: words(codec.columnBytes),
    fieldWords: words(codec.fieldBytes),
    noteWords: words(codec.noteBytes),
    recordWords: words(codec.recordBytes),
    fieldPlace: {
      bytes: 0,
      digits: words(codec.mostDigitsAt),
      scale: words(codec.mostScaleAt),
      had: words(codec.hadAt),
      allowed: words(codec.allowedAt),
      counts: words(codec.countsAt),
    },
  }
}

export type RecordScanner = ReturnType<typeof openRecordScanner>

/** A scanner with a memory of its own, which grows with the longest record. `close` ends it. */
export function openRecordScanner({ width, delimiter, quote, maxRecordBytes, fields }: ScanShape) {
  const codec = borrowCodec()
  const { columnWords, fieldWords, noteWords, recordWords, fieldPlace } = layoutOf(codec)
  const columnsAt = inputAt
  const fieldsAt = columnsAt + width * columnWords * 4
  const notesAt = fieldsAt + fields.length * fieldWords * 4
  const recordsAt = notesAt + fields.length * noteWords * 4
  const heldAt = recordsAt + toldAtMost * recordWords * 4
  const held = createHeldMemory(codec, heldAt)
  let words = held.words()

  held.memory().fill(0, inputAt, heldAt)
  words.fill(-1, columnsAt / 4, fieldsAt / 4)
  fields.forEach(({ index, allowed }, field) => {
    words[columnsAt / 4 + index * columnWords] = field
    words[wordOf(field) + fieldPlace.allowed] = allowed
  })
  codec.openScan(width, delimiter, quote, maxRecordBytes, columnsAt, fieldsAt, notesAt, recordsAt, toldAtMost)

  function wordOf(field: number): number {
    return fieldsAt / 4 + field * fieldWords
  }

  /** The record's end in memory. */
  function tell(at: number, sink: RecordSink, isReject?: boolean): number {
    const place = recordsAt / 4 + at * recordWords
    const recordEnd = words[place] as number
    sink.record(held.offsetOf(recordEnd), words[place + 1] as number, isReject ?? words[place + 2] === 1)
    return recordEnd
  }

  function readNotes(): CellNote[] {
    return Array.from({ length: codec.notes.value }, (_, n) => {
      const place = notesAt / 4 + n * noteWords
      const [field = 0, form = 0, from = 0, to = 0, doubled = 0] = words.subarray(place, place + noteWords)
      return { field, form, bytes: held.memory().subarray(from, to), doubled }
    })
  }

  return {
    /** Takes the next bytes; they are copied. */
    hold(bytes: Buffer): void {
      held.hold(bytes)
      words = held.words()
    },

    /** The bytes that are held and not yet told of: they begin with the record under way. */
    held: held.bytes,

    /** Lets go of so many of the bytes held, without a word about them: the caller knows what they are. */
    skip: held.letGo,

    /**
     * Tells every record that is whole; with `isLast` nothing comes behind the bytes held. Unless the bytes are
     * `areClean`, each row is put up for judgement. Answers why it stopped; then `held` is the record it stopped at.
     */
    scan(isLast: boolean, areClean: boolean, sink: RecordSink): ScanStop {
      const memory = held.memory()
      const end = held.end()
      memory[end] = lf as number
      memory[end + 1] = quote
      let from = held.start()
      for (;;) {
        const stop = codec.scanRecords(from, end, isLast, !areClean)
        const count = codec.records.value
        for (let at = 0; at < count; at += 1) tell(at, sink)
        from = codec.stoppedAt.value
        if (stop === isFull) continue
        if (stop !== hasNotes) {
          held.letGoTo(from)
          return stops[stop] as ScanStop
        }
        const to = words[recordsAt / 4 + count * recordWords] as number
        const isRow = sink.judge(readNotes(), memory.subarray(from, to))
        if (isRow) codec.countRow()
        from = tell(count, sink, !isRow)
      }
    },

    /** What a field's cells are compared with from now on: raised, never lowered; `form` is one it has had. */
    know(field: number, cell: { form: number; bytes: number; digits: number; scale: number }): void {
      const word = wordOf(field)
      words[word + fieldPlace.had] = (words[word + fieldPlace.had] as number) | (1 << cell.form)
      for (const place of ["bytes", "digits", "scale"] as const) {
        const at = word + fieldPlace[place]
        words[at] = Math.max(words[at] as number, cell[place])
      }
    },

    /** Within `judge`: the form of a cell that was asked for, so that it is counted as such. */
    answer(field: number, form: number): void {
      const index = fields[field]?.index ?? 0
      words[columnsAt / 4 + index * columnWords + 1] = form
    },

    /** A field's longest cell, most digits and largest scale, and its cells by form. */
    summary(field: number): { bytes: number; digits: number; scale: number; cells: Uint32Array } {
      const word = wordOf(field)
      const at = (place: "bytes" | "digits" | "scale") => words[word + fieldPlace[place]] as number
      const counts = word + fieldPlace.counts
      return {
        ...{ bytes: at("bytes"), digits: at("digits"), scale: at("scale") },
        cells: new Uint32Array(words.slice(counts, counts + cellForms.length)),
      }
    },

    /** Gives the memory to the next scanner. Nothing may be called afterwards. */
    close: held.close,
  }
}
