/** Pure: are a record's bytes UTF-8 without NUL? Postgres text can hold nothing else. */
import { isUtf8 } from "node:buffer"

export type TextFault = {
  readonly kind: "encoding" | "nul"
  /** Offset in the bytes, from 0; for ill-formed UTF-8 where the sequence begins. */
  readonly byte: number
  readonly value: number
}

/**
 * The first fault in whole records, or undefined; with `passNul` a NUL is none. Their line ends are ASCII, so that no
 * character is ever split between two records. Well-formed is what Unicode's table 3-7 says: no surrogates, no overlong forms.
 */
export function findTextFault(bytes: Buffer, { passNul = false } = {}): TextFault | undefined {
  const nul = passNul ? -1 : bytes.indexOf(0)
  if (!isUtf8(bytes)) {
    const bad = illFormedAt(bytes)
    if (nul === -1 || bad < nul) return { kind: "encoding", byte: bad, value: bytes[bad] ?? 0 }
  }
  return nul === -1 ? undefined : { kind: "nul", byte: nul, value: 0 }
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
    if (length === 0 || at + length > bytes.length || !isUtf8(bytes.subarray(at, at + length))) return at
    at += length
  }
  return at
}
