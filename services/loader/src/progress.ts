/** Progress on stderr while `load` works: a bar on a terminal, a plain line every ten seconds elsewhere. */
import type { RunProgress } from "./run-log.ts"
import { count } from "./summary.ts"

const lineEveryMs = 10_000
const barEveryMs = 100
const barWidth = 24

type Terminal = { readonly write: (text: string) => unknown; readonly isTTY: boolean }

/** `show` may be called as often as chunks arrive; `close` takes the bar away. `now` is in milliseconds. */
export function createProgress(terminal: Terminal, now: () => number = () => performance.now()) {
  const everyMs = terminal.isTTY ? barEveryMs : lineEveryMs
  let shownAt = terminal.isTTY ? Number.NEGATIVE_INFINITY : now()

  return {
    show(pipeline: string, progress: RunProgress): void {
      if (now() - shownAt < everyMs) return
      shownAt = now()
      const text = describe(pipeline, progress)
      // The cursor goes back to the line's beginning, so that whatever is written next replaces the bar.
      terminal.write(terminal.isTTY ? `\u001b[2K${drawBar(progress)} ${text}\r` : `${text}\n`)
    },
    close(): void {
      if (terminal.isTTY) terminal.write("\u001b[2K\r")
    },
  }
}

function describe(pipeline: string, { rows, ofRows, chunks, of }: RunProgress): string {
  return `${pipeline}: ${count(rows)} of ${count(ofRows)} rows, chunk ${chunks} of ${of}`
}

function drawBar({ rows, ofRows }: RunProgress): string {
  const full = ofRows === 0 ? barWidth : Math.floor((rows / ofRows) * barWidth)
  return `[${"#".repeat(full)}${" ".repeat(barWidth - full)}]`
}
