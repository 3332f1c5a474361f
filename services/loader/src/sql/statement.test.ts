// If this file fails, a file with two statements passes for one, or a message names another line than the one that is wrong.
import { expect, test } from "vitest"
import { isQuery, lineOfPosition, listStatements } from "./statement.ts"

const all = (sql: string) => listStatements(sql).map(({ firstWord, line }) => [firstWord, line])

test.each([
  ["one statement with its semicolon", "select 1;\n", [["select", 1]]],
  ["comments before and behind it", "-- a;b\n/* ; */ SELECT ';' ; -- end;\n", [["select", 2]]],
  [
    "two statements",
    "select 1;\n\n delete from t",
    [
      ["select", 1],
      ["delete", 3],
    ],
  ],
  ["empty statements", ";;  ;\n/* nothing */;", []],
  ["nothing", " -- only words\n", []],
  [
    "a function's body",
    "create function f() as $$ begin; end; $$;\n(select 1)",
    [
      ["create", 1],
      ["(", 2],
    ],
  ],
])("%s", (_name, sql, found) => {
  expect(all(sql)).toEqual(found)
})

test("a statement is told without its semicolon, with its comments", () => {
  expect(listStatements("-- why\nselect 1; -- end\n").map(({ text }) => text)).toEqual(["-- why\nselect 1"])
})

test("what reads is told by its first word", () => {
  const reads = [
    "select 1",
    "with a as (select 1) table a",
    "values (1)",
    "TABLE t",
    "(select 1) union (select 2)",
  ]
  for (const sql of reads) expect(listStatements(sql).map(isQuery)).toEqual([true])
  for (const sql of ["insert into t values (1)", "call f()", "copy t to stdout", "commit"])
    expect(listStatements(sql).map(isQuery)).toEqual([false])
})

test("a position of Postgres counts characters, not UTF-16 units", () => {
  const sql = "select '\u{1f600}\u{1f600}'\n, x"
  expect(lineOfPosition(sql, "12")).toBe(1)
  expect(lineOfPosition(sql, "13")).toBe(2)
  expect(lineOfPosition(sql, undefined)).toBeUndefined()
})
