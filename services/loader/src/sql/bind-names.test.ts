// If this file fails, a value lands in a string or a comment of somebody's SQL, or a name that was meant is left in it.
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { bindNames } from "./bind-names.ts"
import { scanSql } from "./scan-sql.ts"

const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)

const text = (sql: string) => bindNames(sql, ["a", "b", "e", "größe"]).text

describe("a name behind a colon is a parameter", () => {
  test.each([
    ["select :a", "select $1"],
    ["select :a, :b, :a", "select $1, $2, $1"],
    ["select :b,:a", "select $1,$2"],
    [":a", "$1"],
    ["select (:a)::date", "select ($1)::date"],
    ["select :a::date", "select $1::date"],
    ["select 1::integer, :a", "select 1::integer, $1"],
    ["select x:::a", "select x::$1"],
    ["select f(a := :a)", "select f(a := $1)"],
    ["select f(a =>:a)", "select f(a =>$1)"],
    ["select -:a", "select -$1"],
    ["select x[:a], x[1::a], x[:a:2]", "select x[$1], x[1::a], x[$1:2]"],
    ["select x[1:2], x[ab:ba]", "select x[1:2], x[ab:ba]"],
    ["select :größe", "select $1"],
    ["select 'x':a", "select 'x'$1"],
    ["select :a'x'", "select $1'x'"],
    [String.raw`select :e'\', :a`, String.raw`select $1'\', $2`],
    ["select 1 /* :a */ + :a -- :a\n+ :a", "select 1 /* :a */ + $1 -- :a\n+ $1"],
    ["select :a--:a", "select $1--:a"],
    ["select :a/*x*/", "select $1/*x*/"],
  ])("%s", (sql, bound) => {
    expect(text(sql)).toBe(bound)
  })
})

describe("nothing is one in", () => {
  test.each([
    ["a string", "select ':a' :b"],
    ["a string with quotes in it", "select 'it''s :a' :b"],
    ["a string that ends in a backslash", String.raw`select '\' :b`],
    ["an escape string", String.raw`select E'\' :a' :b`],
    ["an escape string in small letters", String.raw`select e'\\\' :a' :b`],
    ["an escape string that goes on in the next line", "select E'x'\n\t'y\\' :a' :b"],
    ["one that goes on behind a comment", "select E'x' --c\n --d\n 'y\\' :a' :b"],
    ["a string behind a name that ends in e", String.raw`select somee'\' :b`],
    ["a bit string and a national one", "select b'01', x'1F', n':a' :b"],
    ["a Unicode string", String.raw`select U&'\0061 :a' :b`],
    ["a name in quotes", 'select ":a" :b'],
    ["a name in quotes with quotes in it", 'select "x"":a" :b'],
    ["a Unicode name", String.raw`select U&"\0061:a" :b`],
    ["a dollar-quoted text", "select $$ :a ' $$ :b"],
    ["one with a tag", "select $x$ :a $$ :a $y$ :a $x$ :b"],
    ["one with a tag that is no English", "select $größe$ :a $größe$ :b"],
    ["a comment to the end of the line", "select -- it's :a\n :b"],
    ["a comment between signs", "select /* it's :a */ :b"],
    ["a comment in a comment", "select /* /* :a */ :a */ :b"],
    ["a comment with the sign of another", "select /* -- :a */ :b"],
    ["a comment behind an operator", "select 1 +-- :a\n :b"],
    ["a line with a Windows end", "select -- :a\r\n :b"],
  ])("%s", (_name, sql) => {
    expect(text(sql)).toBe(sql.replace(/:b$/, "$1"))
  })

  test.each([
    ["a string", "select ':a"],
    ["an escape string", String.raw`select E'\':a`],
    ["a name", 'select ":a'],
    ["a dollar-quoted text", "select $x$ :a $$"],
    ["a comment", "select /* /* */ :a"],
  ])("%s that is never closed", (_name, sql) => {
    expect(text(sql)).toBe(sql)
  })
})

test("a parameter is cast where a type is named for it", () => {
  const type = (name: string) => ({ a: "timestamp with time zone", b: undefined })[name]
  expect(bindNames("select :a - :a, :b", ["a", "b"], type).text).toBe(
    "select ($1::timestamp with time zone) - ($1::timestamp with time zone), $2",
  )
})

test("names that the SQL does not use have no number; others are told, but for slices", () => {
  const bound = bindNames("select :b, :titel, :titel, x[1:n], '{:no}', x::date, :n, $2, $x$ $3 $x$", [
    "a",
    "b",
  ])
  expect(bound).toEqual({
    text: "select $1, :titel, :titel, x[1:n], '{:no}', x::date, :n, $2, $x$ $3 $x$",
    order: ["b"],
    unknown: ["titel", "n"],
    numbered: ["$2"],
  })
})

// Pieces of SQL whose kind is known, since this test wrote them.
const opaque = fc.oneof(
  fc.string().map((s) => `'${s.replaceAll("'", "''")}'`),
  // The comma keeps it from going on in the next line.
  fc.string().map((s) => `E'${s.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}',`),
  fc.string().map((s) => `"${s.replaceAll('"', '""')}"`),
  fc.string().map((s) => `$q$${s.replaceAll("$", "")}:a$q$`),
  fc.string().map((s) => `/* ${s.replace(/[*/]/g, "")} :a /* :b */ */`),
  fc.string().map((s) => `-- ${s.replace(/[\r\n]/g, "")} :a\n`),
)
const open = fc.constantFrom("select", "a", "::", ":=", "(", ")", ",", "+", "12", " ", "\n", "x[1]")

test("whatever stands around them, strings, quoted names and comments stay, and every name is bound", () => {
  const piece = fc.oneof(
    opaque.map((sql) => ({ sql, bound: sql, opaque: true })),
    open.map((sql) => ({ sql, bound: sql, opaque: false })),
    fc.constant({ sql: ":a", bound: "$1", opaque: false }),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      // Blanks between them keep two pieces from becoming one.
      const sql = pieces.map((one) => one.sql).join(" ")
      expect(bindNames(sql, ["a"]).text).toBe(pieces.map((one) => one.bound).join(" "))
      const found = scanSql(sql).filter(({ kind }) => kind === "quoted" || kind === "comment")
      expect(found).toHaveLength(pieces.filter((one) => one.opaque).length)
    }),
    { seed, numRuns: 500 },
  )
})

test("the parts of any text are that text", () => {
  const signs = fc.array(fc.constantFrom(..."aeE'\"$:;-/*\\\n []1ß\u{1f600}"), { maxLength: 40 })
  fc.assert(
    fc.property(signs, (characters) => {
      const sql = characters.join("")
      const parts = scanSql(sql)
      expect(parts.map((part) => part.text).join("")).toBe(sql)
      for (const part of parts) expect(part.text).not.toBe("")
    }),
    { seed, numRuns: 2000 },
  )
})
