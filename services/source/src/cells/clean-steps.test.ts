// If this fails, a cleaning step changes more of a cell than it says, or changes it again when it is done again.
import { createHash, createHmac } from "node:crypto"
import { grammars } from "@flatbed/contract"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  type CleanStep,
  cleanSteps,
  compileStep,
  findStepFault,
  nameOfStep,
  type StepName,
} from "./clean-steps.ts"

const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
const cases = Number(process.env.FLATBED_TEST_CASES ?? 2_000)
const hashKey = "a key of thirty-two characters!!"

/** Stands for a cell that a step cannot go on with. */
const refused = "refused"

function run(steps: readonly CleanStep[], cell: string | null): string | null {
  let at = cell
  for (const step of steps) {
    const { text, ofNull } = compileStep(step, { hashKey })
    const next = at === null ? ofNull : text(at)
    if (typeof next === "object" && next !== null) return refused
    at = next
  }
  return at
}

const hmac = (text: string) => `hmac-sha256:${createHmac("sha256", hashKey).update(text).digest("hex")}`
const sha = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`

// Written by hand: step, cell, cell afterwards.
const table: [CleanStep, string | null, string | null][] = [
  ["trim", "  a b\t", "a b"],
  ["trim", "\u00a0\u202f\u3000\ufeffa\u2028\r\n", "a"],
  ["trim", " \u200b ", "\u200b"],
  ["trim", "", ""],
  ["trim", null, null],
  ["collapse_spaces", "a  b\t\tc\r\nd", "a b c d"],
  ["collapse_spaces", "  a  ", " a "],
  ["collapse_spaces", "a\u00a0b", "a b"],
  ["collapse_spaces", "a b", "a b"],
  ["collapse_spaces", null, null],
  [{ strip_characters: "#*" }, "#1 *2* #", "1 2 "],
  [{ strip_characters: "]-^\\" }, "a]b-c^d\\e", "abcde"],
  [{ strip_characters: "😀" }, "a😀😁", "a😁"],
  [{ strip_characters: "e" }, "été", "été"],
  [{ strip_characters: "a" }, null, null],
  [{ case: "upper" }, "straße ı i", "STRASSE I I"],
  [{ case: "lower" }, "ÀÉ İ ΑΣ", "àé i̇ ας"],
  [{ case: "upper" }, null, null],
  [{ null_if: ["-", "n/a"] }, "-", null],
  [{ null_if: ["-", "n/a"] }, "n/a", null],
  [{ null_if: ["-", "n/a"] }, "N/A", "N/A"],
  [{ null_if: [""] }, "", null],
  [{ null_if: ["-"] }, null, null],
  [{ fill: "x" }, null, "x"],
  [{ fill: "x" }, "", ""],
  [{ fill: "" }, null, ""],
  [{ map: { a: "b" } }, "a", "b"],
  [{ map: { a: "b" } }, "b", "b"],
  [{ map: { a: "b" } }, "A", "A"],
  [{ map: { a: "b" } }, "__proto__", "__proto__"],
  [{ map: { a: "b" } }, "constructor", "constructor"],
  [{ map: { a: "a" } }, "a", "a"],
  [{ map: { a: "b" } }, null, null],
  [{ decimal: "," }, "1,5", "1.5"],
  [{ decimal: "," }, "-0,10", "-0.10"],
  [{ decimal: "," }, "+3,25", "3.25"],
  [{ decimal: "," }, ",5", ".5"],
  [{ decimal: "," }, "12", "12"],
  [{ decimal: "," }, "1,5e3", "1.5e3"],
  [{ decimal: "," }, "1,", "1,"],
  [{ decimal: "," }, "1.5", "1.5"],
  [{ decimal: "," }, "1,234", "1.234e0"],
  [{ decimal: "," }, "0,123", "0.123"],
  [{ decimal: "," }, "1234,567", "1234.567"],
  [{ decimal: "," }, "1,2345", "1.2345"],
  [{ decimal: "," }, "1.234", refused],
  [{ decimal: "," }, "-12.345.678", refused],
  [{ decimal: "," }, "1.234e0", "1.234e0"],
  [{ decimal: "," }, "0.123", "0.123"],
  [{ decimal: "," }, "1.234,5", "1.234,5"],
  [{ decimal: ",", group: " " }, "1.234", refused],
  [{ decimal: "." }, "1.234", "1.234"],
  [{ decimal: "." }, "1,234", "1,234"],
  [{ decimal: "," }, "01,5", "01,5"],
  [{ decimal: "," }, "1,5,0", "1,5,0"],
  [{ decimal: "," }, "", ""],
  [{ decimal: "," }, "-", "-"],
  [{ decimal: "," }, "1,5 €", "1,5 €"],
  [{ decimal: "," }, "NaN", "NaN"],
  [{ decimal: "," }, "9007199254740993,0000000000000000001", "9007199254740993.0000000000000000001"],
  [{ decimal: "," }, null, null],
  [{ decimal: ",", group: "." }, "1.234.567,89", "1234567.89"],
  [{ decimal: ",", group: "." }, "1.234", "1234"],
  [{ decimal: ",", group: "." }, "1,234", "1.234e0"],
  [{ decimal: ",", group: "." }, "-12,345", "-12.345e0"],
  [{ decimal: ",", group: "." }, "1234,567", "1234.567"],
  [{ decimal: ",", group: "." }, "0,123", "0.123"],
  [{ decimal: ",", group: "." }, "1.23", "1.23"],
  [{ decimal: ",", group: "." }, "1.2345", "1.2345"],
  [{ decimal: ",", group: "." }, "12.34.567", "12.34.567"],
  [{ decimal: ",", group: "." }, "0.123", "0.123"],
  [{ decimal: ",", group: "." }, "1.234,5e2", "1.234,5e2"],
  [{ decimal: ",", group: " " }, "1 234 567,8", "1234567.8"],
  [{ decimal: ",", group: " " }, "1\u00a0234\u202f567,8", "1234567.8"],
  [{ decimal: ".", group: "'" }, "1'234’567.8", "1234567.8"],
  [{ decimal: ".", group: "," }, "1,234.5", "1234.5"],
  [{ decimal: ".", group: "," }, "1.234", "1.234"],
  [{ decimal: ".", group: "_" }, "1_000", "1000"],
  [{ unicode: "nfc" }, "e\u0301", "é"],
  [{ unicode: "nfc" }, "ﬁ", "ﬁ"],
  [{ unicode: "nfc" }, null, null],
  [{ epoch: "ms" }, "1540919166796", "2018-10-30T17:06:06.796Z"],
  [{ epoch: "ms" }, "1540919166796.0", "2018-10-30T17:06:06.7960Z"],
  [{ epoch: "ms" }, "1540919166796.1235", "2018-10-30T17:06:06.7961235Z"],
  [{ epoch: "ms" }, "1540919166796.123000", "2018-10-30T17:06:06.796123Z"],
  [{ epoch: "ms" }, "0", "1970-01-01T00:00:00.000Z"],
  [{ epoch: "ms" }, "5", "1970-01-01T00:00:00.005Z"],
  [{ epoch: "ms" }, "-1", "1969-12-31T23:59:59.999Z"],
  [{ epoch: "s" }, "1540919166", "2018-10-30T17:06:06Z"],
  [{ epoch: "s" }, "1540919166.5", "2018-10-30T17:06:06.5Z"],
  [{ epoch: "s" }, "-0.25", "1969-12-31T23:59:59.75Z"],
  [{ epoch: "s" }, "-1.0", "1969-12-31T23:59:59.0Z"],
  [{ epoch: "s" }, "-62135596800", "0001-01-01T00:00:00Z"],
  [{ epoch: "s" }, "-62135596801", "-62135596801"],
  [{ epoch: "s" }, "253402300799", "9999-12-31T23:59:59Z"],
  [{ epoch: "s" }, "253402300800", "253402300800"],
  [{ epoch: "s" }, "1.54e9", "1.54e9"],
  [{ epoch: "s" }, "007", "007"],
  [{ epoch: "s" }, "2018-10-30T17:06:06Z", "2018-10-30T17:06:06Z"],
  [{ epoch: "s" }, "", ""],
  [{ epoch: "s" }, null, null],
  [{ hash: "sha256" }, "", sha("")],
  [{ hash: "sha256" }, "+49 30 1234", sha("+49 30 1234")],
  [{ hash: "sha256" }, sha("a"), sha("a")],
  [{ hash: "sha256" }, "sha256:00", sha("sha256:00")],
  [{ hash: "hmac" }, "+49 30 1234", hmac("+49 30 1234")],
  [{ hash: "hmac" }, sha("a"), hmac(sha("a"))],
  [{ hash: "hmac" }, hmac("a"), hmac("a")],
  [{ hash: "sha256" }, null, null],
]

test.each(table)("%j makes of %j %j", (step, cell, after) => {
  expect(run([step], cell)).toBe(after)
})

test("SHA-256 of the empty text is the one that everybody knows", () => {
  expect(run([{ hash: "sha256" }], "")).toBe(
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  )
})

test("the hand-written table has every step", () => {
  expect(new Set(table.map(([step]) => nameOfStep(step)))).toEqual(
    new Set(cleanSteps.map(({ name }) => name)),
  )
})

// Cells that look like what the steps look for, and cells that look like nothing.
const number = fc
  .tuple(
    fc.constantFrom("", "-", "+"),
    fc.array(fc.constantFrom("0", "1", "23", "456", "7890", ".", ",", " ", "\u00a0", "'", "_"), {
      maxLength: 7,
    }),
    fc.constantFrom("", ",5", ",123", ".123", ".5", "e3", "Z"),
  )
  .map(([sign, parts, end]) => sign + parts.join("") + end)
const cell = fc.oneof(
  number,
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom(" ", "\t", "\u00a0", "a", "B", "#", "ß", "Σ", "İ", "\u0301", "-"),
    maxLength: 8,
  }),
  fc.constantFrom("a", "b", "-", "n/a", "x", "2018-10-30T17:06:06.796Z", sha("a"), hmac("b")),
)
const word = fc.oneof(fc.constantFrom("a", "b", "x", "-", "", "__proto__"), fc.string({ maxLength: 3 }))
const map = fc
  .dictionary(word, word, { minKeys: 1, maxKeys: 4 })
  .filter((map) => findStepFault({ map }, {}) === undefined)
const fixedSteps: readonly CleanStep[] = [
  "trim",
  "collapse_spaces",
  { case: "upper" },
  { case: "lower" },
  { decimal: "," },
  { decimal: ",", group: "." },
  { decimal: ",", group: " " },
  { decimal: ".", group: "," },
  { decimal: ".", group: "'" },
  { decimal: ",", group: "_" },
  { unicode: "nfc" },
  { epoch: "ms" },
  { epoch: "s" },
  { hash: "sha256" },
  { hash: "hmac" },
]
const drawnSteps: { readonly [Name in StepName]?: fc.Arbitrary<CleanStep> } = {
  strip_characters: fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 3 })
    .map((strip_characters) => ({ strip_characters })),
  null_if: fc.array(word, { minLength: 1, maxLength: 3 }).map((null_if) => ({ null_if })),
  fill: word.map((fill) => ({ fill })),
  map: map.map((map) => ({ map })),
}
const step = fc.oneof(fc.constantFrom(...fixedSteps), ...Object.values(drawnSteps))
const stepOf = (name: StepName) =>
  drawnSteps[name] ?? fc.constantFrom(...fixedSteps.filter((one) => nameOfStep(one) === name))

test(`every step does nothing the second time (seed ${seed})`, () => {
  fc.assert(
    fc.property(step, fc.option(cell), (step, cell) => {
      const once = run([step], cell)
      if (once !== refused) expect(run([step], once)).toBe(once)
    }),
    { numRuns: cases * 10, seed },
  )
})

test("a change of case is the whole of it for every character there is", () => {
  for (const step of [{ case: "upper" }, { case: "lower" }, { unicode: "nfc" }] satisfies CleanStep[]) {
    const { text } = compileStep(step, {})
    for (let code = 1; code < 0x110000; code += 1) {
      if (code >= 0xd800 && code <= 0xdfff) continue
      const once = text(String.fromCodePoint(code))
      if (typeof once !== "string" || text(once) !== once)
        throw new Error(`${JSON.stringify(step)} of U+${code.toString(16)}`)
    }
  }
})

/**
 * Lists are gone through once, in the order written, and not every order is the same twice: `trim` before
 * `strip_characters` leaves what a second `trim` would take. These orders, which people need, are.
 */
const space: StepName[] = ["trim", "collapse_spaces"]
const safePairs: [StepName[], StepName[]][] = [
  [cleanSteps.map(({ name }) => name).filter((name) => name !== "fill"), ["null_if"]],
  [["null_if"], ["fill"]],
  [space, [...space, "decimal", "epoch", "hash", "case", "unicode"]],
  [["strip_characters"], ["trim"]],
  [["case"], space],
]

test(`pairs of steps in a sensible order do nothing the second time (seed ${seed})`, () => {
  const pairs = safePairs.flatMap(([ones, others]) => ones.flatMap((a) => others.map((b) => [a, b] as const)))
  for (const [first, second] of pairs)
    fc.assert(
      fc.property(stepOf(first), stepOf(second), fc.option(cell), (one, other, cell) => {
        const once = run([one, other], cell)
        if (once !== refused) expect(run([one, other], once)).toBe(once)
      }),
      { numRuns: cases, seed },
    )
})

test(`decimal keeps every digit and makes a number of every number (seed ${seed})`, () => {
  const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 40 })
  const signs: [string, string | undefined][] = [
    [",", undefined],
    [",", "."],
    [",", " "],
    [".", ","],
    [".", "'"],
  ]
  fc.assert(
    fc.property(
      fc.bigInt(0n, 10n ** 30n),
      fc.option(digits),
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom(...signs),
      (whole, fraction, isNegative, isGrouped, [decimal, group]) => {
        const plain = `${isNegative ? "-" : ""}${whole}${fraction === null ? "" : `.${fraction}`}`
        const spelled =
          isGrouped && group !== undefined ? groupDigits(whole.toString(), group) : whole.toString()
        const written = `${isNegative ? "-" : ""}${spelled}${fraction === null ? "" : decimal + fraction}`
        const step = { decimal, ...(group === undefined ? {} : { group }) } as CleanStep
        const served = run([step], written) ?? ""
        expect(served.replace(/e0$/, "")).toBe(plain)
        expect(grammars.numeric.accepts(served)).toBe(true)
      },
    ),
    { numRuns: cases, seed },
  )
})

function groupDigits(digits: string, group: string): string {
  const groups: string[] = []
  for (let end = digits.length; end > 0; end -= 3) groups.unshift(digits.slice(Math.max(0, end - 3), end))
  return groups.join(group)
}

test(`epoch is what Date says, for every millisecond that both know (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
      expect(run([{ epoch: "ms" }], String(ms))).toBe(new Date(ms).toISOString())
    }),
    { numRuns: cases, seed },
  )
})

describe("settings that would not do the same twice are refused", () => {
  test.each([
    [{ map: { a: "b", b: "c" } }, /turns "a" into "b" and "b" into "c"/],
    [{ map: { a: "b", b: "a" } }, /doing it twice/],
    [{ decimal: ",", group: "," }, /the same sign/],
    [{ hash: "hmac" }, /needs a key/],
  ] satisfies [CleanStep, RegExp][])("%j", (step, reason) => {
    expect(findStepFault(step, {})).toMatch(reason)
  })

  test.each([
    [{ map: { a: "b", b: "b" } }],
    [{ map: { a: "b", c: "b" } }],
    [{ hash: "sha256" }],
    ["trim"],
  ] as CleanStep[][])("%j is none of them", (step) => {
    expect(findStepFault(step as CleanStep, {})).toBeUndefined()
  })
})
