/** A row that the source served and this side sets aside: what is known at once, and what the source adds. Pure. */
import type { ManifestChunk, Reject, RowOrigin } from "@flatbed/contract"
import { Problem } from "@flatbed/contract"

/** A reject without its place in the file, which only the source knows. `row` is the row of the version. */
export type Refusal = Pick<Reject, "row" | "code" | "column" | "value" | "reason">

// The contract cuts a reject's value there.
const maxValueLength = 100

/** A cell as a reject shows it. Its bytes stand in `raw`; here what Postgres text cannot hold is replaced. */
export function showValue(cell: string): string {
  return toStorable(cell.slice(0, maxValueLength))
}

/** Text without NUL and without halves of surrogate pairs, for a column of Postgres. */
export function toStorable(text: string): string {
  return Buffer.from(text.replaceAll("\0", "\u2400"), "utf8").toString("utf8")
}

/**
 * The refusal as a reject, with the file, line, byte offset and bytes that the source answered for its row.
 *
 * @throws Problem `chunk-damaged` when the answer is missing, for another row, or from outside the row's chunk.
 */
export function placeRefusal(refusal: Refusal, origin: RowOrigin | undefined, chunk: ManifestChunk): Reject {
  const { row } = refusal
  const { origin_from: from = chunk.byte_from, origin_to: to = chunk.byte_to } = chunk
  const inside =
    origin?.row === row &&
    origin.chunk === chunk.chunk &&
    origin.file === chunk.file &&
    origin.byte_from >= from &&
    origin.byte_to <= to
  if (!inside) {
    throw new Problem("chunk-damaged", `The source placed row ${row} of ${chunk.file} outside its chunk.`, {
      hint: "Nothing of the chunk was loaded. If it stays so, look for a proxy between the loader and the source.",
      facts: { row, chunk: chunk.chunk },
    })
  }
  const raw = withoutLineEnd(Buffer.from(origin.raw, "base64"), origin.encoding)
  return {
    ...refusal,
    file: origin.file,
    line: origin.line,
    byte: origin.byte_from,
    raw: raw.toString("base64"),
  }
}

// A reject's bytes end before the line end; a row's origin has it.
function withoutLineEnd(record: Buffer, encoding: string | undefined): Buffer {
  const [lf, cr] = ["\n", "\r"].map((sign) => spellSign(sign, encoding))
  const line = cut(record, lf)
  return cut(line, cr)
}

function cut(record: Buffer, end: Buffer | undefined): Buffer {
  if (end === undefined || !record.subarray(-end.length).equals(end)) return record
  return record.subarray(0, record.length - end.length)
}

function spellSign(sign: string, encoding: string | undefined): Buffer {
  switch (encoding) {
    case "utf-16le":
      return Buffer.from(sign, "utf16le")
    case "utf-16be":
      return Buffer.from(sign, "utf16le").swap16()
    default:
      return Buffer.from(sign)
  }
}
