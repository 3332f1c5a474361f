// If this fails, a cell is changed between the source and COPY.
import { Problem } from "@flatbed/contract"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type ChunkShape, encodeChunk, encodeLine } from "./chunk-encoder.ts"

const cases = Number(process.env.FLATBED_TEST_CASES ?? 20_000)
const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)

const shapeOf = (width: number): ChunkShape => ({
  columns: Array.from({ length: width }, (_, i) => `c${i}`),
  firstRow: 1,
})

/** COPY's text format as its manual tells it, read back: what Postgres will make of a line. */
function readCopyText(text: string): (string | null)[][] {
  const meanings: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" }
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) =>
      line
        .split("\t")
        .map((cell) =>
          cell === "\\N" ? null : cell.replace(/\\(.)/gs, (_, sign: string) => meanings[sign] ?? sign),
        ),
    )
}

const encode = (lines: string, width: number) => encodeChunk(Buffer.from(lines), shapeOf(width))

describe("every way to spell a cell", () => {
  test.each([
    ["text", '["a","b"]\n', "a\tb\n"],
    ["NULL and empty", '[null,""]\n', "\\N\t\n"],
    ["the letters \\N and \\.", '["\\\\N","\\\\."]\n', "\\\\N\t\\\\.\n"],
    ["short escapes", '["\\"\\\\\\/\\b\\f","\\n\\r\\t"]\n', '"\\\\/\\b\\f\t\\n\\r\\t\n'],
    [
      "long escapes",
      '["\\u0041\\u000b\\u005c","\\u00e9\\u20AC\\ud83d\\ude00\\u0001"]\n',
      "A\\v\\\\\té€😀\u0001\n",
    ],
    ["characters as they are", '["é€😀\u007f","\ufeff\u2028"]\n', "é€😀\u007f\t\ufeff\u2028\n"],
    ["white space that the source does not write", '[ "a" , null ]\n', "a\t\\N\n"],
  ])("%s", (_title, lines, copyText) => {
    const encoded = encode(lines, 2)
    expect(encoded.copyText.toString()).toBe(copyText)
    expect(encoded).toMatchObject({ rows: undefined, rejects: [], refusals: [] })
  })

  test("all Unicode scalar values, raw and escaped", () => {
    for (let from = 1; from < 0x110000; from += 0x4000) {
      const characters = Array.from({ length: 0x4000 }, (_, i) => from + i)
        .filter((code) => code < 0x110000 && (code < 0xd800 || code > 0xdfff))
        .map((code) => String.fromCodePoint(code))
      const escaped = characters.map((character) =>
        [...character.split("")]
          .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
          .join(""),
      )
      const lines = `${JSON.stringify([characters.join(""), null])}\n["${escaped.join("")}",null]\n`
      const row = [characters.join(""), null]
      expect(readCopyText(encode(lines, 2).copyText.toString())).toEqual([row, row])
    }
  })
})

describe("lines that are no rows", () => {
  const reject = {
    row: 2,
    file: "f.csv",
    line: 3,
    byte: 4,
    code: "extra-cell",
    column: null,
    value: null,
    reason: "too many",
    raw: "YQ==",
  }

  test("a reject stands in its row's place, and the rows around it keep their numbers", () => {
    const encoded = encode(`["a"]\n${JSON.stringify({ reject })}\n["c"]\n`, 1)
    expect(encoded.copyText.toString()).toBe("a\nc\n")
    expect(encoded.rows).toEqual([1, 3])
    expect(encoded.rejects).toEqual([reject])
  })

  test("NUL and half a surrogate pair are refused, not repaired", () => {
    const encoded = encode('["\\u0000"]\n["\\ud83d"]\n["\\ude00x"]\n["ok"]\n', 1)
    expect(encoded.refusals.map(({ row, code }) => [row, code])).toEqual([
      [1, "nul-error"],
      [2, "encoding-error"],
      [3, "encoding-error"],
    ])
    expect(encoded.copyText.toString()).toBe("ok\n")
  })

  test.each([
    '["a"',
    '["a","b"]',
    "[]",
    '["a\tb"]',
    '["\\x"]',
    '["\\u12g4"]',
    "[1]",
    '["a"]x',
    "{}",
    "",
    '["a",]',
    "[nul]",
  ])("%s is damage", (line) => {
    expect(() => encode(`["first"]\n${line}\n`, 1)).toThrow(Problem)
  })
})

const cell = fc.oneof(
  fc.constant(null),
  fc
    .array(
      fc.oneof(
        fc.string({ unit: "binary", maxLength: 8 }),
        fc.constantFrom(
          "\\N",
          "\\.",
          "\\",
          '"',
          "\t",
          "\n",
          "\r\n",
          "\b",
          "\v",
          "\f",
          "\u0001",
          "/",
          "null",
          "]",
          ",",
          "😀",
        ),
      ),
      { maxLength: 4 },
    )
    .map((parts) => parts.join("").replaceAll("\0", "")),
)

test(`${cases} chunks mean the same by bytes, by the plain way, and to a reader of COPY's format (seed ${seed})`, () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.array(cell, { minLength: 5, maxLength: 5 }), { maxLength: 6 }),
      (width, table) => {
        const rows = table.map((cells) => cells.slice(0, width))
        const lines = rows.map((row) => JSON.stringify(row))
        const { copyText } = encode(lines.map((line) => `${line}\n`).join(""), width)
        expect(copyText.toString()).toBe(
          lines.map((line, i) => encodeLine(line, shapeOf(width), i + 1)).join(""),
        )
        expect(readCopyText(copyText.toString())).toEqual(rows)
      },
    ),
    { numRuns: cases, seed },
  )
}, 600_000)
