/** Pure: a record's bytes as text, in the encoding of its file; bytes that are no text are spelled out. */
import { TextDecoder } from "@exodus/bytes/encoding-lite.js"

// Not Node's own, which reads windows-1252 as Latin-1 in several of its lines (nodejs/node#60888).
type Decoder = InstanceType<typeof TextDecoder>

export type RecordText = {
  readonly text: string
  /** Whether some bytes stand in the text as `\xNN`. */
  readonly spelled: boolean
}

/** `encoding` is a WHATWG label; a file whose encoding nobody told is taken for UTF-8. */
export function readRecordText(raw: Buffer, encoding = "utf-8"): RecordText {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true })
  const text = tryDecode(decoder, raw)
  if (text !== undefined && !text.includes("\0")) return { text, spelled: false }
  return { text: spellOut(raw, decoder), spelled: true }
}

const longestCharacter = 4

/** Character by character: what does not decode is spelled, and so is NUL, which no spreadsheet keeps. */
function spellOut(raw: Buffer, decoder: Decoder): string {
  const unit = decoder.encoding.startsWith("utf-16") ? 2 : 1
  const parts: string[] = []
  for (let at = 0; at < raw.length; ) {
    let to = at
    // Everything but UTF-16 keeps ASCII as it is, so a run of it needs no trying.
    if (unit === 1) while (to < raw.length && isPlain(raw[to] ?? 0)) to += 1
    let text = to === at ? undefined : raw.toString("latin1", at, to)
    for (let length = unit; text === undefined && length <= longestCharacter; length += unit) {
      if (at + length > raw.length) break
      text = tryDecode(decoder, raw.subarray(at, at + length))
      to = at + length
    }
    if (text === undefined || text === "\0") {
      to = Math.min(raw.length, at + unit)
      text = [...raw.subarray(at, to)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")
    }
    parts.push(text)
    at = to
  }
  return parts.join("")
}

const isPlain = (byte: number) => byte > 0 && byte < 0x80

function tryDecode(decoder: Decoder, bytes: Buffer): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
