/**
 * The conformance suite that every reader runs: the same files, the same borders, evidence, rows and refusals.
 * Expectations are written by hand beside the bytes; nothing here is computed by a reader.
 */
import { isProblemCode, Problem } from "@flatbed/contract"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { ColumnSettings } from "../served-columns.ts"
import type { Dialect, Layout, Reader, RowsForm } from "./format.ts"
import { type CsvCell, generatedCsv, spellCsv } from "./generated-csv.test-kit.ts"

type Border = { readonly end: number; readonly nextLine: number }
type Given = {
  readonly bytes: string | Buffer
  readonly dialect?: Dialect
  readonly columns?: Partial<ColumnSettings>
  /** How many bytes are pushed at once. */
  readonly step?: number
  readonly maxRecordBytes?: number
}

const comma: Dialect = { delimiter: ",", quote: '"' }
const mark = "\ufeff"

/** Runs the suite for one reader; `name` stands in the test names. */
export function describeFormat(name: string, reader: Reader): void {
  async function scan(given: Given) {
    const bytes = Buffer.from(given.bytes as string)
    const borders: Border[] = []
    const scan = reader.startScan(
      {
        file: "f.csv",
        dialect: given.dialect ?? comma,
        columns: { drop: [], rename: {}, types: {}, ...given.columns },
        maxRecordBytes: given.maxRecordBytes ?? 1 << 20,
      },
      {
        header: (end, nextLine) => borders.push({ end, nextLine }),
        record: (end, nextLine) => borders.push({ end, nextLine }),
      },
    )
    const step = given.step ?? 65_536
    try {
      for (let at = 0; at < bytes.length; at += step) await scan.push(bytes.subarray(at, at + step))
      return { ...(await scan.end()), borders, bytes }
    } finally {
      scan.abandon()
    }
  }

  function rowsOf(bytes: Buffer, layout: Layout): CsvCell[][] {
    const { body, rows } = reader.encode(bytes, layout, "cells")
    const lines = body.toString().split("\n")
    expect(lines.pop()).toBe("")
    expect(lines).toHaveLength(rows)
    return lines.map((line) => JSON.parse(line))
  }

  /** The data rows of a whole file. */
  async function read(given: Given) {
    const scanned = await scan(given)
    return rowsOf(scanned.bytes.subarray(scanned.borders[0]?.end), scanned.layout)
  }

  async function refusal(given: Given): Promise<Problem> {
    const thrown = await scan(given).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (!(thrown instanceof Problem)) throw new Error("no Problem was raised", { cause: thrown })
    expect(isProblemCode(thrown.code)).toBe(true)
    expect(thrown.hint).toBeTruthy()
    return thrown
  }

  describe(`${name}: borders`, () => {
    it.each([
      ["LF", "a,b\n1,2\n3,4\n", [4, 8, 12], [2, 3, 4]],
      ["CRLF", "a,b\r\n1,2\r\n", [5, 10], [2, 3]],
      ["no newline at the end", "a,b\n1,2", [4, 7], [2, 2]],
      ["a byte order mark", `${mark}a,b\n1,2\n`, [7, 11], [2, 3]],
      ["a quoted newline", 'a,b\n"1\n\r\n",2\n3,4\n', [4, 13, 17], [2, 5, 6]],
      ["characters of several bytes", "ä,b\n€,😀\n", [5, 14], [2, 3]],
      ["a blank line in one column", "a\n\n1\n", [2, 3, 5], [2, 3, 4]],
      ["a header alone", "a,b\n", [4], [2]],
      ["a header alone without newline", "a,b", [3], [1]],
    ])("end after %s, wherever the bytes are cut", async (_, bytes, ends, lines) => {
      for (const step of [1, 2, 3, 5, 100]) {
        const { borders, rows } = await scan({ bytes, step })
        expect(borders.map(({ end }) => end)).toEqual(ends)
        expect(borders.map(({ nextLine }) => nextLine)).toEqual(lines)
        expect(rows).toBe(ends.length - 1)
      }
    })
  })

  describe(`${name}: cells`, () => {
    it.each<[string, string, CsvCell[][]]>([
      ["an unquoted empty cell as NULL, a quoted one as ''", 'a,b,c\n,"",x\n', [[null, "", "x"]]],
      ["a blank line in one column as NULL", "a\n\n1\n", [[null], ["1"]]],
      ["a line of \"\" in one column as ''", 'a\n""\n', [[""]]],
      ["an empty last cell at the file's end", "a,b\n1,", [["1", null]]],
      [
        "doubled quotes, delimiters and newlines in quotes",
        'a,b\n"x""y","1,2\n3\r\n\r4"\n',
        [['x"y', "1,2\n3\r\n\r4"]],
      ],
      ["spaces as they are", "a,b\n x ,\t\n", [[" x ", "\t"]]],
      ["lexemes as they are", "a,b\n007,1e5\n", [["007", "1e5"]]],
      ["U+FEFF in a cell as text", `${mark}a,b\n${mark}x,${mark}\n`, [[`${mark}x`, mark]]],
      ["what looks like COPY's escapes as text", "a,b\n\\N,\\.\n", [["\\N", "\\."]]],
      ["an apostrophe as text", "a,b\n'x','\n", [["'x'", "'"]]],
    ])("reads %s", async (_, bytes, rows) => {
      expect(await read({ bytes })).toEqual(rows)
    })

    it("keeps U+FEFF at the beginning of a chunk", async () => {
      const { layout } = await scan({ bytes: `a\n${mark}x\n` })
      expect(rowsOf(Buffer.from(`${mark}x\n`), layout)).toEqual([[`${mark}x`]])
    })

    it("reads another delimiter and quote", async () => {
      expect(await read({ bytes: "a;b\n'x;''y';2\n", dialect: { delimiter: ";", quote: "'" } })).toEqual([
        ["x;'y", "2"],
      ])
      expect(await read({ bytes: 'a\tb\n1\t""\n', dialect: { delimiter: "\t", quote: '"' } })).toEqual([
        ["1", ""],
      ])
    })

    it("writes objects with the columns' order and types, __proto__ being a name like others", async () => {
      const bytes = 'b,__proto__,n,t\ntrue,1,1.50,"x"\nFalse,,12345678901234567890.5,\n'
      const scanned = await scan({ bytes })
      const { body, rows } = reader.encode(
        scanned.bytes.subarray(scanned.borders[0]?.end),
        scanned.layout,
        "objects",
      )
      expect(rows).toBe(2)
      expect(body.toString()).toBe(
        '{"b":true,"__proto__":1,"n":1.50,"t":"x"},\n{"b":false,"__proto__":null,"n":"12345678901234567890.5","t":null}',
      )
    })

    it("finds a record by its number, with the lines before it", async () => {
      const { layout } = await scan({ bytes: "a,b\n1,2\n" })
      const bytes = Buffer.from('1,2\n"x\n\n",4\r\n5,6')
      expect(reader.findRecord(bytes, layout, 1)).toEqual({ byteFrom: 0, byteTo: 4, linesBefore: 0 })
      expect(reader.findRecord(bytes, layout, 2)).toEqual({ byteFrom: 4, byteTo: 13, linesBefore: 1 })
      expect(reader.findRecord(bytes, layout, 3)).toEqual({ byteFrom: 13, byteTo: 16, linesBefore: 4 })
      expect(reader.findRecord(bytes, layout, 4)).toBeUndefined()
    })
  })

  describe(`${name}: columns`, () => {
    const bytes = "x,y,z\n1,2,3\n"

    it("serves what is selected, in that order, dropped and renamed by the file's names", async () => {
      const columns = { select: ["z", "x"], rename: { x: "first" }, types: { first: "text" as const } }
      const { layout, evidence } = await scan({ bytes, columns })
      expect(layout.fields).toEqual([
        { name: "z", type: "integer", index: 2 },
        { name: "first", type: "text", index: 0 },
      ])
      expect(evidence[1]).toMatchObject({ column: "first", declared: true })
      expect(await read({ bytes, columns })).toEqual([["3", "1"]])
      expect(await read({ bytes, columns: { drop: ["y"] } })).toEqual([["1", "3"]])
    })

    it("makes a header alone text columns", async () => {
      const { layout, rows } = await scan({ bytes: "a,b\n" })
      expect(layout.fields.map(({ type }) => type)).toEqual(["text", "text"])
      expect(rows).toBe(0)
    })

    it("reads a quoted first name after a byte order mark", async () => {
      const { layout } = await scan({ bytes: `${mark}"last, first",age\n` })
      expect(layout.fields.map((field) => field.name)).toEqual(["last, first", "age"])
    })

    it.each([
      ["a blank name", "a,,c\n", {}, "header-invalid", 2],
      ["a name of spaces", "a, \n", {}, "header-invalid", 2],
      ["a blank line as header", "\n1\n", {}, "header-invalid", 1],
      ["a duplicate name", "a,b,a\n", {}, "header-invalid", 3],
      ["a name of 64 bytes", `a,${"é".repeat(32)}\n`, {}, "header-invalid", 2],
      ["a rename to a name that is taken", "a,b\n", { rename: { a: "b" } }, "header-invalid", 2],
    ])("refuses %s", async (_, bytes, columns, code, column) => {
      expect(await refusal({ bytes, columns })).toMatchObject({
        code,
        facts: { file: "f.csv", line: 1, column },
      })
    })

    it("takes a name of 63 bytes, and a longer one with a rename", async () => {
      await scan({ bytes: `${"é".repeat(31)}x\n1\n` })
      const long = "x".repeat(64)
      await scan({ bytes: `${long}\n1\n`, columns: { rename: { [long]: "short" } } })
    })

    it.each([
      ["select", { select: ["x", "zz"] }],
      ["drop", { drop: ["zz"] }],
      ["rename", { rename: { zz: "q" } }],
      ["types", { types: { zz: "text" as const } }],
    ])("refuses an unknown column in %s and names a near one or all", async (setting, columns) => {
      const problem = await refusal({ bytes, columns })
      expect(problem).toMatchObject({
        code: "column-unknown",
        facts: { setting: `columns.${setting}`, value: "zz" },
      })
      expect(problem.hint).toContain('"z"')
    })

    it("refuses settings that leave no column", async () => {
      expect((await refusal({ bytes, columns: { drop: ["x", "y", "z"] } })).code).toBe("header-invalid")
    })
  })

  describe(`${name}: refusals`, () => {
    it.each([
      [
        "too few cells",
        "a,b\n1,2\n3\n",
        "record-ragged",
        { row: 2, line: 3, byte: 8, found: 1, expected: 2 },
      ],
      ["too many cells", "a,b\n1,2,3\n", "record-ragged", { row: 1, line: 2, byte: 4, found: 3 }],
      ["a blank line among several columns", "a,b\n\n1,2\n", "record-ragged", { row: 1, line: 2, byte: 4 }],
      [
        "lines counted through quotes",
        'a,b\n"\r\n\n",2\n3\n',
        "record-ragged",
        { row: 2, line: 5, byte: 12 },
      ],
      ["a bare CR", "a,b\n1,2\rx\n", "record-malformed", { row: 1, line: 2, byte: 7, column: 2 }],
      ["a bare CR at the end", "a\n1\r", "record-malformed", { row: 1, line: 2, byte: 3 }],
      ["a bare CR in the header", "a\rb\n1\n", "record-malformed", { row: 0, line: 1, byte: 1 }],
      ["a bare CR after a quote", 'a\n"x"\ry\n', "record-malformed", { row: 1, line: 2, byte: 5 }],
      ["a quote inside", 'a,b\n1,x"y\n', "record-malformed", { row: 1, line: 2, byte: 7, column: 2 }],
      ["text after a quote", 'a,b\n"x"y,2\n', "record-malformed", { row: 1, line: 2, byte: 7, column: 1 }],
      ["an open quote", 'a,b\n1,"x\ny\n', "record-malformed", { row: 1, line: 2, byte: 6, column: 2 }],
      ["a fault behind a mark", `${mark}a"b\n`, "record-malformed", { row: 0, line: 1, byte: 4 }],
      ["a mark and nothing else", mark, "file-empty", {}],
    ])("refuses %s, placed", async (_, bytes, code, facts) => {
      for (const step of [1, 4, 100]) {
        expect(await refusal({ bytes, step })).toMatchObject({ code, facts: { file: "f.csv", ...facts } })
      }
    })

    it("refuses a cell that breaks its declared type, with its place and the accepted forms", async () => {
      const columns = { types: { n: "integer" as const } }
      const problem = await refusal({ bytes: 't,n\nx,1\n"\n",007\n', columns })
      expect(problem).toMatchObject({
        code: "cell-type",
        facts: { row: 2, line: 4, byte: 12, column: "n", value: "007" },
      })
      expect(problem.message).toContain("without leading zeros")
      expect((await refusal({ bytes: 't,n\nx,""\n', columns })).code).toBe("cell-type")
      expect(await read({ bytes: "t,n\nx,\n", columns })).toEqual([["x", null]])
    })

    it("refuses a record beyond the limit instead of holding it", async () => {
      const bytes = `a,b\n1,"${"x".repeat(5000)}\n`
      const problem = await refusal({ bytes, maxRecordBytes: 1000, step: 100 })
      expect(problem).toMatchObject({ code: "record-malformed", facts: { row: 1, line: 2, byte: 4 } })
    })
  })

  describe(`${name}: generated files`, () => {
    it("gives the cells that were written, for any cut of the bytes and any run of records", async () => {
      await fc.assert(
        fc.asyncProperty(
          generatedCsv(),
          fc.integer({ min: 1, max: 40 }),
          fc.nat(),
          async (csv, step, cut) => {
            const bytes = spellCsv(csv)
            const { borders, layout } = await scan({ bytes, step, dialect: csv.dialect })
            expect(borders).toHaveLength(csv.rows.length + 1)
            expect(borders.at(-1)?.end).toBe(bytes.length)
            expect(layout.fields.map((field) => field.name)).toEqual(csv.header)
            const at = (i: number) => borders[i]?.end ?? 0
            const middle = cut % (csv.rows.length + 1)
            const rows = [
              ...rowsOf(bytes.subarray(at(0), at(middle)), layout),
              ...rowsOf(bytes.subarray(at(middle)), layout),
            ]
            expect(rows).toEqual(csv.rows.map((row) => row.map(({ cell }) => cell)))
          },
        ),
        { numRuns: 400 },
      )
    })
  })

  it(`${name} answers nothing for no bytes`, () => {
    const layout: Layout = { dialect: comma, width: 1, fields: [{ name: "a", type: "text", index: 0 }] }
    for (const form of ["objects", "cells"] satisfies RowsForm[]) {
      expect(reader.encode(Buffer.alloc(0), layout, form)).toEqual({ body: Buffer.alloc(0), rows: 0 })
    }
  })
}
