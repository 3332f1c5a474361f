/**
 * The conformance suite that every reader runs: the same files, the same borders, evidence, rows and refusals.
 * Expectations are written by hand beside the bytes; nothing here is computed by a reader.
 *
 * Long because it is a list of cases, each with its bytes.
 */
import { isProblemCode, Problem, type Reject } from "@flatbed/contract"
import { parse as parseCsv } from "csv-parse/sync"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { ColumnSettings } from "../served-columns.ts"
import type { CsvDialect, CsvLayout, CsvReader } from "./csv-dialect.ts"
import type { RecordFate, Records, RowsForm } from "./format.ts"
import {
  type CsvCell,
  type Damage,
  generatedCsv,
  spellCsv,
  spellCsvLines,
  spoil,
} from "./generated-csv.test-kit.ts"

type Border = { readonly end: number; readonly nextLine: number; readonly fate?: RecordFate }
type Given = {
  readonly bytes: string | Buffer
  readonly dialect?: CsvDialect
  readonly columns?: Partial<ColumnSettings>
  /** How many bytes are pushed at once. */
  readonly step?: number
  readonly maxRecordBytes?: number
}

const comma: CsvDialect = { delimiter: ",", quote: '"' }
const damagedRawAtMost = 65_536
const mark = "\ufeff"

/** Runs the suite for one reader; `name` stands in the test names. */
export function describeFormat(name: string, reader: CsvReader): void {
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
        record: (end, nextLine, fate) => borders.push({ end, nextLine, fate }),
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

  const recordsOf = (bytes: Buffer) => ({
    bytes,
    file: "f.csv",
    firstRow: 1,
    firstLine: 2,
    byteFrom: 0,
    rejects: 0,
  })

  function linesOf<Line>(records: Records, layout: CsvLayout): Line[] {
    const { body, rows } = reader.encode(records, layout, "cells")
    const lines = body.toString().split("\n")
    expect(lines.pop()).toBe("")
    expect(lines).toHaveLength(rows)
    return lines.map((line) => JSON.parse(line))
  }

  const rowsOf = (bytes: Buffer, layout: CsvLayout) => linesOf<CsvCell[]>(recordsOf(bytes), layout)

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
        recordsOf(scanned.bytes.subarray(scanned.borders[0]?.end)),
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
      const places = [
        { byteFrom: 0, byteTo: 4, linesBefore: 0 },
        { byteFrom: 4, byteTo: 13, linesBefore: 1 },
        { byteFrom: 13, byteTo: 16, linesBefore: 4 },
      ]
      expect(reader.findRecords(bytes, layout, [1, 2, 3, 4])).toEqual([...places, undefined])
      for (const [i, place] of places.entries())
        expect(reader.findRecords(bytes, layout, [i + 1])).toEqual([place])
      expect(reader.findRecords(bytes, layout, [1, 3])).toEqual([places[0], places[2]])
    })
  })

  describe(`${name}: columns`, () => {
    const bytes = "x,y,z\n1,2,3\n"

    it("serves what is selected, in that order, dropped and renamed by the file's names", async () => {
      const columns = { select: ["z", "x"], rename: { x: "first" }, types: { first: "text" as const } }
      const { layout, evidence } = await scan({ bytes, columns })
      expect(layout.fields).toEqual([
        { name: "z", type: "integer", index: 2, declared: false },
        { name: "first", type: "text", index: 0, declared: true },
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

    it("names what the header cannot, and says so beside the column", async () => {
      const header = `id,,ID,a\u200bb,${"x".repeat(64)}\n`
      const { layout, evidence } = await scan({ bytes: `${header}1,2,3,4,5\n` })
      const cut = `${"x".repeat(54)}_7ce10097`
      expect(layout.fields.map((field) => field.name)).toEqual(["id", "column_2", "ID_2", "ab", cut])
      expect(evidence.map(({ column }) => column)).toEqual(["id", "column_2", "ID_2", "ab", cut])
      expect(evidence.map(({ renamed }) => renamed?.written)).toEqual([
        undefined,
        "",
        "ID",
        "a\u200bb",
        "x".repeat(64),
      ])
    })

    it("takes both names of a column in the settings, the mapped and its own", async () => {
      const bytes = "id,,ID\n1,2,3\n"
      expect(await read({ bytes, columns: { select: ["ID_2", "column_2"] } })).toEqual([["3", "2"]])
      expect(await read({ bytes, columns: { select: ["ID", ""] } })).toEqual([["3", "2"]])
      expect(await read({ bytes, columns: { drop: ["id", ""] } })).toEqual([["3"]])
      const { layout } = await scan({ bytes, columns: { rename: { "": "middle", ID_2: "last" } } })
      expect(layout.fields.map((field) => field.name)).toEqual(["id", "middle", "last"])
    })

    it("refuses a setting that names several columns at once, and says how each is called", async () => {
      const problem = await refusal({ bytes: "a,,\n", columns: { drop: [""] } })
      expect(problem).toMatchObject({
        code: "column-unknown",
        hint: 'They are "column_2", "column_3": name them so.',
      })
    })

    it.each([
      ["a blank name", "a,,c\n", { strict: true }, "header-invalid", 2],
      ["a name of spaces", "a, \n", { strict: true }, "header-invalid", 2],
      ["a blank line as header", "\n1\n", { strict: true }, "header-invalid", 1],
      ["a duplicate name", "a,b,a\n", { strict: true }, "header-invalid", 3],
      ["a name that differs in case only", "Id,id\n", { strict: true }, "header-invalid", 2],
      ["a name of 64 bytes", `a,${"é".repeat(32)}\n`, { strict: true }, "header-invalid", 2],
      ["a rename to 64 bytes", "a,b\n", { rename: { b: "é".repeat(32) } }, "header-invalid", 2],
      ["a rename to a name that is taken", "a,b\n", { rename: { a: "b" } }, "header-invalid", 2],
    ])("refuses %s", async (_, bytes, columns, code, column) => {
      const problem = await refusal({ bytes, columns })
      expect(problem).toMatchObject({ code, facts: { file: "f.csv", line: 1, column } })
      expect(problem.message).toContain("f.csv")
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
        message: `columns.${setting} names "zz", which is not a column in f.csv.`,
      })
      expect(problem.hint).toContain('"z"')
    })

    it("refuses more columns than a table of Postgres has, and serves fewer of them", async () => {
      const names = Array.from({ length: 1601 }, (_, i) => `c${i}`)
      const wide = `${names.join(",")}\n${names.map((_, i) => i).join(",")}\n`
      const problem = await refusal({ bytes: wide })
      expect(problem).toMatchObject({ code: "header-invalid", facts: { file: "f.csv", line: 1 } })
      expect(problem.message).toBe(
        "1601 columns in f.csv would be served; a table of Postgres has at most 1600.",
      )
      expect(problem.hint).toContain("columns.select")
      const { layout } = await scan({ bytes: wide, columns: { drop: ["c0"] } })
      expect(layout.fields).toHaveLength(1600)
    })

    it("reads two columns of a hundred thousand, and sets such a record aside among short ones", async () => {
      const many = Array.from({ length: 100_000 }, (_, i) => `c${i}`).join(",")
      const columns = { select: ["c99999", "c0"] }
      expect(await read({ bytes: `${many}\n${many}\n`, columns })).toEqual([["c99999", "c0"]])
      const { rows, rejects } = await scan({ bytes: `a,b\n1,2\n${many}\n3,4\n` })
      expect({ rows, rejects }).toEqual({ rows: 3, rejects: 1 })
    })

    it("refuses settings that leave no column", async () => {
      expect((await refusal({ bytes, columns: { drop: ["x", "y", "z"] } })).code).toBe("header-invalid")
    })
  })

  describe(`${name}: refusals`, () => {
    it.each([
      ["a bare CR in the header", "a\rb\n1\n", "record-malformed", { row: 0, line: 1, byte: 1 }],
      [
        "a quote inside the header",
        'a,b"c\n1,2\n',
        "record-malformed",
        { row: 0, line: 1, byte: 3, column: 2 },
      ],
      [
        "a quote that the header opens",
        'a,"b\n1,2\n',
        "record-malformed",
        { row: 0, line: 1, byte: 2, column: 2 },
      ],
      ["a fault behind a mark", `${mark}a"b\n`, "record-malformed", { row: 0, line: 1, byte: 4 }],
      ["a mark and nothing else", mark, "file-empty", {}],
      ["a NUL in the header", "a,b\0\n1,2\n", "file-nul", { row: 0, line: 1, byte: 3, value: "0x00" }],
      ["UTF-16 without a mark", Buffer.from("a,b\n", "utf16le"), "file-nul", { row: 0, byte: 1 }],
      ["UTF-16 with a mark", Buffer.from("\ufeffa,b\n1,2\n", "utf16le"), "file-encoding", { byte: 0 }],
      [
        "a header that is neither text nor CSV",
        Buffer.from([0x1f, 0x8b, 0x08, 0x41, 0x22, 0x41, 0x22, 0x41, 0x41, 0x0a]),
        "file-encoding",
        { row: 0, line: 1, byte: 1, value: "0x8b" },
      ],
      [
        "a header in another encoding",
        Buffer.from('a\n"\nM\u00fcller"\n', "latin1").subarray(2),
        "file-encoding",
        { row: 0, line: 2, byte: 3, value: "0xfc" },
      ],
    ])("refuses %s, placed", async (_, bytes, code, facts) => {
      for (const step of [1, 4, 100]) {
        expect(await refusal({ bytes, step })).toMatchObject({ code, facts: { file: "f.csv", ...facts } })
      }
    })

    it.each([
      ["an unquoted record", `a,b\n1,${"x".repeat(5000)}\n`],
      ["a quoted one without a line in it that is a record", `a,b\n1,"${"x\n".repeat(2500)}"\n2,3\n`],
    ])("refuses %s beyond the limit instead of holding it, naming the limit", async (_, bytes) => {
      for (const step of [1, 100, 10_000]) {
        expect(await refusal({ bytes, maxRecordBytes: 1000, step })).toMatchObject({
          code: "record-malformed",
          message: "The record that begins on line 2 of f.csv is longer than 1000 bytes.",
          facts: { row: 1, line: 2, byte: 4 },
        })
      }
    })

    it("refuses damage without a sure border within the limit, and says so", async () => {
      const bytes = `a,b\n1,2\n3,x"y\n${"z\n".repeat(1000)}4,5\n`
      for (const step of [1, 100, 10_000]) {
        const problem = await refusal({ bytes, maxRecordBytes: 1000, step })
        expect(problem).toMatchObject({
          code: "record-malformed",
          facts: { row: 2, line: 3, byte: 11, column: 2 },
        })
        expect(problem.message).toBe(
          "Row 2 of f.csv is malformed: a quote stands inside a cell that is not quoted, on line 3, and no line of " +
            "the 1000 bytes from line 3 on surely begins a record.",
        )
        expect(problem.hint).toContain("record_limit")
      }
    })
  })

  describe(`${name}: rejects`, () => {
    /** Rows and rejects in their order, from the whole file as one chunk. */
    async function linesOfFile(given: Given) {
      const scanned = await scan(given)
      const { bytes, borders, layout, rejects } = scanned
      const [header] = borders
      const records: Records = {
        bytes: bytes.subarray(header?.end),
        file: "f.csv",
        firstRow: 1,
        firstLine: header?.nextLine ?? 0,
        byteFrom: header?.end ?? 0,
        rejects,
      }
      expect(borders.filter(({ fate }) => fate === "reject")).toHaveLength(rejects)
      return { scanned, records, lines: linesOf<CsvCell[] | { reject: Reject }>(records, layout) }
    }

    /** A file of one good record and one of `bytes`, set aside. */
    async function rejectOf(bytes: string | Buffer, columns: Partial<ColumnSettings> = {}) {
      const head = Buffer.from("a,b\n1,2\n")
      const { lines } = await linesOfFile({
        bytes: Buffer.concat([head, Buffer.from(bytes as string)]),
        columns,
      })
      expect(lines).toHaveLength(2)
      expect(lines[0]).toEqual(["1", "2"])
      const [, second] = lines
      if (second === undefined || Array.isArray(second)) throw new Error("nothing was set aside")
      expect(second.reject).toMatchObject({ row: 2, file: "f.csv", line: 3, byte: 8 })
      const { code, column, value, reason, raw } = second.reject
      return { code, column, value, reason, raw: Buffer.from(raw, "base64").toString("latin1") }
    }

    it.each<[string, string | Buffer, Partial<Reject>]>([
      ["too few cells", "3\n", { code: "missing-cell", column: "b", value: null, raw: "3" }],
      ["too many cells", "3,4,5,6\r\n", { code: "extra-cell", column: null, value: "5", raw: "3,4,5,6" }],
      ["a blank line", "\n", { code: "missing-cell", column: "b", value: null, raw: "" }],
      ["a blank line with CRLF", "\r\n", { code: "missing-cell", raw: "" }],
      ["a quoted line end at its end", '"3\r\n"', { code: "missing-cell", raw: '"3\r\n"' }],
      ["a NUL", "3,x\0y\n", { code: "nul-error", column: "b", value: "x\u2400y", raw: "3,x\0y" }],
      [
        "invalid UTF-8",
        Buffer.from("3,M\u00fcller\n", "latin1"),
        { code: "encoding-error", column: "b", value: "M\ufffdller", raw: "3,M\u00fcller" },
      ],
      [
        "a character cut off by the line's end",
        Buffer.from([0x33, 0x2c, 0xe2, 0x82, 0x0a]),
        { code: "encoding-error", column: "b", raw: "3,\u00e2\u0082" },
      ],
      [
        "a character cut off by the file's end",
        Buffer.from([0x33, 0x2c, 0xf0, 0x9f]),
        { code: "encoding-error", column: "b", raw: "3,\u00f0\u009f" },
      ],
      [
        "invalid UTF-8 in a cell too many, which comes before the number of cells",
        Buffer.from("3,4,\u00fc\n", "latin1"),
        { code: "encoding-error", column: null, value: "\ufffd" },
      ],
    ])("sets %s aside, with its bytes", async (_, bytes, expected) => {
      expect(await rejectOf(bytes)).toMatchObject(expected)
    })

    it.each<[string, string, Partial<Reject>]>([
      ["a quote inside a cell", '3,x"y\n', { column: "b", value: 'x"y\n', raw: '3,x"y' }],
      ["letters behind a closing quote", '"x"y,4\n', { column: "a", value: '"x"y,4\n', raw: '"x"y,4' }],
      ["a quote that is never closed", '3,"x\ny\n', { column: "b", value: '"x\ny\n', raw: '3,"x\ny' }],
      ["a bare CR", "3,4\rx\n", { column: "b", value: "4\rx\n", raw: "3,4\rx" }],
      ["a bare CR at the end", "3,4\r", { column: "b", raw: "3,4\r" }],
      ["a bare CR behind a quote", '"3"\r4\n', { column: "a", raw: '"3"\r4' }],
      ["damage in a record of another width", '3,4,5"\n', { column: null, raw: '3,4,5"' }],
      ["damage before NUL and invalid UTF-8", '3,"\0', { column: "b", value: '"\u2400' }],
    ])("sets damage aside: %s", async (_, bytes, expected) => {
      expect(await rejectOf(bytes)).toMatchObject({ code: "quote-error", ...expected })
    })

    it("says of damage what it is, where, how much was set aside, and what to do", async () => {
      expect((await rejectOf('3,x"y\n')).reason).toBe(
        "A quote stands inside a cell that is not quoted: line 3, byte 4 of the record. Set aside: 6 bytes on 1 line, " +
          "up to where the next record surely begins. Quote the whole cell and write the quote inside it twice.",
      )
      expect((await rejectOf('3,"x\n\ny')).reason).toMatch(
        /^A quote is opened and never closed: line 3, byte 3 of the record\. Set aside: 7 bytes on 3 lines, /,
      )
    })

    it("goes on behind damage with the first line that is a record, wherever the bytes are cut", async () => {
      const bytes = 'a,b\n1,"x\n2,"y"\n3,z"\nw\n4,\r5\n6,7\n"8,\n'
      for (const step of [1, 2, 3, 7, 100]) {
        const { lines, scanned } = await linesOfFile({ bytes, step })
        expect(scanned).toMatchObject({ rows: 5, rejects: 3 })
        expect(scanned.layout.fields.map(({ type }) => type)).toEqual(["integer", "text"])
        expect(lines[1]).toEqual(["2", "y"])
        expect(lines[3]).toEqual(["6", "7"])
        const rejects = lines.flatMap((line) => (Array.isArray(line) ? [] : [line.reject]))
        expect(
          rejects.map(({ row, line, byte, raw }) => [row, line, byte, Buffer.from(raw, "base64").toString()]),
        ).toEqual([
          [1, 2, 4, '1,"x'],
          [3, 4, 15, '3,z"\nw\n4,\r5'],
          [5, 8, 31, '"8,'],
        ])
      }
    })

    it("finds records around damage by their number", async () => {
      const { layout } = await scan({ bytes: "a,b\n1,2\n" })
      const bytes = Buffer.from('1,2\n3,"x\ny\n4,5\n')
      expect(reader.findRecords(bytes, layout, [2, 3])).toEqual([
        { byteFrom: 4, byteTo: 11, linesBefore: 1 },
        { byteFrom: 11, byteTo: 15, linesBefore: 3 },
      ])
    })

    it("takes an open quote beyond the record limit for damage where a line behind it is a record", async () => {
      const bytes = `a,b\n1,"x\n${"2,y\n".repeat(1000)}3,"z"\n`
      for (const step of [1, 100, 10_000]) {
        const { lines, scanned } = await linesOfFile({ bytes, step, maxRecordBytes: 1000 })
        expect(scanned).toMatchObject({ rows: 1002, rejects: 1 })
        expect(lines[0]).toMatchObject({ reject: { row: 1, line: 2, code: "quote-error" } })
        expect(lines[1001]).toEqual(["3", "z"])
      }
    })

    it("shows 64 KiB of damage at most, and says so", async () => {
      const { lines } = await linesOfFile({ bytes: `a,b\n1,"${"x\n".repeat(40_000)}2,3\n` })
      expect(lines).toHaveLength(2)
      const [first] = lines
      if (first === undefined || Array.isArray(first)) throw new Error("nothing was set aside")
      expect(Buffer.from(first.reject.raw, "base64").length).toBe(damagedRawAtMost)
      expect(first.reject.reason).toContain("Set aside: 80003 bytes on 40000 lines")
      expect(first.reject.reason).toContain("raw holds the first 65536 of them")
    })

    it.each<[string, string, Partial<Reject>]>([
      ["another spelling", "007,4\n", { code: "type-error", column: "a", value: "007", raw: "007,4" }],
      ["'' in a column that is no text", '"",4\n', { code: "type-error", column: "a", value: "" }],
      ["two columns, by the first of them", "x,y\n", { code: "type-error", column: "a", value: "x" }],
      ["a wrong width, before the cells", "x\n", { code: "missing-cell", column: "b" }],
      ["100 characters of a long cell", `1,${"x".repeat(150)}\n`, { column: "b", value: "x".repeat(100) }],
    ])("sets a record aside that breaks a declared type: %s", async (_, bytes, expected) => {
      expect(await rejectOf(bytes, { types: { a: "integer", b: "numeric" } })).toMatchObject(expected)
    })

    it("says what was found and what was expected", async () => {
      const types = { a: "integer" as const }
      expect((await rejectOf("3\n")).reason).toBe("The record has 1 cell; expected 2, as in the header.")
      expect((await rejectOf("\n")).reason).toBe("The line is empty; expected 2 cells, as in the header.")
      expect((await rejectOf('""\n')).reason).toBe("The record has 1 cell; expected 2, as in the header.")
      expect((await rejectOf("3,4,5\n")).reason).toBe("The record has 3 cells; expected 2, as in the header.")
      expect((await rejectOf("007,4\n", { types })).reason).toMatch(
        /^The cell is "007"; expected integer: digits without leading zeros/,
      )
      expect((await rejectOf("3,x\0\n")).reason).toBe(
        "Cell 2, byte 4 of the record, is NUL; expected text without NUL.",
      )
      expect((await rejectOf(Buffer.from("\u00fc,4\n", "latin1"))).reason).toBe(
        "Cell 1, byte 1 of the record, is 0xfc, which begins no valid character; expected UTF-8.",
      )
    })

    it("takes NULL in a declared column, and anything in a column that is not served", async () => {
      const types = { a: "integer" as const }
      expect((await linesOfFile({ bytes: "a,b\n,2\n", columns: { types } })).lines).toEqual([[null, "2"]])
      const dropped = await linesOfFile({ bytes: "a,b\n1,x\n2,\n", columns: { types, drop: ["b"] } })
      expect(dropped.lines).toEqual([["1"], ["2"]])
    })

    it("names no column where the fault is in one that is not served", async () => {
      const { lines } = await linesOfFile({ bytes: "a,b\n3,\0\n4\n", columns: { drop: ["b"] } })
      expect(lines).toMatchObject([
        { reject: { code: "nul-error", column: null } },
        { reject: { code: "missing-cell", column: null } },
      ])
    })

    it("keeps rows, lines and bytes right around them, wherever the bytes are cut", async () => {
      const bytes = 'a,b\r\n1,"x\r\n"\r\n2\r\n\r\n3,\0\r\n4,y\r\n5,6,7'
      for (const step of [1, 2, 3, 7, 100]) {
        const { lines, scanned } = await linesOfFile({ bytes, step })
        expect(scanned).toMatchObject({ rows: 6, rejects: 4 })
        expect(lines[0]).toEqual(["1", "x\r\n"])
        expect(lines[4]).toEqual(["4", "y"])
        const rejects = lines.flatMap((line) => (Array.isArray(line) ? [] : [line.reject]))
        expect(rejects.map(({ row, line, byte, code }) => [row, line, byte, code])).toEqual([
          [2, 4, 14, "missing-cell"],
          [3, 5, 17, "missing-cell"],
          [4, 6, 19, "nul-error"],
          [6, 8, 29, "extra-cell"],
        ])
      }
    })

    it("writes a body into the one buffer that it asks for, in any form, with and without rejects", async () => {
      for (const bytes of ["a,b\n1,x\n2,y,z\nnone\n3,\0\n4,\n", 'a,b\n1,x\n2,"y"\n', "a,b\n1\n"]) {
        const { scanned, records } = await linesOfFile({ bytes })
        for (const form of ["cells", "objects", "csv"] as const) {
          const taken: Buffer[] = []
          const { body } = reader.encode(records, scanned.layout, form, undefined, (length) => {
            taken.push(Buffer.alloc(length))
            return taken.at(-1) as Buffer
          })
          expect(taken).toEqual([body])
          expect(body.buffer).toBe(taken[0]?.buffer)
          expect(body).toEqual(reader.encode(records, scanned.layout, form).body)
        }
      }
    })

    it("leaves them out of objects and CSV, and out of the columns' evidence", async () => {
      const bytes = "a,b\n1,x\n2,y,z\nnone\n3,\0\n4,\n"
      const { scanned, records } = await linesOfFile({ bytes })
      const { layout, evidence } = scanned
      expect(reader.encode(records, layout, "objects").body.toString()).toBe(
        '{"a":1,"b":"x"},\n{"a":4,"b":null}',
      )
      const csv = reader.encode(records, layout, "csv")
      expect(csv).toMatchObject({ rows: 5, rejects: 3 })
      expect(csv.body.toString()).toBe("1,x\r\n4,\r\n")
      expect(layout.fields.map(({ type }) => type)).toEqual(["integer", "text"])
      expect(evidence).toMatchObject([
        { column: "a", nulls: 0, forms: [{ form: "integer", cells: 2 }], ruled_out: null },
        { column: "b", nulls: 1, max_bytes: 1, forms: [{ form: "text", cells: 1 }] },
      ])
    })

    it("makes text columns where every record is one, unless they are declared", async () => {
      const { scanned, lines } = await linesOfFile({
        bytes: "a,b\n1\n2\n",
        columns: { types: { b: "date" } },
      })
      expect(scanned).toMatchObject({ rows: 2, rejects: 2 })
      expect(scanned.layout.fields.map(({ type }) => type)).toEqual(["text", "date"])
      expect(lines.every((line) => !Array.isArray(line))).toBe(true)
    })

    it("encodes the first so many records when asked, rejects counted", async () => {
      const { records, scanned } = await linesOfFile({ bytes: "a,b\n1,x\n2\n3,y\n4,z\n" })
      for (const [limit, body, rejects] of [
        [1, "1,x\r\n", 0],
        [2, "1,x\r\n", 1],
        [3, "1,x\r\n3,y\r\n", 1],
        [9, "1,x\r\n3,y\r\n4,z\r\n", 1],
      ] as const) {
        const encoded = reader.encode(records, scanned.layout, "csv", limit)
        expect(encoded).toMatchObject({ rows: Math.min(limit, 4), rejects })
        expect(encoded.body.toString()).toBe(body)
      }
    })

    it("gives the bytes that were written, in their place among the rows of any generated file", async () => {
      await fc.assert(
        fc.asyncProperty(
          generatedCsv(),
          fc.array(
            fc.record({ at: fc.nat(), kind: fc.constantFrom<Damage>("few", "many", "nul", "latin1") }),
          ),
          fc.integer({ min: 1, max: 40 }),
          async (csv, spoiled, step) => {
            const { header, lines, ends } = spellCsvLines(csv)
            const kinds = new Map(spoiled.map(({ at, kind }) => [at % Math.max(1, lines.length), kind]))
            const expected: string[] = []
            const records = lines.map((line, i) => {
              const kind = kinds.get(i)
              if (kind === undefined || (kind === "few" && csv.header.length === 1)) {
                expected.push("row")
                return line
              }
              const bad = spoil(line, kind, csv.dialect)
              expected.push(bad.toString("base64"))
              return bad
            })
            // A last blank line without its newline would be no record; every record here gets its line end.
            const bytes = Buffer.concat([header, ...records.flatMap((line) => [line, ends])])
            const { lines: read, scanned } = await linesOfFile({ bytes, step, dialect: csv.dialect })
            expect(read.map((line) => (Array.isArray(line) ? "row" : line.reject.raw))).toEqual(expected)
            for (const line of read) {
              if (Array.isArray(line)) continue
              const { byte, raw } = line.reject
              const length = Buffer.from(raw, "base64").length
              expect(bytes.toString("base64", byte, byte + length)).toBe(raw)
            }
            expect(scanned.rows).toBe(lines.length)
          },
        ),
        { numRuns: 200 },
      )
    })
  })

  describe(`${name}: CSV`, () => {
    it.each([
      ["NULL and ''", 'a,b\n,""\n', ',""\r\n'],
      ["one column of NULL as an empty line", 'a\n\n""\n', '\r\n""\r\n'],
      ["quotes only where needed, doubled", "a;b\n'x\"y';'it''s, so'\n", '"x""y","it\'s, so"\r\n'],
      ["line ends inside cells as they are", 'a\n"x\ny\r\nz"\n', '"x\ny\r\nz"\r\n'],
      ["spaces and digits as they are", "a,b\n 1 ,1.50\n", " 1 ,1.50\r\n"],
      ["a mark at a cell's beginning in quotes", `a\n${mark}x\n`, `"${mark}x"\r\n`],
    ])("is written with %s", async (_, bytes, expected) => {
      const dialect = bytes.includes(";") ? { delimiter: ";", quote: "'" } : comma
      const { layout, borders, bytes: all } = await scan({ bytes, dialect })
      const { body } = reader.encode(recordsOf(all.subarray(borders[0]?.end)), layout, "csv")
      expect(body.toString()).toBe(expected)
    })

    it("is read by csv-parse and by this reader as the cells that were written", async () => {
      await fc.assert(
        fc.asyncProperty(generatedCsv(), async (csv) => {
          const spelled = spellCsv(csv)
          const { borders, layout } = await scan({ bytes: spelled, dialect: csv.dialect })
          const { body } = reader.encode(recordsOf(spelled.subarray(borders[0]?.end)), layout, "csv")
          const written = csv.rows.map((row) => row.map(({ cell }) => cell))
          expect(rowsOf(body, { ...layout, dialect: comma })).toEqual(written)
          const byItself = parseCsv(body, {
            record_delimiter: "\r\n",
            cast: (value, { quoting }) => (value === "" && !quoting ? null : value),
          })
          expect(byItself).toEqual(written)
        }),
        { numRuns: 200 },
      )
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
    const field = { name: "a", type: "text", index: 0, declared: false } as const
    const layout: CsvLayout = { dialect: comma, width: 1, maxRecordBytes: 1 << 20, fields: [field] }
    for (const form of ["objects", "cells", "csv"] satisfies RowsForm[]) {
      expect(reader.encode(recordsOf(Buffer.alloc(0)), layout, form)).toEqual({
        body: Buffer.alloc(0),
        rows: 0,
        rejects: 0,
      })
    }
  })
}
