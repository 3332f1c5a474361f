/** COPY text by its lines: one line is one row (Postgres manual, COPY, "Text Format"). Pure. */

/** The lines, each with its newline. Line 1 is at 0. */
export function splitLines(copyText: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let from = 0; from < copyText.length; ) {
    const to = copyText.indexOf(0x0a, from) + 1
    if (to === 0) throw new Error("COPY text ends inside a line")
    lines.push(copyText.subarray(from, to))
    from = to
  }
  return lines
}

/** The lines with each one's number, from 1, as its first cell. */
export function numberLines(lines: readonly Buffer[]): Buffer {
  return Buffer.concat(lines.flatMap((line, i) => [Buffer.from(`${i + 1}\t`), line]))
}

/** Each row's file as a cell of COPY text, with the tab behind it. */
export type FileCells = { readonly of: (row: number) => Buffer; readonly longest: number }

const longestNumber = 20

/**
 * The text with a number before each of its lines, which are counted from 0 here; with `files` each row's file before
 * that.
 */
export function numberRows(copyText: Buffer, numberOf: (line: number) => number, files?: FileCells): Buffer {
  let lines = 0
  for (let at = copyText.indexOf(0x0a); at !== -1; at = copyText.indexOf(0x0a, at + 1)) lines += 1
  const numbered = Buffer.allocUnsafe(copyText.length + lines * (longestNumber + (files?.longest ?? 0)))
  let from = 0
  let filled = 0
  for (let line = 0; line < lines; line += 1) {
    const to = copyText.indexOf(0x0a, from) + 1
    const row = numberOf(line)
    if (files !== undefined) filled += files.of(row).copy(numbered, filled)
    filled += numbered.write(`${row}\t`, filled, "latin1")
    filled += copyText.copy(numbered, filled, from, to)
    from = to
  }
  return numbered.subarray(0, filled)
}

/** What the cells of a line stand for, in their order. Only the escapes that the encoder writes are known here. */
export function readCells(line: Buffer | undefined): (string | null)[] {
  const text = line?.toString("utf8").slice(0, -1) ?? ""
  return text.split("\t").map((cell) => (cell === "\\N" ? null : cell.replace(/\\(.)/gs, readEscape)))
}

const plain: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" }
const readEscape = (_: string, letter: string) => plain[letter] ?? letter
