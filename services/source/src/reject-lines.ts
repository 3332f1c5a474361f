/** Pure: the rejects among the lines of a chunk. */
import type { Reject } from "@flatbed/contract"

const lf = 0x0a
const rejectLine = Buffer.from('{"reject":')

/** The lines of a chunk as NDJSON, each reject changed; rows are not looked into. */
export function mapRejects(lines: Buffer, change: (reject: Reject) => Reject): Buffer {
  const parts: Buffer[] = []
  let kept = 0
  for (let at = 0; at < lines.length; ) {
    const next = lines.indexOf(lf, at) + 1 || lines.length
    if (lines.subarray(at, at + rejectLine.length).equals(rejectLine)) {
      const { reject } = JSON.parse(lines.toString("utf8", at, next)) as { reject: Reject }
      parts.push(lines.subarray(kept, at), Buffer.from(`${JSON.stringify({ reject: change(reject) })}\n`))
      kept = next
    }
    at = next
  }
  return Buffer.concat([...parts, lines.subarray(kept)])
}
