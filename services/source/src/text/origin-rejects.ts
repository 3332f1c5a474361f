/** Pure: rejects found in a text, told of by the file's own bytes and offsets. */
import type { Reject } from "@flatbed/contract"
import { findTextFault } from "../text-guard.ts"
import { lengthInText, type Origin } from "./origin.ts"

const lf = 0x0a
const rejectLine = Buffer.from('{"reject":')

/** The lines of a chunk, its rejects placed in the file. */
export function placeRejectsInOrigin(lines: Buffer, origin: Origin): Buffer {
  const parts: Buffer[] = []
  let kept = 0
  for (let at = 0; at < lines.length; ) {
    const next = lines.indexOf(lf, at) + 1 || lines.length
    if (lines.subarray(at, at + rejectLine.length).equals(rejectLine)) {
      const { reject } = JSON.parse(lines.toString("utf8", at, next)) as { reject: Reject }
      parts.push(
        lines.subarray(kept, at),
        Buffer.from(`${JSON.stringify({ reject: place(reject, origin) })}\n`),
      )
      kept = next
    }
    at = next
  }
  return Buffer.concat([...parts, lines.subarray(kept)])
}

function place(reject: Reject, origin: Origin): Reject {
  const inText = Buffer.from(reject.raw, "base64")
  const raw = origin.bytesOf(inText).toString("base64")
  const placed = { ...reject, byte: origin.offsetOf(reject.byte), raw }
  const fault = reject.code === "encoding-error" ? findTextFault(inText) : undefined
  if (fault === undefined) return placed
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
