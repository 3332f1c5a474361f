// If this file fails, a check that says nothing, or the contrary of what was meant, is found out by nobody.
import { expect, test } from "vitest"
import { describeResults } from "../summary.ts"
import { type CheckSettings, checkChecks, listChecks } from "./check-settings.ts"

type Written = Partial<CheckSettings[number]>
const withSeverity = (checks: readonly Written[]): CheckSettings =>
  checks.map((check) => ({ severity: "fail", ...check }))
const own = { schema: "public", name: "people" }
const problemsOf = (...checks: readonly Written[]) =>
  checkChecks("pipelines.t", own, withSeverity(checks)).map(({ path, message }) => `${path} ${message}`)

test.each<[Written, string]>([
  [{ column: "a" }, "pipelines.t.checks.1 has no rule, expected one of not_null, unique, pattern, "],
  [
    { column: "a", not_null: true, pattern: "x" },
    "pipelines.t.checks.1 has the rules not_null and pattern, expected one",
  ],
  [{ pattern: "x" }, "pipelines.t.checks.1.column is missing, expected the column"],
  [{ column: "a", columns: ["b"], unique: true }, "pipelines.t.checks.1.columns stands beside column"],
  [{ columns: ["a", "b"], not_null: true }, "pipelines.t.checks.1.columns goes with unique only"],
  [{ columns: ["a", "a"], unique: true }, 'pipelines.t.checks.1.columns names "a" twice'],
  [{ column: "a", sql: "a > 1" }, "pipelines.t.checks.1.column says nothing beside sql"],
  [{ column: "a", range: {} }, "pipelines.t.checks.1.range says nothing, expected min, max or both"],
  [
    { column: "a", range: { min: "10", max: "9" } },
    "pipelines.t.checks.1.range is from 10 to 9, which no value is",
  ],
  [
    { column: "a", range: { min: "2024-02-01", max: "2024-01-31" } },
    "pipelines.t.checks.1.range is from 2024-02-01",
  ],
  [{ column: "a", length: {} }, "pipelines.t.checks.1.length says nothing"],
  [{ column: "a", length: { min: 2, max: 1 } }, "pipelines.t.checks.1.length is 2 to 1, which no text is"],
  [{ column: "a", references: "id" }, 'pipelines.t.checks.1.references is "id", expected table.column'],
  [{ column: "a", references: "a.b.c.d" }, 'pipelines.t.checks.1.references is "a.b.c.d"'],
  [
    { column: "a", references: "people.id" },
    "pipelines.t.checks.1.references names public.people, the table that is loaded",
  ],
])("%j is refused", (check, message) => {
  const problems = problemsOf(check)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toContain(message)
})

test("all problems are told at once, and two checks do not have one name", () => {
  expect(
    problemsOf(
      { column: "a", not_null: true },
      { column: "b", not_null: true, name: "mine" },
      { column: "c", length: {}, name: "mine" },
    ),
  ).toEqual([
    "pipelines.t.checks.3.length says nothing, expected min, max or both",
    'pipelines.t.checks.3.name is "mine", as of checks.2; give it one of its own',
  ])
})

test("what is in order is left alone, and gets a name of its own", () => {
  const checks: Written[] = [
    { column: "a", range: { min: "1e3", max: "20000" } },
    { column: "a", range: { min: "10:00" } },
    { columns: ["a", "b"], unique: true },
    { column: "a", references: "other.plans.id" },
    { sql: "a > 1", severity: "warn" },
    { column: "c", pattern: "x", name: "a_range_2" },
  ]
  expect(problemsOf(...checks)).toEqual([])
  const listed = listChecks(withSeverity(checks))
  expect(listed.map(({ name }) => name)).toEqual([
    ...["a_range", "a_range_3", "a_b_unique", "a_references", "sql_5", "a_range_2"],
  ])
  expect(listed[3]?.rule).toEqual({
    ...{ kind: "references", table: { schema: "other", name: "plans" }, column: "id" },
  })
  expect(listed[4]).toMatchObject({ columns: [], severity: "warn", place: 5 })
})

test("how the checks of a run came out is one line", () => {
  const one = (severity: "fail" | "reject" | "warn", failed: number, name = "a") => ({
    name,
    severity,
    failed,
  })
  expect(describeResults([])).toBeUndefined()
  expect(describeResults([one("fail", 0), one("warn", 0)])).toBe("2 passed")
  expect(
    describeResults([one("warn", 1200, "b"), one("fail", 0), one("reject", 1), one("warn", 2, "c")]),
  ).toBe("1 passed, 1 rejected, 2 warned (b: 1,200 rows, a: 1 row, c: 2 rows)")
})
