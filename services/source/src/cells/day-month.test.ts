// If this fails, day and month change places in a column, or a load goes on where nobody can know.
import fc from "fast-check"
import { expect, test } from "vitest"
import { createDayMonthCensus, decideDayMonth } from "./day-month.ts"
import { compileFormat } from "./formats.ts"

const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
const cases = Number(process.env.FLATBED_TEST_CASES ?? 1_000)

function decide(cells: readonly string[], type: "date" | "timestamp" = "date") {
  const census = createDayMonthCensus(type)
  cells.forEach((cell, i) => {
    census.add(cell, i + 1, i + 2)
  })
  return decideDayMonth("sold on", type, census.finish(), { file: "sales.csv" })
}

/** The pattern, `nothing`, or the cell that is asked about. */
function inShort(cells: readonly string[], type: "date" | "timestamp" = "date"): string {
  const decision = decide(cells, type)
  if (decision.kind === "pattern") return decision.pattern
  return decision.kind === "nothing" ? "nothing" : `ask about ${decision.problem.facts.value}`
}

test.each([
  ["no cells", [], "nothing"],
  ["ISO only", ["2024-01-02", "2024-12-31"], "nothing"],
  ["no dates at all", ["yesterday", "31.31.2024"], "nothing"],
  ["a day past the twelfth first", ["01/02/2024", "13/02/2024"], "dd/MM/yyyy"],
  ["a day past the twelfth second", ["01/02/2024", "02/13/2024"], "MM/dd/yyyy"],
  ["single digits", ["1.2.2024", "13.02.2024"], "d.M.yyyy"],
  ["hyphens", ["31-01-2024", "01-02-2024"], "dd-MM-yyyy"],
  [
    "the deciding cell last",
    [...Array.from({ length: 500 }, () => "03/04/2024"), "31/01/2024"],
    "dd/MM/yyyy",
  ],
  ["29 February of a leap year", ["29/02/2024"], "dd/MM/yyyy"],
  ["a cell that is no date beside one that proves", ["13/01/2024", "32/01/2024"], "dd/MM/yyyy"],
  ["all ambiguous", ["01/02/2024", "03/04/2024"], "ask about 01/02/2024"],
  [
    "ambiguous behind days that are the same either way",
    ["05/05/2024", "01/02/2024"],
    "ask about 01/02/2024",
  ],
  ["the same either way", ["01/01/2024", "05/05/2024"], "dd/MM/yyyy"],
  ["a contradiction, told by the rarer", ["13/01/2024", "14/01/2024", "01/15/2024"], "ask about 01/15/2024"],
  ["ambiguous beside ISO", ["2024-01-31", "01/02/2024"], "ask about 01/02/2024"],
  ["years of two digits", ["31/12/24"], "ask about 31/12/24"],
  ["a few written in another way", ["13/01/2024", "14/01/2024", "01.15.2024"], "dd/MM/yyyy"],
] as [string, string[], string][])("a date column of %s", (_name, cells, said) => {
  expect(inShort(cells)).toBe(said)
})

test.each([
  [["31/12/2024 17:05"], "dd/MM/yyyy H:mm"],
  [["12/31/2024 17:05:09"], "MM/dd/yyyy H:mm:ss"],
  [["31.12.2024T17:05:09.123"], "dd.MM.yyyy'T'H:mm:ss.SSS"],
  [["12/31/2024 5:05 PM"], "MM/dd/yyyy h:mm a"],
  [["12/31/2024 5:05PM"], "MM/dd/yyyy h:mma"],
  [["01/02/2024 17:05"], "ask about 01/02/2024 17:05"],
  [["2024-12-31 17:05", "2024-12-31T17:05:09.123456"], "nothing"],
  [["31/12/2024 later"], "nothing"],
])("a timestamp column of %j", (cells, said) => {
  expect(inShort(cells, "timestamp")).toBe(said)
})

test("the question shows both readings, where the cell stands and what to write", () => {
  const decision = decide(["05/05/2024", "01/02/2024"])
  if (decision.kind !== "ask") throw new Error(decision.kind)
  expect(decision.problem).toMatchObject({
    code: "format-ambiguous",
    exitCode: 5,
    retryable: false,
    message:
      'Column "sold on" is declared date, and no cell tells whether day or month comes first: ' +
      '"01/02/2024" in row 2, line 3, is 2024-02-01 or 2024-01-02.',
    hint:
      "Say in the dataset's settings which it is: " +
      'columns: { formats: { "sold on": "dd/MM/yyyy" } } if the day comes first, ' +
      'columns: { formats: { "sold on": "MM/dd/yyyy" } } if the month does.',
    facts: { file: "sales.csv", column: "sold on", row: 2, line: 3, value: "01/02/2024" },
  })
})

test("a contradiction names both cells", () => {
  const decision = decide(["13/01/2024", "01/15/2024"])
  if (decision.kind !== "ask") throw new Error(decision.kind)
  expect(decision.problem.message).toContain(
    '"13/01/2024" in row 1, line 2, is a day only when the day comes first',
  )
  expect(decision.problem.message).toContain('"01/15/2024" in row 2, line 3, only when the month does')
})

test("the proof is the first cell that can be read in no other order, and ISO cells beside it stay what they are", () => {
  expect(decide(["2024-01-01", "01/02/2024", "13/02/2024", "14/02/2024"])).toEqual({
    kind: "pattern",
    pattern: "dd/MM/yyyy",
    isoToo: true,
    proof: { row: 3, line: 4, value: "13/02/2024" },
  })
})

test(`days that somebody wrote in one order are read back in it, or nobody is sure (seed ${seed})`, () => {
  const day = fc
    .integer({ min: 0, max: 40_000 })
    .map((n) => new Date(n * 86_400_000).toISOString().slice(0, 10))
  fc.assert(
    fc.property(
      fc.array(day, { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom("/", ".", "-"),
      (days, isDayFirst, isPadded, separator) => {
        const cells = days.map((iso) => {
          const [y = "", m = "", d = ""] = iso
            .split("-")
            .map((part) => (isPadded ? part : String(Number(part))))
          return [...(isDayFirst ? [d, m] : [m, d]), y].join(separator)
        })
        const decision = decide(cells)
        const isTold = days.some((iso) => Number(iso.slice(8)) > 12)
        const isSame = days.every((iso) => iso.slice(5, 7) === iso.slice(8))
        expect(decision.kind).toBe(isTold || isSame ? "pattern" : "ask")
        if (decision.kind !== "pattern") return
        const format = compileFormat(decision.pattern, "date")
        if (typeof format === "string") throw new Error(format)
        expect(cells.map((cell) => format.read(cell))).toEqual(days.map((served) => ({ served })))
      },
    ),
    { numRuns: cases, seed },
  )
})
