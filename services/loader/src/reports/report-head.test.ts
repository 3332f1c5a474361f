// If this file fails, a parameter has another type or default than its line says, or a slip in a report is not told.
import { expect, test } from "vitest"
import { chooseValues, describeParameters, readGiven } from "./given-parameters.ts"
import { parseReport } from "./report-file.ts"
import { firstSentence, readReportHead } from "./report-head.ts"

const parameterOf = (line: string) => {
  const { head, problems } = readReportHead(`-- ${line}\nselect 1`)
  if (problems.length > 0) return problems.map(({ message }) => message)
  const { name, type, standard, choices, meaning } = head.parameters[0] ?? {}
  return [name, type, standard, choices, meaning]
}

test.each([
  [":day date", ["day", "date", undefined, undefined, undefined]],
  [":day   date  -- the day", ["day", "date", undefined, undefined, "the day"]],
  [":from timestamp with time zone", ["from", "timestamp with time zone", undefined, undefined, undefined]],
  [":n numeric(10, 2)=1.50", ["n", "numeric(10, 2)", "1.50", undefined, undefined]],
  [":n integer = -7 -- below zero", ["n", "integer", "-7", undefined, "below zero"]],
  [":t text = '' -- '' is every title", ["t", "text", "", undefined, "'' is every title"]],
  [":t text = 'it''s -- a = | b' -- odd", ["t", "text", "it's -- a = | b", undefined, "odd"]],
  [":t text = New York", ["t", "text", "New York", undefined, undefined]],
  [":t text = null", ["t", "text", null, undefined, undefined]],
  [":t text = 'null'", ["t", "text", "null", undefined, undefined]],
  [":d date = -infinity", ["d", "date", "-infinity", undefined, undefined]],
  [":l text[] = {a,b}", ["l", "text[]", "{a,b}", undefined, undefined]],
  [":m shop.mood = glad", ["m", "shop.mood", "glad", undefined, undefined]],
  [
    ":match text = overlaps | starts_within | covers   -- how a stream meets the outage",
    ["match", "text", "overlaps", ["overlaps", "starts_within", "covers"], "how a stream meets the outage"],
  ],
  [":most text = 'a|b' | '' | 100%", ["most", "text", "a|b", ["a|b", "", "100%"], undefined]],
])("-- %s", (line, parameter) => {
  expect(parameterOf(line)).toEqual(parameter)
})

test.each([
  [":day", "declares :day without a type, expected one as in  -- :day text"],
  [":day = x", "declares :day without a type, expected one as in  -- :day text"],
  [
    ":1st text",
    "declares :1st; a parameter's name is made of letters, digits and _, and begins with no digit",
  ],
  [
    ":day-of text",
    "declares :day-of; a parameter's name is made of letters, digits and _, and begins with no digit",
  ],
  [":day date; drop", "declares :day with the type date; drop, which is none"],
  [":day date'", "declares :day with the type date', which is none"],
  [":day date =", "says nothing behind = for :day; the empty text is written ''"],
  [":day text = a | | b", "says nothing behind = for :day; the empty text is written ''"],
  [":day text = a | null", "has null among what :day may be; only a default may be null"],
  [":day text = a | b | a", 'names "a" twice for :day'],
])("-- %s is refused", (line, message) => {
  expect(parameterOf(line)).toEqual([message])
})

test("the definition is the comment without its parameters, up to the first line that is none", () => {
  const { head } = readReportHead(
    "-- Users of an outage.\r\n--\r\n--   Twice the same user: once.\n\n-- :a text\n-- : colons :) stay\n-- :-) so do these\n--\nselect 1 -- :b text\n-- :c text\n",
  )
  expect(head.definition).toEqual([
    "Users of an outage.",
    "",
    "Twice the same user: once.",
    ": colons :) stay",
    ":-) so do these",
  ])
  expect(head.parameters.map(({ name, line }) => [name, line])).toEqual([["a", 5]])
  expect(readReportHead("select 1").head).toEqual({ definition: [], parameters: [] })
})

test.each([
  ["-- Users of an outage. A user is one\n-- with a stream.\nselect 1", "Users of an outage."],
  ["-- Users of an outage, each\n-- once\n--\n-- More.\nselect 1", "Users of an outage, each once"],
  ["-- :a text\n-- Of version 1.5 which?\nselect 1", "Of version 1.5 which?"],
  ["select 1", undefined],
])("the list shows the first sentence: %j", (sql, sentence) => {
  expect(firstSentence(readReportHead(sql).head)).toBe(sentence)
})

const report = { name: "outage", file: "/reports/outage.sql", needs: [] }
const problemsOf = (sql: string) =>
  parseReport(report, sql).problems.map(({ line, message }) => `${line}: ${message}`)

test.each([
  [
    "two statements",
    "select 1;\ndelete from t",
    "2: begins another statement (delete); a report is one select",
  ],
  ["none", "-- nothing\n", "1: holds no SQL, expected one select"],
  [
    "one that writes",
    "-- x\ninsert into t values (1)",
    "2: begins with INSERT, expected a select: a report only reads",
  ],
  ["one that makes", "create table t ()", "1: begins with CREATE, expected a select: a report only reads"],
  [
    "a name that is not declared",
    "-- :title text\nselect :title,\n  :titel",
    "3: uses :titel, which its first lines do not declare; did you mean :title? Else add a line such as  -- :titel text",
  ],
  ["a number", "-- :a text\nselect :a, $1", "2: uses $1; a report's parameters have names, as in :day"],
  ["a parameter of no use", "-- :a text\nselect 1", "1: declares :a, which the report does not use"],
  ["one that stands twice", "-- :a text\n-- :a date\nselect :a", "2: declares :a a second time"],
])("a report with %s is refused with its line", (_name, sql, problem) => {
  expect(problemsOf(sql)).toEqual([problem])
})

const outage = parseReport(
  report,
  "-- Users.\n-- :outage_start timestamptz -- from\n-- :outage_end timestamptz\n-- :match text = overlaps | covers\n" +
    "-- :title text = '' -- '' is every title\nselect :outage_start, :outage_end, :match, :title",
).report
const list = `  :outage_start  timestamptz, required     from
  :outage_end    timestamptz, required
  :match         text = overlaps | covers
  :title         text = ''                 '' is every title`

function refusal(...given: string[]): { message: string; code: string } {
  try {
    chooseValues(outage, readGiven(given))
  } catch (error) {
    return error as { message: string; code: string }
  }
  throw new Error("nothing was refused")
}

test("parameters are listed with type, default and meaning", () => {
  expect(describeParameters(outage.head.parameters)).toBe(list)
})

test.each([
  [[], "report outage needs outage_start and outage_end"],
  [["outage_start=x"], "report outage needs outage_end"],
  [
    ["outage_start=x", "outage_ende=y", "outage_end=z"],
    "report outage has no parameter outage_ende; did you mean outage_end?",
  ],
  [
    ["outage_start=x", "outage_end=y", "match=cover"],
    'report outage takes overlaps, covers for match, found "cover"; did you mean covers?',
  ],
])("%j is told with all parameters", (given, first) => {
  const { message, code } = refusal(...given)
  expect(code).toBe("usage-invalid")
  expect(message).toBe(`${first}\n${list}`)
})

test("all that is wrong is told at once", () => {
  expect(refusal("x=1", "match=").message.split("\n").slice(0, 3)).toEqual([
    "report outage has no parameter x; it has outage_start, outage_end, match, title",
    "report outage needs outage_start and outage_end",
    'report outage takes overlaps, covers for match, found ""',
  ])
})

test("a value is all behind the first =, the name may have its colon", () => {
  expect([...chooseValues(outage, readGiven([":outage_start=a=b", "outage_end=", "title=null"]))]).toEqual([
    ["outage_start", "a=b"],
    ["outage_end", ""],
    ["match", "overlaps"],
    ["title", "null"],
  ])
})

test.each([
  [["title"], '--param is "title"; expected a name and a value, as in  --param day=2021-12-25'],
  [["=x"], '--param is "=x"; expected a name and a value, as in  --param day=2021-12-25'],
  [["title=a", "title=b"], "--param title is given twice; expected it once."],
])("--param %j is refused", (given, message) => {
  expect(refusal(...given)).toMatchObject({ code: "usage-invalid", message })
})
