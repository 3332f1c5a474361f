// If this fails, cells change on their way from the file to the wire: at the borders of the sixteen bytes that are
// copied at once, at escapes, or where the output has to grow.
import { expect, test } from "vitest"
import { encodeRowLines } from "./row-lines.ts"

const shape = { width: 3, delimiter: 0x2c, quote: 0x22 }
const specials = [..."\"\\\b\t\n\f\r\u0001\u001f,'é€🙂"]

/** A record as CSV, every cell in quotes but null. */
function spell(cells: readonly (string | null)[], { delimiter = ",", quote = '"' } = {}): string {
  const spelled = cells.map((cell) =>
    cell === null ? "" : `${quote}${cell.replaceAll(quote, quote + quote)}${quote}`,
  )
  return spelled.join(delimiter)
}

const decode = (body: Buffer): unknown[] =>
  body.length === 0
    ? []
    : body
        .toString()
        .slice(0, -1)
        .split("\n")
        .map((line) => JSON.parse(line))

test("a special character at any place of a cell of any length is the same behind the wire", () => {
  for (let length = 0; length <= 40; length += 1) {
    const rows = specials.flatMap((special) =>
      Array.from({ length: length + 1 }, (_, at) => [
        `${"x".repeat(at)}${special}${"y".repeat(length - at)}`,
        null,
        "z",
      ]),
    )
    const records = Buffer.from(rows.map((row) => `${spell(row)}\r\n`).join(""))
    const { body, rows: counted } = encodeRowLines(records, shape)
    expect(decode(body)).toEqual(rows)
    expect(counted).toBe(rows.length)
  }
})

test("cells without quotes end at the delimiter and the line end, at any length", () => {
  const rows = Array.from({ length: 70 }, (_, n) => [
    "x".repeat(n + 1),
    "é".repeat(n + 1),
    "0".repeat(70 - n),
  ])
  for (const [delimiter, code] of [
    [",", 0x2c],
    ["\t", 0x09],
    ["|", 0x7c],
  ] as const) {
    for (const lineEnd of ["\n", "\r\n"]) {
      const records = Buffer.from(rows.map((row) => row.join(delimiter)).join(lineEnd))
      expect(decode(encodeRowLines(records, { ...shape, delimiter: code }).body)).toEqual(rows)
    }
  }
})

test("what JSON must escape is escaped outside quotes too, and the dialect's quote need not be JSON's", () => {
  const rows = [
    ['a"b', "c\\d", "e\u0002f"],
    ["it's", "''", 'x"y'],
    [null, "", null],
  ]
  const quoted = rows.slice(1).map((row) => `${spell(row, { quote: "'" })}\n`)
  const records = Buffer.from(`a"b,c\\d,e\u0002f\n${quoted.join("")}`)
  const { body } = encodeRowLines(records, { ...shape, quote: 0x27 })
  expect(decode(body)).toEqual(rows)
  expect(body.toString().split("\n")).toEqual([...rows.map((row) => JSON.stringify(row)), ""])
})

test("NULL is unquoted and empty; empty text is quoted; a blank record of one column is NULL", () => {
  expect(encodeRowLines(Buffer.from(',"",\n"",,""'), shape).body.toString()).toBe(
    '[null,"",null]\n["",null,""]\n',
  )
  expect(encodeRowLines(Buffer.from("\n\na\n"), { ...shape, width: 1 }).body.toString()).toBe(
    '[null]\n[null]\n["a"]\n',
  )
  expect(encodeRowLines(Buffer.alloc(0), shape)).toEqual({ body: Buffer.alloc(0), rows: 0 })
})

test("records that grow sixfold fit, one or many, and the memory of the one before is not seen", () => {
  const row = ["\u0001".repeat(300_000), "\u001f".repeat(10), "end"]
  for (const rows of [
    [row],
    [row, row, ["a", null, "b"]],
    Array.from({ length: 50_000 }, () => [null, null, null]),
  ]) {
    const records = Buffer.from(rows.map((cells) => `${spell(cells)}\n`).join(""))
    const { body, rows: counted } = encodeRowLines(records, shape)
    expect(decode(body)).toEqual(rows)
    expect(counted).toBe(rows.length)
  }
})

test("the lines are in the one buffer that was asked for, also where the output had to grow", () => {
  const plain = Buffer.from("a,b,c\n".repeat(10))
  const growing = Buffer.from(`"${"\u0001".repeat(300_000)}",,x\n`.repeat(2))
  for (const records of [plain, growing, Buffer.alloc(0)]) {
    const taken: Buffer[] = []
    const { body } = encodeRowLines(records, shape, (bytes) => {
      taken.push(Buffer.alloc(bytes))
      return taken.at(-1) as Buffer
    })
    expect(taken).toHaveLength(1)
    expect(body).toBe(taken[0])
    expect(body.equals(encodeRowLines(records, shape).body)).toBe(true)
  }
})
