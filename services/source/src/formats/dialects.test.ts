// If this fails, a file that is written in another way than RFC 4180 gives other cells than were written.
import { Problem, type Reject } from "@flatbed/contract"
import fc from "fast-check"
import { describe, expect, it, test } from "vitest"
import { isByteDialect } from "./byte-table.ts"
import type { CsvDialect, CsvLayout } from "./csv-dialect.ts"
import type { BorderSink } from "./format.ts"
import { type ReaderName, readerNames, readers } from "./readers.ts"

type Cell = string | null
type Line = Cell[] | { reject: Reject }

const comma: CsvDialect = { delimiter: ",", quote: '"' }
const steps = [1, 2, 3, 7, 1000]

/** The file's columns and records, each record encoded as a chunk of its own and in one with all others. */
async function read(name: ReaderName, bytes: Buffer, dialect: CsvDialect, step: number) {
  const reader = readers[name]
  const spans: { from: number; to: number; line: number }[] = []
  let end = 0
  let line = 1
  const borders: BorderSink = {
    header(to, nextLine) {
      end = to
      line = nextLine
    },
    record(to, nextLine) {
      spans.push({ from: end, to, line })
      end = to
      line = nextLine
    },
  }
  const scan = reader.startScan(
    { file: "f.csv", dialect, columns: { drop: [], rename: {}, types: {} }, maxRecordBytes: 1 << 20 },
    borders,
  )
  try {
    for (let at = 0; at < bytes.length; at += step) await scan.push(bytes.subarray(at, at + step))
    const { layout, rows, rejects, mends } = await scan.end()
    expect(rows).toBe(spans.length)
    expect(end).toBe(bytes.length)
    const encode = (from: number, to: number, firstRow: number, firstLine: number) =>
      linesOf(name, layout, bytes, { from, to, firstRow, firstLine, rejects })
    const [first] = spans
    const lines = first === undefined ? [] : encode(first.from, end, 1, first.line)
    expect(spans.flatMap((span, i) => encode(span.from, span.to, i + 1, span.line))).toEqual(lines)
    return { names: layout.fields.map((field) => field.name), lines, mends, layout, lineAfter: line }
  } finally {
    scan.abandon()
  }
}

type Part = { from: number; to: number; firstRow: number; firstLine: number; rejects: number }

function linesOf(name: ReaderName, layout: CsvLayout, bytes: Buffer, part: Part): Line[] {
  const { from, to, firstRow, firstLine, rejects } = part
  const records = {
    bytes: bytes.subarray(from, to),
    file: "f.csv",
    firstRow,
    firstLine,
    byteFrom: from,
    rejects,
  }
  const { body } = readers[name].encode(records, layout, "cells")
  return body
    .toString()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

const readersOf = (dialect: CsvDialect) =>
  readerNames.filter((name) => name === "csv-parse" || isByteDialect(dialect))

const show = (line: Line) =>
  Array.isArray(line) ? line : `${line.reject.code}, line ${line.reject.line}, byte ${line.reject.byte}`

type Case = readonly [what: string, CsvDialect, text: string, names: string[], lines: (Cell[] | string)[]]

const cases: readonly Case[] = [
  [
    "an escape in quotes: quotes, delimiters, line ends and itself",
    { ...comma, escapedBy: "\\" },
    'a,b\n"x\\"y","1,\\\n\\\\"\n\\"z,\\n\n',
    ["a", "b"],
    [['x"y', "1,\n\\"], "quote-error, line 4, byte 20"],
  ],
  [
    "an escape outside quotes as text",
    { ...comma, escapedBy: "\\" },
    "a,b\n\\x,C:\\\n",
    ["a", "b"],
    [["\\x", "C:\\"]],
  ],
  [
    "no doubled quote beside an escape",
    { ...comma, escapedBy: "\\" },
    'a\n"x""y"\n""\nz\n',
    ["a"],
    ["quote-error, line 2, byte 2", [""], ["z"]],
  ],
  [
    "no way to write a quote",
    { ...comma, escapedBy: "" },
    'a,b\n"1","2,\n"\n"x""y",3\n4,5\n',
    ["a", "b"],
    [["1", "2,\n"], "quote-error, line 4, byte 14", ["4", "5"]],
  ],
  ["no quotes at all", { delimiter: ",", quote: "" }, 'a,b"\n"1",2"\n', ["a", 'b"'], [['"1"', '2"']]],
  ["tabs without quotes", { delimiter: "\t", quote: "" }, 'a\tb\n"\t\n', ["a", "b"], [['"', null]]],
  [
    "comments before the header, between records and at the end",
    { ...comma, comment: "#" },
    '#x"\na,b\n#,\n1,2\n# "\n#\n3,#4\n"#5",6\n#7',
    ["a", "b"],
    [
      ["1", "2"],
      ["3", "#4"],
      ["#5", "6"],
    ],
  ],
  [
    "lines counted through comments",
    { ...comma, comment: "#" },
    "a,b\n#\n#\n1\n#\n2,3,4\n",
    ["a", "b"],
    ["missing-cell, line 4, byte 8", "extra-cell, line 6, byte 12"],
  ],
  ["a comment inside quotes as text", { ...comma, comment: "#" }, 'a\n"x\n#y"\n', ["a"], [["x\n#y"]]],
  [
    "lines with nothing on them passed over, wherever they stand",
    { ...comma, blankLines: "skip" },
    '\n\r\na,b\n\n1,2\r\n\r\n\n3\n \n"x\n\ny",4\n\n\r\n',
    ["a", "b"],
    [["1", "2"], "missing-cell, line 8, byte 16", "missing-cell, line 9, byte 18", ["x\n\ny", "4"]],
  ],
  [
    "lines with nothing on them behind damage",
    { ...comma, blankLines: "skip" },
    'a\n1\n"x"y\n\n\n2\n\n',
    ["a"],
    [["1"], "quote-error, line 3, byte 4", ["2"]],
  ],
  [
    "lines with nothing on them where lines end with CR",
    { ...comma, blankLines: "skip", lineEnd: "cr" },
    "\ra,b\r\r1,2\r\r",
    ["a", "b"],
    [["1", "2"]],
  ],
  ["comments and no record", { ...comma, comment: "#" }, "#\na,b\n#x\n", ["a", "b"], []],
  [
    "lines to skip, whatever stands in them",
    { ...comma, skipLines: 2 },
    'A "report\n\na,b\n1,2\n3\n',
    ["a", "b"],
    [["1", "2"], "missing-cell, line 5, byte 19"],
  ],
  ["lines to skip behind a mark", { ...comma, skipLines: 1 }, "\ufeffx\na\n1\n", ["a"], [["1"]]],
  [
    "no header, and names",
    { ...comma, hasHeader: false, fields: ["x", "y"] },
    "1,2\n3,4",
    ["x", "y"],
    [
      ["1", "2"],
      ["3", "4"],
    ],
  ],
  ["no header behind a mark", { ...comma, hasHeader: false, fields: ["x"] }, "\ufeff1\n", ["x"], [["1"]]],
  [
    "no header and no names",
    { ...comma, hasHeader: false },
    '"1",2\n3\n',
    ["column_1", "column_2"],
    [["1", "2"], "missing-cell, line 2, byte 6"],
  ],
  ["no header, names and no record", { ...comma, hasHeader: false, fields: ["x", "y"] }, "", ["x", "y"], []],
  ["names instead of the header's", { ...comma, fields: ["x", "y"] }, "a,a\n1,2\n", ["x", "y"], [["1", "2"]]],
  [
    "lines to skip, comments and no header",
    { ...comma, skipLines: 1, comment: "#", hasHeader: false, fields: ["x"] },
    "y\n#\n1\n#\n2\n",
    ["x"],
    [["1"], ["2"]],
  ],
  [
    "CR as the end of lines",
    { ...comma, lineEnd: "cr" },
    'a,b\r1,"x\ry"\r2\r"3\n",4\r\r5,6',
    ["a", "b"],
    [
      ["1", "x\ry"],
      "missing-cell, line 4, byte 12",
      ["3\n", "4"],
      "missing-cell, line 6, byte 21",
      ["5", "6"],
    ],
  ],
  [
    "a line feed where lines end with CR as damage",
    { ...comma, lineEnd: "cr" },
    "a,b\r1,2\n3,4\r5,6\r",
    ["a", "b"],
    ["quote-error, line 2, byte 4", ["5", "6"]],
  ],
  [
    "records filled up",
    { ...comma, ragged: "pad" },
    'a,b,c\n1\n\n2,3,4,5\n""\n6,,\n',
    ["a", "b", "c"],
    [
      ["1", null, null],
      [null, null, null],
      "extra-cell, line 4, byte 9",
      ["", null, null],
      ["6", null, null],
    ],
  ],
  [
    "records cut",
    { ...comma, ragged: "truncate" },
    'a,b\n1,2,3,"x\ny"\n4\n5,6\n',
    ["a", "b"],
    [["1", "2"], "missing-cell, line 4, byte 16", ["5", "6"]],
  ],
  [
    "NUL left out",
    { ...comma, nul: "strip" },
    'a,b\n1\0,"x\0\0y"\n\0,"\0"\n2,é\n',
    ["a", "b"],
    [
      ["1", "xy"],
      [null, ""],
      ["2", "é"],
    ],
  ],
  ["a bell between cells", { delimiter: "|", quote: "'" }, "a|b\n'x|''y'|\n", ["a", "b"], [["x|'y", null]]],
]

describe.each(cases)("%s", (_, dialect, text, names, lines) => {
  it.each(readersOf(dialect))(
    "gives the cells that are written, wherever the bytes are cut: %s",
    async (name) => {
      for (const step of steps) {
        const said = await read(name, Buffer.from(text), dialect, step)
        expect(said.names).toEqual(names)
        expect(said.lines.map(show)).toEqual(lines)
      }
    },
  )
})

it("shows the raw bytes of a reject without its line end, whatever ends lines", async () => {
  const said = await read("csv-parse", Buffer.from('a,b\r1\r2,x"\r3,4\r'), { ...comma, lineEnd: "cr" }, 5)
  const raw = said.lines.flatMap((line) => (Array.isArray(line) ? [] : [line.reject.raw]))
  expect(raw.map((one) => Buffer.from(one, "base64").toString())).toEqual(["1", '2,x"'])
})

it.each<[CsvDialect, string]>([
  [comma, "In a quoted cell, write the quote inside it twice."],
  [{ ...comma, escapedBy: "\\" }, "In a quoted cell, write \\ before the quote inside it."],
  [
    { ...comma, escapedBy: "" },
    "In a quoted cell, leave the quote inside it out, or declare how it is escaped.",
  ],
])("says of damage what to do in the dialect of the file", async (dialect, hint) => {
  const { lines } = await read("csv-parse", Buffer.from('a\n"x"y\n'), dialect, 100)
  const [reject] = lines.flatMap((line) => (Array.isArray(line) ? [] : [line.reject]))
  expect(reject?.reason).toContain(hint)
})

it("counts what it mends, with the first line", async () => {
  const bytes = Buffer.from('a,b\n1,2\n3\n\0\n4,"\0\n"\n5,6,7\n')
  const padded = await read("csv-parse", bytes, { ...comma, ragged: "pad", nul: "strip" }, 4)
  expect(padded.mends).toEqual({
    padded: { records: 2, line: 3 },
    "nul-stripped": { records: 2, line: 4 },
  })
  const cut = await read("csv-parse", bytes, { ...comma, ragged: "truncate" }, 4)
  expect(cut.mends).toEqual({ truncated: { records: 1, line: 7 } })
})

it("gives lines with nothing on them to the record before them, so that every byte is in a chunk", async () => {
  const dialect: CsvDialect = { ...comma, blankLines: "skip" }
  const field = { name: "a", type: "text", index: 0, declared: false } as const
  const layout: CsvLayout = { dialect, width: 1, maxRecordBytes: 100, fields: [field] }
  const { findRecords, startScan } = readers["csv-parse"]
  const found = findRecords(Buffer.from("1\n\n\r\n2\n\n"), layout, [1, 2])
  expect(found).toEqual([
    { byteFrom: 0, byteTo: 2, linesBefore: 0 },
    { byteFrom: 5, byteTo: 7, linesBefore: 3 },
  ])
  const ends: number[] = []
  const scan = startScan(
    { file: "f.csv", dialect, maxRecordBytes: 100, columns: { drop: [], rename: {}, types: {} } },
    { header: (end) => void ends.push(end), record: (end) => void ends.push(end) },
  )
  await scan.push(Buffer.from("a\n\n1\n\n\r\n2\n\n"))
  await scan.end()
  expect(ends).toEqual([3, 8, 11])
})

it("finds records among comments by their number", () => {
  const dialect: CsvDialect = { ...comma, comment: "#" }
  const field = { name: "a", type: "text", index: 0, declared: false } as const
  const layout: CsvLayout = { dialect, width: 1, maxRecordBytes: 100, fields: [field] }
  const bytes = Buffer.from('1\n#\n#\n"2\n"\n#\n3')
  const { findRecords } = readers["csv-parse"]
  expect(findRecords(bytes, layout, [1, 2, 3])).toEqual([
    { byteFrom: 0, byteTo: 2, linesBefore: 0 },
    { byteFrom: 6, byteTo: 11, linesBefore: 3 },
    { byteFrom: 13, byteTo: 14, linesBefore: 6 },
  ])
})

describe("a file is refused", () => {
  it.each<[string, CsvDialect, string, string, string]>([
    [
      "a record of another width, if that is an error",
      { ...comma, ragged: "error" },
      "a,b\n1,2\n3\n",
      "record-malformed",
      "Row 2 of f.csv, line 3: The record has 1 cell; expected 2",
    ],
    [
      "names that do not fit the header",
      { ...comma, fields: ["x"] },
      "a,b\n1,2\n",
      "header-invalid",
      "dialect.fields names 1 column; the header of f.csv has 2, on line 1.",
    ],
    [
      "more lines to skip than there are",
      { ...comma, skipLines: 3 },
      "a\n1\n",
      "file-empty",
      "f.csv holds no header behind the 3 lines that are skipped.",
    ],
    ["comments alone", { ...comma, comment: "#" }, "#a\n#b", "file-empty", "f.csv holds no header."],
    [
      "no header, no names and no record",
      { ...comma, hasHeader: false },
      "\ufeff",
      "file-empty",
      "f.csv holds no record, so its columns cannot be counted.",
    ],
    [
      "a header in CR where LF is expected",
      comma,
      "a,b\r1,2\r",
      "record-malformed",
      "a carriage return without a line feed stands outside quotes, on line 1",
    ],
  ])("for %s", async (_, dialect, text, code, message) => {
    for (const name of readersOf(dialect)) {
      for (const step of steps) {
        const thrown = await read(name, Buffer.from(text), dialect, step).catch((error: unknown) => error)
        if (!(thrown instanceof Problem)) throw new Error("no Problem was raised", { cause: thrown })
        expect(thrown.code).toBe(code)
        expect(thrown.message).toContain(message)
        expect(thrown.hint).toBeTruthy()
      }
    }
  })

  it("for comments beyond the record limit behind one record", async () => {
    const scan = readers["csv-parse"].startScan(
      {
        ...{ file: "f.csv", dialect: { ...comma, comment: "#" }, maxRecordBytes: 100 },
        columns: { drop: [], rename: {}, types: {} },
      },
      { header: () => {}, record: () => {} },
    )
    await expect(scan.push(Buffer.from(`a\n1\n${"#\n".repeat(100)}`))).rejects.toThrow(
      "longer than 100 bytes",
    )
  })
})

const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
const pieces = ["a", "1", " ", ",", ";", '"', "'", "\n", "\r\n", "é", "😀", "\\", "#", "\ufeff"]
const text = fc.array(fc.constantFrom(...pieces), { maxLength: 5 }).map((parts) => parts.join(""))

test(`any cells in any dialect come back as they were (seed ${seed})`, async () => {
  const cell = fc.record({ text, quoted: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        delimiter: fc.constantFrom(",", ";", "\t", "|"),
        quote: fc.constantFrom('"', "'"),
        escapedBy: fc.constantFrom(undefined, "\\", "^"),
        comment: fc.constantFrom(undefined, "#"),
        lineEnd: fc.constantFrom(undefined, "cr" as const),
        skipLines: fc.constantFrom(0, 2),
        hasHeader: fc.boolean(),
      }),
      fc
        .integer({ min: 1, max: 4 })
        .chain((width) =>
          fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }),
        ),
      fc.integer({ min: 1, max: 40 }),
      async (signs, rows, step) => {
        const { delimiter, quote, comment, skipLines } = signs
        const newline = signs.lineEnd === "cr" ? "\r" : "\n"
        const guard = signs.escapedBy ?? quote
        const spell = ({ text, quoted }: { text: string; quoted: boolean }, i: number) => {
          const special = [delimiter, quote, "\n", "\r"].some((sign) => text.includes(sign))
          const isComment = i === 0 && comment !== undefined && text.startsWith(comment)
          if (!quoted && !special && !isComment) return text
          const guarded = [...text].map((one) => (one === quote || one === guard ? guard + one : one))
          return quote + guarded.join("") + quote
        }
        const names = (rows[0] ?? []).map((_, i) => `c${i}`)
        const lines = [
          ...Array.from({ length: skipLines }, (_, i) => `skipped ${i}${quote}`),
          ...(signs.hasHeader ? [names.join(delimiter)] : []),
          ...rows.flatMap((row, i) => [
            ...(comment !== undefined && i % 2 === 1 ? [`${comment} ${quote}`] : []),
            row.map(spell).join(delimiter),
          ]),
        ]
        const bytes = Buffer.from(lines.map((line) => line + newline).join(""))
        // U+FEFF at the very beginning is a mark, no text.
        if (bytes[0] === 0xef) return
        const dialect: CsvDialect = {
          ...{ delimiter, quote, skipLines },
          ...(signs.escapedBy === undefined ? {} : { escapedBy: signs.escapedBy }),
          ...(comment === undefined ? {} : { comment }),
          ...(signs.lineEnd === undefined ? {} : { lineEnd: signs.lineEnd }),
          ...(signs.hasHeader ? {} : { hasHeader: false as const, fields: names }),
        }
        const expected = rows.map((row) =>
          row.map((one, i) => (one.text === "" && spell(one, i) === "" ? null : one.text)),
        )
        for (const name of readersOf(dialect)) {
          const said = await read(name, bytes, dialect, step)
          expect(said.names).toEqual(names)
          expect(said.lines).toEqual(expected)
        }
      },
    ),
    { numRuns: 1500, seed },
  )
})
