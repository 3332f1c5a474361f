import { describe, expect, it } from "vitest"
import type { CsvDialect } from "./csv-dialect.ts"
import { countLines, dissectRecord, signsOf, walkRecord } from "./csv-record.ts"

const comma: CsvDialect = { delimiter: ",", quote: '"' }
const backslash: CsvDialect = { ...comma, escapedBy: "\\" }
const noEscape: CsvDialect = { ...comma, escapedBy: "" }
const noQuotes: CsvDialect = { delimiter: ",", quote: "" }
const crOnly: CsvDialect = { ...comma, lineEnd: "cr" }

describe("a record in its bytes", () => {
  it.each<[string, CsvDialect, string, number, number]>([
    ["ends with LF", comma, "1,2\n3,4\n", 4, 2],
    ["ends with CRLF", comma, "1,2\r\n3,4\r\n", 5, 2],
    ["ends with the file", comma, "1,2", 3, 2],
    ["goes on over line ends in quotes", comma, '"1\n\r\n",2\n3\n', 9, 2],
    ["goes on over a doubled quote", comma, '"1""\n",2\n', 9, 2],
    ["goes on over an escaped quote", backslash, '"1\\"\n",2\n3\n', 9, 2],
    ["goes on over an escaped delimiter and escape", backslash, '"\\\\",2\n3\n', 7, 2],
    ["takes an escape outside quotes for text", backslash, "a\\,b\n", 5, 2],
    ["ends behind the first quote where none is escaped", noEscape, '"1",2\n', 6, 2],
    ["has no quotes where there are none", noQuotes, '"1\n",2\n', 3, 1],
    ["ends with CR where lines do", crOnly, "1,2\r3,4\r", 4, 2],
    ["keeps a line feed in quotes where lines end with CR", crOnly, '"1\n\r",2\r3\r', 8, 2],
    ["is a blank line", comma, "\n1\n", 1, 1],
    ["is a tab's cells", { delimiter: "\t", quote: '"' }, "1,\t2\n", 5, 2],
  ])("%s", (_, dialect, text, end, cells) => {
    const bytes = Buffer.from(text)
    expect(walkRecord(bytes, 0, bytes.length, true, signsOf(dialect))).toMatchObject({
      stop: "end",
      at: end,
      cells,
    })
  })

  it.each<[string, CsvDialect, string, string, number, number]>([
    ["a bare CR", comma, "1,2\rx\n", "bare-cr", 3, 2],
    ["a bare CR at the end", comma, "1\r", "bare-cr", 1, 1],
    ["a line feed where lines end with CR", crOnly, "1\n2\r", "bare-lf", 1, 1],
    ["a quote inside", comma, '1,x"y\n', "quote-inside", 3, 2],
    ["text behind a closing quote", comma, '"x"y,2\n', "after-quote", 3, 1],
    ["a doubled quote where quotes are escaped", backslash, '"x""y",2\n', "after-quote", 3, 1],
    ["a doubled quote where none can be", noEscape, '"x""y",2\n', "after-quote", 3, 1],
    ["an open quote", comma, '1,"x\ny\n', "quote-open", 2, 2],
    ["a quote that is escaped instead of closed", backslash, '1,"x\\"\n', "quote-open", 2, 2],
    ["an escape as the last byte", backslash, '"x\\', "quote-open", 0, 1],
  ])("is malformed by %s, placed", (_, dialect, text, kind, byte, column) => {
    expect(dissectRecord(Buffer.from(text), dialect).fault).toEqual({ kind, byte, column })
  })

  it("tells quoted cells and where each begins", () => {
    expect(dissectRecord(Buffer.from('a,"b,c",,""\nx'), comma)).toEqual({
      quoted: [false, true, false, true],
      starts: [0, 2, 8, 9],
      fault: undefined,
    })
  })

  it.each<[string, CsvDialect, string]>([
    ["within a cell", comma, "1,2"],
    ["behind a CR that may belong to a line feed", comma, "1\r"],
    ["behind a quote that may be doubled", comma, '"1"'],
    ["behind an escape", backslash, '"1\\'],
    ["in an open quote", comma, '"1\n2\n'],
  ])("waits for more bytes %s", (_, dialect, text) => {
    const bytes = Buffer.from(text)
    expect(walkRecord(bytes, 0, bytes.length, false, signsOf(dialect)).stop).toBe("more")
  })

  it("counts lines by what ends them", () => {
    const bytes = Buffer.from("a\r\nb\rc\n")
    expect(countLines(bytes, 0x0a)).toBe(2)
    expect(countLines(bytes, 0x0d)).toBe(2)
    expect(countLines(bytes, 0x0a, 2, 3)).toBe(1)
  })
})
