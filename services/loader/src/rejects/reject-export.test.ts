// If this file fails, who mends rejects in a spreadsheet mends something else than stood in the file, or runs a formula.
import { describe, expect, it, test } from "vitest"
import { createRejectExport, type FileDialect } from "./reject-export.ts"

const comma = { delimiter: ",", quote_char: '"', double_quote: true, fields: ["id", "note", "price"] }
const reject = (raw: string | Buffer, more: { column?: string; reason?: string } = {}) => ({
  line: 7,
  code: "type-error" as const,
  column: more.column ?? null,
  reason: more.reason ?? "The cell is wrong.",
  raw: Buffer.from(raw),
})
const place = "7,type-error,,The cell is wrong.,"
const spell = (dialect: FileDialect, raw: string | Buffer) => createRejectExport(dialect).spell(reject(raw))

test("the file's names stand behind four of ours, which give way to the file's", () => {
  expect(createRejectExport(comma).head).toBe("\ufeff_line,_code,_column,_reason,id,note,price\r\n")
  const { head } = createRejectExport({ ...comma, fields: ["_line", "=x", "a,b", "-1"] })
  expect(head).toBe('\ufeff__line,_code,_column,_reason,_line,\'=x,"a,b",-1\r\n')
})

describe("a record keeps its own spelling", () => {
  it.each([
    "1,plain,1.50",
    '1,"a, b",""',
    '1,"two\r\nlines and a ""quote""",',
    "1,too few",
    "1,too,many,cells",
    "",
    "1, spaces ,-12.5",
  ])("%j", (raw) => {
    expect(spell(comma, raw)).toBe(`${place}${raw}\r\n`)
  })

  it("in every other dialect too", () => {
    const semicolon = { ...comma, delimiter: ";", quote_char: "'" }
    expect(spell(semicolon, "1;'it''s; so';2")).toBe("7;type-error;;The cell is wrong.;1;'it''s; so';2\r\n")
    const escaping = { ...comma, double_quote: false, escape_char: "\\" }
    expect(spell(escaping, '1,"say \\"a, b\\"",2')).toBe(`${place}1,"say \\"a, b\\"",2\r\n`)
    const lines = { ...comma, line_terminator: "cr" as const }
    expect(spell(lines, "1,a\nb,2")).toBe(`${place}1,a\nb,2\r`)
    const latin = { ...comma, encoding: "windows-1252" }
    expect(spell(latin, Buffer.from([0x31, 0x2c, 0x80]))).toBe(`${place}1,€\r\n`)
    const wide = { ...comma, encoding: "utf-16le" }
    expect(spell(wide, Buffer.from("1,ä😀", "utf16le"))).toBe(`${place}1,ä😀\r\n`)
  })

  it("where there are no quotes, a quote in a cell is one that a spreadsheet reads as such", () => {
    const quoteless = { ...comma, quote_char: "" }
    expect(spell(quoteless, '1,"a,12" x,')).toBe(`${place}1,"""a","12"" x",\r\n`)
  })
})

describe("what begins a formula is made text, and numbers stay numbers", () => {
  it.each([
    ["=1+2", "'=1+2"],
    ["+CMD", "'+CMD"],
    ["-2+3", "'-2+3"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\tx", "'\tx"],
    ['"\rx"', '"\'\rx"'],
    ['"=HYPERLINK(""x"")"', '"\'=HYPERLINK(""x"")"'],
    ["-12.50", "-12.50"],
    ["+3", "+3"],
    ["-1e-7", "-1e-7"],
    ["-1,5", "-1,5"],
    ["a=b", "a=b"],
    ['"-0"', '"-0"'],
  ])("%j becomes %j", (cell, safe) => {
    expect(spell({ ...comma, delimiter: ";" }, `1;${cell}`)).toBe(
      `${place.replaceAll(",", ";")}1;${safe}\r\n`,
    )
  })

  it("also in our own columns, and where the apostrophe is the file's quote", () => {
    const { spell: export1 } = createRejectExport(comma)
    expect(export1(reject("1", { column: "=c", reason: '@r, "x"' }))).toBe(
      `7,type-error,'=c,"'@r, ""x""",1\r\n`,
    )
    const apostrophe = { ...comma, delimiter: ";", quote_char: "'" }
    expect(spell(apostrophe, "=1;'=2'")).toBe("7;type-error;;The cell is wrong.;'''=1';'''=2'\r\n")
    const escaping = { ...comma, quote_char: "'", escape_char: "\\", double_quote: false }
    expect(spell(escaping, "=1,'\\=2'")).toBe("7,type-error,,The cell is wrong.,'\\'=1','\\'\\=2'\r\n")
  })
})

describe("what cannot stand in a file of text", () => {
  const spelled = "The cell is wrong. Bytes that are no text stand here as \\xNN."
  it.each([
    [comma, Buffer.from([0x31, 0x2c, 0xe9, 0x28, 0xc3, 0xa9]), "1,\\xe9(é"],
    [comma, Buffer.from("1,a\0b"), "1,a\\x00b"],
    [{ ...comma, encoding: "windows-1253" }, Buffer.from([0x31, 0x2c, 0xaa, 0xe1]), "1,\\xaaα"],
    [
      { ...comma, encoding: "utf-16le" },
      Buffer.concat([Buffer.from("1,", "utf16le"), Buffer.from([0x00, 0xd8]), Buffer.from("é", "utf16le")]),
      "1,\\x00\\xd8é",
    ],
    [
      { ...comma, encoding: "utf-16le" },
      Buffer.concat([Buffer.from("1,", "utf16le"), Buffer.from([0x41])]),
      "1,\\x41",
    ],
  ])("is spelled and marked: %o %o", (dialect, raw, text) => {
    expect(spell(dialect, raw)).toBe(`7,type-error,,${spelled},${text}\r\n`)
  })

  it.each([
    ['1,"open, 2', '"1,""open, 2"'],
    ['1,a"b,2', '"1,a""b,2"'],
    ['1,"a"b,2', '"1,""a""b,2"'],
    ['=1,a\r\n2"', '"\'=1,a\r\n2"""'],
    ['a\nb,"c', '"a\nb,""c"'],
    ["a\nb,c", '"a\nb,c"'],
  ])("a record whose cells cannot be told apart, %j, stands whole in one cell", (raw, cell) => {
    const marked = "The cell is wrong. The cells cannot be told apart: the first one holds the record whole."
    expect(spell(comma, raw)).toBe(`7,type-error,,${marked},${cell}\r\n`)
  })
})

test("a record of JSON stands whole in one cell", () => {
  const { head, spell } = createRejectExport({})
  expect(head).toBe("\ufeff_line,_code,_column,_reason,_record\r\n")
  expect(spell(reject('{"id":1,"note":"a, b"}'))).toBe(`${place}"{""id"":1,""note"":""a, b""}"\r\n`)
  expect(spell(reject("=1+2"))).toBe(`${place}'=1+2\r\n`)
  const wide = createRejectExport({ encoding: "utf-16le" })
  expect(wide.spell(reject(Buffer.from('["ä"]', "utf16le")))).toBe(`${place}"[""ä""]"\r\n`)
})
