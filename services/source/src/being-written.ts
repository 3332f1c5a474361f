/** Pure: what is said of a file that did not settle. */
import { formatDuration } from "@flatbed/config"
import { Problem } from "@flatbed/contract"

/** The reason why a file is waited for. */
export function beingWritten(settleMs: number): string {
  return `is still being written: it changed within the settle window of ${formatDuration(settleMs)}`
}

/** The problem once it was waited for in vain. */
export function stillWritten(file: string, settleMs: number): Problem {
  return new Problem("file-unsettled", `${file} ${beingWritten(settleMs)}.`, {
    hint: "Write it aside and rename it when it is whole; else it is read once nothing has touched it for so long.",
    facts: { file },
    retryAfterSeconds: 2,
  })
}
