// If this fails, a cell is changed between the source and COPY.
import { encodeCopyText } from "@flatbed/codec"
import { Problem } from "@flatbed/contract"
import { createClassShares } from "@flatbed/testing"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type ChunkShape, encodeChunk, encodeLine } from "./chunk-encoder.ts"

/** Encodes lines from an offset on into `out`, as far as they are plainly rows. */
type Encode = (
  lines: Buffer,
  from: number,
  width: number,
  out: Buffer,
  at: number,
) => { readonly rows: number; readonly next: number; readonly to: number }

/** What is held against the plain encoder. Another implementation is one line more. */
const underTest: Readonly<Record<string, Encode>> = {
  codec: (lines, from, width, out, at) => {
    const { text, rows, next } = encodeCopyText(lines, from, width)
    return { rows, next, to: at + text.copy(out, at) }
  },
}

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

/** COPY text of lines; those at which the encoder stops go the plain way, and what is no row is left out. */
function encodeAll(encode: Encode, lines: Buffer, width: number): string {
  const out = Buffer.allocUnsafe(lines.length)
  let [from, to, row] = [0, 0, 1]
  for (;;) {
    const stretch = encode(lines, from, width, out, to)
    from = stretch.next
    to = stretch.to
    row += stretch.rows
    if (from === lines.length) return out.toString("utf8", 0, to)
    const end = lines.indexOf("\n", from)
    const line = encodeLine(lines.toString("utf8", from, end), shapeOf(width), row)
    if (typeof line === "string") to += out.write(line, to)
    from = end + 1
    row += 1
  }
}

/** Stops at every line. */
const plainly: Encode = (_lines, from, _width, _out, to) => ({ next: from, to, rows: 0 })

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

  test.each(Object.entries(underTest))("all Unicode scalar values, raw and escaped: %s", (_name, encode) => {
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
      expect(readCopyText(encodeAll(encode, Buffer.from(lines), 2))).toEqual([row, row])
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

const texts = [
  ...'\\N \\. \\ " / null ] , \\n \\u0041 {"a":1} ["a"] 😀 é € \ufeff \u007f \u2028'.split(" "),
  "\t",
  "\n",
  "\r\n",
  "\r",
  "\b",
  "\v",
  "\f",
  "\u0001",
  "",
]
const piece = fc.oneof(fc.string({ unit: "binary", maxLength: 8 }), fc.constantFrom(...texts))
const cell = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  {
    weight: 6,
    arbitrary: fc.array(piece, { maxLength: 4 }).map((parts) => parts.join("").replaceAll("\0", "")),
  },
)
const row = fc.array(cell, { minLength: 5, maxLength: 5 })
const wide = fc.integer({ min: 1, max: 5 })

test(`${cases} chunks mean the same by bytes, by the plain way, and to a reader of COPY's format (seed ${seed})`, () => {
  const shares = createClassShares(cellClasses)
  fc.assert(
    fc.property(wide, fc.array(row, { maxLength: 6 }), (width, table) => {
      const rows = table.map((cells) => cells.slice(0, width))
      shares.add(rows.flat())
      const lines = Buffer.from(rows.map((cells) => `${JSON.stringify(cells)}\n`).join(""))
      const plain = encodeAll(plainly, lines, width)
      expect(readCopyText(plain)).toEqual(rows)
      for (const [name, encode] of Object.entries(underTest)) {
        const out = Buffer.alloc(lines.length)
        const { next, to, rows: encoded } = encode(lines, 0, width, out, 0)
        // As the source spells rows, none is left to the plain way.
        expect({ name, next, encoded }).toEqual({ name, next: lines.length, encoded: rows.length })
        expect(out.toString("utf8", 0, to)).toBe(plain)
      }
      expect(encodeChunk(lines, shapeOf(width)).copyText.toString()).toBe(plain)
    }),
    { numRuns: cases, seed },
  )
  process.stdout.write(`${shares.describe()}\n`)
  expect(shares.tooFew()).toEqual([])
}, 3_600_000)

const textsHave = (least: number, pattern: RegExp) => ({
  least,
  has: (cells: (string | null)[]) => cells.some((one) => one !== null && pattern.test(one)),
})
const cellClasses = {
  NULL: { least: 20, has: (cells: (string | null)[]) => cells.includes(null) },
  emptiness: textsHave(20, /^$/),
  "\\N": textsHave(10, /\\N/),
  "\\N alone": textsHave(1, /^\\N$/),
  "\\.": textsHave(10, /\\\./),
  "\\. alone": textsHave(1, /^\\\.$/),
  "a backslash at the end": textsHave(5, /\\$/),
  "escapes as text": textsHave(10, /\\u0041/),
  "quotes of JSON": textsHave(10, /"/),
  "JSON in a cell": textsHave(10, /\{"a":1\}/),
  tabs: textsHave(10, /\t/),
  newlines: textsHave(10, /[^\r]\n|^\n/),
  "carriage returns": textsHave(10, /\r/),
  "other control characters": textsHave(10, /\p{Cc}/u),
  "two bytes": textsHave(10, /[\u0080-\u07ff]/u),
  "three bytes": textsHave(10, /[\u0800-\uffff]/u),
  "four bytes": textsHave(10, /[\u{10000}-\u{10ffff}]/u),
}

const escapeOf = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
const upper = (text: string) => text.replace(/[0-9a-f]{4}$/, (digits) => digits.toUpperCase())
const spellings: readonly ((cells: (string | null)[]) => string)[] = [
  (cells) => JSON.stringify(cells),
  (cells) => `[${cells.map((one) => (one === null ? "null" : `"${one.split("").map(escapeOf).join("")}"`))}]`,
  (cells) =>
    `[${cells.map((one) => (one === null ? "null" : `"${one.split("").map(escapeOf).map(upper).join("")}"`))}]`,
  (cells) => JSON.stringify(cells).replaceAll("/", "\\/"),
  (cells) => JSON.stringify(cells, null, 1).replaceAll("\n", " "),
]
const reject = {
  ...{ row: 0, file: "f.csv", line: 3, byte: 4, code: "extra-cell", column: null, value: null },
  ...{ reason: "too many", raw: "YQ==" },
}
/** Lines that are no rows of five cells: refused or damage, by what the plain encoder says. */
const oddities = [
  '["\\u0000",null,null,null,null]',
  '["\\ud83d",null,null,null,null]',
  '["\\ude00x",null,null,null,null]',
  '["\\ud83dx",null,null,null,null]',
  '["\\ud83d\\u0041",null,null,null,null]',
  '["a"]',
  "[]",
  "{}",
  "",
  '["a\tb",null,null,null,null]',
  '["\\x",null,null,null,null]',
  '["\\u12g4",null,null,null,null]',
  "[1,null,null,null,null]",
  "[nul,null,null,null,null]",
  "[null,null,null,null,null]x",
  "[null,null,null,null,null,null]",
  "[null,null,null,null,null",
  "null,null,null,null,null]",
  '["a',
]
const line = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(row, fc.constantFrom(...spellings))
      .map(([cells, spell]) => ({ kind: "row", text: spell(cells) })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "reject", text: "" }) },
  { weight: 1, arbitrary: fc.constantFrom(...oddities).map((text) => ({ kind: "oddity", text })) },
)

test(`${cases} chunks with lines of every kind: bytes and the plain way say the same (seed ${seed})`, () => {
  const shares = createClassShares(lineClasses)
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), (kinds) => {
      const written = kinds.map(({ kind, text }, i) =>
        kind === "reject" ? JSON.stringify({ reject: { ...reject, row: i + 1 } }) : text,
      )
      const lines = Buffer.from(written.map((text) => `${text}\n`).join(""))
      const plain = outcome(() => encodeAll(plainly, lines, 5))
      shares.add({ kinds, plain })
      for (const [name, encode] of Object.entries(underTest)) {
        expect({ name, ...outcome(() => encodeAll(encode, lines, 5)) }).toEqual({ name, ...plain })
      }
    }),
    { numRuns: cases, seed },
  )
  process.stdout.write(`${shares.describe()}\n`)
  expect(shares.tooFew()).toEqual([])
}, 3_600_000)

type Outcome = { readonly text?: string; readonly damage?: string }
type LineCase = {
  readonly kinds: readonly { readonly kind: string; readonly text: string }[]
  readonly plain: Outcome
}

const linesHave = (least: number, kind: string, pattern = /(?:)/) => ({
  least,
  has: ({ kinds }: LineCase) => kinds.some((one) => one.kind === kind && pattern.test(one.text)),
})
const lineClasses = {
  "rows by the source's spelling": linesHave(20, "row", /^\["|^\[null,/),
  "rows in escapes": linesHave(20, "row", /"\\u[0-9a-f]{4}/),
  "pairs in escapes": linesHave(5, "row", /\\ud[89ab][0-9a-f]{2}\\ud[c-f]/),
  "hex digits in capitals": linesHave(10, "row", /\\u[0-9A-F]*[A-F]/),
  "white space between cells": linesHave(10, "row", /^\[ /),
  rejects: linesHave(10, "reject"),
  oddities: linesHave(10, "oddity"),
  "chunks that are damage": { least: 10, has: ({ plain }: LineCase) => plain.damage !== undefined },
  "chunks that are none": { least: 30, has: ({ plain }: LineCase) => plain.text !== undefined },
}

function outcome(encode: () => string): Outcome {
  try {
    return { text: encode() }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { damage: error.message }
  }
}
