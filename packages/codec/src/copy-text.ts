/** Row lines to COPY's text format, the way from the wire to Postgres. See `assembly/copy-text.ts`. */
import { behindInput, copyOut, inputAt, memoryOf, sharedCodec } from "./codec-module.ts"
import type { TakeBuffer } from "./take-buffer.ts"

const lf = 0x0a

/**
 * Takes row lines apart as far as they are plainly rows: arrays of `width` strings and nulls without white space, as the
 * source writes them, in valid UTF-8. Answers their COPY text (Postgres manual, COPY, "Text Format"), how many they
 * are, and the offset behind the last of them. The text is in a buffer that `take` makes.
 */
export function encodeCopyText(
  lines: Buffer,
  from: number,
  width: number,
  take: TakeBuffer = Buffer.allocUnsafeSlow,
): { text: Buffer; rows: number; next: number } {
  const codec = sharedCodec()
  const end = inputAt + lines.length - from
  const out = end + behindInput
  const memory = memoryOf(codec, out + (end - inputAt) + behindInput)
  lines.copy(memory, inputAt, from)
  memory[end] = lf
  codec.encodeCopyText(inputAt, end, width, out)
  return {
    text: copyOut(memory, out, codec.copyWroteTo.value, take),
    rows: codec.copyRows.value,
    next: from + codec.copyReadTo.value - inputAt,
  }
}
