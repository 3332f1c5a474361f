/** Writing to the terminal or to whatever stands in its place. */

/** JSON on one line. BigInts become numbers where a double holds them exactly, otherwise strings. */
export function toJsonLine(value: unknown): string {
  const line = JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== "bigint") return item
    return Number.isSafeInteger(Number(item)) ? Number(item) : item.toString()
  })
  return `${line ?? "null"}\n`
}

/** Whether a stream takes colours (no-color.org: any value that is not empty switches them off). */
export function takesColor(
  stream: NodeJS.WritableStream,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return (stream as { isTTY?: boolean }).isTTY === true && !env.NO_COLOR && env.TERM !== "dumb"
}

/**
 * Lets the reader of a pipe go away (`| head`): what is written afterwards is lost, the work goes on. It holds
 * for the rest of the stream's life, since the last write's error may arrive after everything else is done.
 */
export function ignoreClosedPipe(stream: NodeJS.WritableStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") throw error
  })
}

/** Resolves when all that was written before has left the process, or never will. */
export function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    if ((stream as { destroyed?: boolean }).destroyed === true) resolve()
    else stream.write("", () => resolve())
  })
}
