// If this fails, cells change on their way from the wire to Postgres, or lines that are no rows are taken for some.
import { expect, test } from "vitest"
import { encodeCopyText } from "./copy-text.ts"

const specials = [...'"\\/\b\t\n\v\f\r\u0001\u007fé€🙂\ud7ff\ue000\uffff']

/** COPY's text format as Postgres reads it (manual, COPY, "Text Format"). */
function readCopyText(text: Buffer): (string | null)[][] {
  const letters: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" }
  const lines = text.toString().split("\n")
  expect(lines.pop()).toBe("")
  return lines.map((line) =>
    line
      .split("\t")
      .map((cell) =>
        cell === "\\N" ? null : cell.replace(/\\(.)/gs, (_, one: string) => letters[one] ?? one),
      ),
  )
}

/** The same text with every character as an escape of four digits. */
function spellEscaped(cell: string): string {
  const units = Array.from({ length: cell.length }, (_, i) =>
    cell.charCodeAt(i).toString(16).padStart(4, "0"),
  )
  return `"${units.map((unit) => `\\u${unit}`).join("")}"`
}

test("a special character at any place of a cell of any length arrives, escaped or not", () => {
  for (let length = 0; length <= 40; length += 1) {
    const rows = specials.flatMap((special) =>
      Array.from({ length: length + 1 }, (_, at) => [
        `${"x".repeat(at)}${special}${"y".repeat(length - at)}`,
        null,
      ]),
    )
    const plain = rows.map((row) => `${JSON.stringify(row)}\n`).join("")
    const escaped = rows.map(([cell]) => `[${spellEscaped(cell ?? "")},null]\n`).join("")
    for (const lines of [plain, escaped]) {
      const found = encodeCopyText(Buffer.from(lines), 0, 2)
      expect(readCopyText(found.text)).toEqual(rows)
      expect(found).toMatchObject({ rows: rows.length, next: Buffer.byteLength(lines) })
    }
  }
})

test("NULL, empty text, the letters \\N and the end mark \\. stay apart", () => {
  const rows = [[null], [""], ["\\N"], ["\\."], ["null"], ["\\\\N"]]
  const { text } = encodeCopyText(Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join("")), 0, 1)
  expect(text.toString()).toBe("\\N\n\n\\\\N\n\\\\.\nnull\n\\\\\\\\N\n")
})

test.each([
  ['{"reject":{}}'],
  ['["a"]'],
  ['["a","b","c"]'],
  ['["a", "b"]'],
  ['[1,"b"]'],
  ['["a",true]'],
  ['["a",nul]'],
  ['["a","b"'],
  ['["a","b]'],
  ['["a","b"] '],
  ['["a","\\u0000"]'],
  ['["a","\\ud800"]'],
  ['["a","\\udc00"]'],
  ['["a","\\ud800\\u0041"]'],
  ['["a","\\x"]'],
  ['["a","\\u00g0"]'],
  ['["a","b\tc"]'],
  [""],
])("at the line %s it stops, with the lines before it encoded", (line) => {
  const before = '["x","y"]\n'
  for (const after of ["", '\n["z",null]\n']) {
    const found = encodeCopyText(Buffer.from(`${before}${line}${after}`), 0, 2)
    expect(found.text.toString()).toBe("x\ty\n")
    expect(found).toMatchObject({ rows: 1, next: before.length })
  }
})

test("it goes on from any line, and a line without its end is none", () => {
  const lines = Buffer.from('{"reject":1}\n["a","b"]\n["c","d"]')
  const found = encodeCopyText(lines, 13, 2)
  expect(found.text.toString()).toBe("a\tb\n")
  expect(found).toMatchObject({ rows: 1, next: 23 })
})
