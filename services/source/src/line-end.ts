/** Pure: where lines end. */

const [lineFeed, carriageReturn] = [0x0a, 0x0d]

/**
 * Whether a line ends before or behind this offset: LF, CRLF or CR. Between the two bytes of a CRLF none does, for
 * without its second byte the first is another thing.
 */
export function endsLine(bytes: Buffer, at: number): boolean {
  const [before, behind] = [bytes[at - 1], bytes[at]]
  if (before === carriageReturn && behind === lineFeed) return false
  return [before, behind].some((byte) => byte === lineFeed || byte === carriageReturn)
}
