/** A growing buffer that is written cell by cell; cells come as bytes of a record, their quotes still doubled. */
import type { TakeBuffer } from "@flatbed/codec"

const doubleQuote = 0x22
const backslash = 0x5c

// Nobody waits between the first byte and the last, so one buffer does for all; one that grew beyond this is let go.
const keptBytes = 16 * 1024 * 1024
let idle: Buffer | undefined

/** `quote` is the dialect's: twice in a cell's bytes, it stands for itself. */
export function createByteOutput(bytesAtFirst: number, quote: number) {
  let out = idle !== undefined && idle.length >= bytesAtFirst ? idle : Buffer.allocUnsafeSlow(bytesAtFirst)
  idle = undefined
  let to = 0

  function need(bytes: number): void {
    if (to + bytes <= out.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(out.length * 2, to + bytes))
    out.copy(larger, 0, 0, to)
    out = larger
  }

  function raw(bytes: Buffer, from: number, end: number): void {
    need(end - from)
    for (let at = from; at < end; at += 1) out[to++] = bytes[at] as number
  }

  /** The cell between double quotes, each byte as `spell` writes it; doubled quotes of the dialect count once. */
  function between(bytes: Buffer, from: number, end: number, spell: (byte: number) => void): void {
    need(6 * (end - from) + 2)
    out[to++] = doubleQuote
    for (let at = from; at < end; at += 1) {
      const byte = bytes[at] as number
      if (byte === quote) at += 1
      spell(byte)
    }
    out[to++] = doubleQuote
  }

  // RFC 8259 section 7, in the spelling of JSON.stringify.
  function spellJson(byte: number): void {
    if (byte >= 0x20 && byte !== doubleQuote && byte !== backslash) out[to++] = byte
    else to += out.write(JSON.stringify(String.fromCharCode(byte)).slice(1, -1), to, "latin1")
  }

  // RFC 4180 section 2.7.
  function spellCsv(byte: number): void {
    if (byte === doubleQuote) out[to++] = doubleQuote
    out[to++] = byte
  }

  return {
    put(byte: number): void {
      need(1)
      out[to++] = byte
    },
    text(ascii: string): void {
      need(ascii.length)
      to += out.write(ascii, to, "latin1")
    },
    copy(bytes: Buffer): void {
      need(bytes.length)
      to += bytes.copy(out, to)
    },
    raw,
    json: (bytes: Buffer, from: number, end: number) => between(bytes, from, end, spellJson),
    quoted: (bytes: Buffer, from: number, end: number) => between(bytes, from, end, spellCsv),
    /** A CSV cell without quotes around it. */
    unquoted(bytes: Buffer, from: number, end: number): void {
      need(end - from)
      for (let at = from; at < end; at += 1) {
        const byte = bytes[at] as number
        if (byte === quote) at += 1
        out[to++] = byte
      }
    },
    /** What was written, in a buffer that `take` makes. Nothing may be written afterwards. */
    finish(take: TakeBuffer): Buffer {
      const written = take(to)
      out.copy(written, 0, 0, to)
      if (out.length <= keptBytes) idle = out
      return written
    },
  }
}
