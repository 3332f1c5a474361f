/** Pure: rejects found in a text, told of by the file's own bytes and offsets. */
import type { Reject } from "@flatbed/contract"
import { findTextFault } from "../text-guard.ts"
import { lengthInText, type Origin } from "./origin.ts"

/** The reject as it stands in the file. */
export function placeInOrigin(reject: Reject, origin: Origin): Reject {
  const inText = withoutHalf(Buffer.from(reject.raw, "base64"))
  const raw = origin.bytesOf(inText).toString("base64")
  const placed = { ...reject, byte: origin.offsetOf(reject.byte), raw }
  const fault = reject.code === "encoding-error" ? findTextFault(inText) : undefined
  if (fault === undefined) return { ...placed, reason: withUnit(reject.reason) }
  const end = fault.byte + lengthInText(inText[fault.byte] ?? 0)
  const found = origin.bytesOf(inText.subarray(fault.byte, end)).toString("hex")
  const byte = origin.bytesOf(inText.subarray(0, fault.byte)).length + 1
  return {
    ...placed,
    // Three bytes stand for each character that is none.
    value: reject.value?.replaceAll("\ufffd\ufffd\ufffd", "\ufffd") ?? null,
    reason: `Byte ${byte} of the record, 0x${found}, is no character of its own; expected ${origin.encoding}.`,
  }
}

/** Raw bytes that are too many are cut somewhere, perhaps inside a character. */
function withoutHalf(text: Buffer): Buffer {
  const longest = 4
  for (let at = text.length - 1; at >= Math.max(0, text.length - longest); at -= 1) {
    const byte = text[at] as number
    if (byte >= 0x80 && byte < 0xc0) continue
    return at + lengthInText(byte) > text.length ? text.subarray(0, at) : text
  }
  return text
}

// Whoever wrote the reason counted in the text.
function withUnit(reason: string): string {
  return /\bbytes?\b/.test(reason) ? `${reason} Bytes are counted in the file's text in UTF-8 here.` : reason
}
