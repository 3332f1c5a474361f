/** Pure: is a stream of bytes UTF-8 without NUL? Postgres text can hold nothing else. */
import { isUtf8 } from "node:buffer"

export type TextFault = {
  readonly kind: "encoding" | "nul"
  /** Offset in the whole stream, from 0; for ill-formed UTF-8 where the sequence begins. */
  readonly byte: number
  readonly value: number
}

/**
 * Checks bytes as they pass. `push` and `end` answer the first fault or undefined; a character may be split
 * between two pushes. Well-formed is what Unicode's table 3-7 says: no surrogates, no overlong forms.
 */
export function createTextGuard() {
  let carry: Buffer = Buffer.alloc(0)
  let offset = 0

  function push(bytes: Buffer): TextFault | undefined {
    const joined = carry.length === 0 ? bytes : Buffer.concat([carry, bytes])
    const from = offset - carry.length
    const sure = joined.length - incompleteTail(joined)
    const body = joined.subarray(0, sure)
    const nul = body.indexOf(0)
    if (!isUtf8(body)) {
      const bad = illFormedAt(body)
      if (nul === -1 || bad < nul) return { kind: "encoding", byte: from + bad, value: body[bad] ?? 0 }
    }
    if (nul !== -1) return { kind: "nul", byte: from + nul, value: 0 }
    carry = Buffer.from(joined.subarray(sure))
    offset += bytes.length
    return undefined
  }

  function end(): TextFault | undefined {
    const [value] = carry
    return value === undefined ? undefined : { kind: "encoding", byte: offset - carry.length, value }
  }

  return { push, end }
}

/** How many bytes at the end begin a character that is not whole yet: 0 to 3. */
function incompleteTail(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return lengthOf(byte) > back ? back : 0
  }
  return 0
}

function lengthOf(lead: number): number {
  if (lead < 0x80) return 1
  if (lead >= 0xc2 && lead <= 0xdf) return 2
  if (lead >= 0xe0 && lead <= 0xef) return 3
  if (lead >= 0xf0 && lead <= 0xf4) return 4
  return 0
}

/** Offset of the first ill-formed sequence in bytes that `isUtf8` refused. */
function illFormedAt(bytes: Buffer): number {
  let at = 0
  while (at < bytes.length) {
    const length = lengthOf(bytes[at] ?? 0)
    if (length === 0 || !isUtf8(bytes.subarray(at, at + length))) return at
    at += length
  }
  return at
}
