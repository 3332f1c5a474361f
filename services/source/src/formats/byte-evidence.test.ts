// If this fails, the codec draws the line between two types elsewhere than the contract does: a column gets a type
// that does not hold its cells, or readers disagree on a version.

import { cellForms } from "@flatbed/codec"
import { classifyLexeme, columnTypes } from "@flatbed/contract"
import fc from "fast-check"
import { expect, test } from "vitest"
import { measureNumber } from "../evidence.ts"
import { byteReader } from "./byte-reader.ts"

const dialect = { delimiter: "|", quote: '"' }

/** What the scan says of each lexeme, as the only cell of its column. */
async function tellAll(lexemes: readonly string[], quote: string) {
  const names = lexemes.map((_, i) => `c${i}`)
  const file = `${names.join("|")}\n${lexemes.map((lexeme) => quote + lexeme + quote).join("|")}\n`
  const scan = byteReader.startScan(
    { file: "one.csv", dialect, columns: { drop: [], rename: {}, types: {} }, maxRecordBytes: 1 << 24 },
    { header: () => {}, record: () => {} },
  )
  await scan.push(Buffer.from(file))
  const { evidence } = await scan.end()
  scan.abandon()
  return evidence.map(({ forms, max_integer_digits, max_scale, max_bytes }) => ({
    form: forms[0]?.form,
    digits: max_integer_digits,
    scale: max_scale,
    bytes: max_bytes,
  }))
}

function tellPlainly(lexeme: string) {
  const form = classifyLexeme(lexeme)
  const isNumber = form === "integer" || form === "bigint" || form === "numeric"
  const { integerDigits, scale } = isNumber ? measureNumber(lexeme) : { integerDigits: 0, scale: 0 }
  return { form, digits: integerDigits, scale, bytes: Buffer.byteLength(lexeme) }
}

// Lexemes near a border between forms: whole ones, and such with a sign changed, left out or put in.
const borders = [
  ...[
    "0",
    "-0",
    "00",
    "7",
    "-7",
    "07",
    "999999999",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
  ],
  ...["9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809"],
  ...["123456789012345", "1234567890123456", "12345678901234567890", "9".repeat(999), "9".repeat(1001)],
  ...[
    "1.5",
    "0.05",
    "-.5",
    ".5",
    "5.",
    ".",
    "-",
    "--1",
    "1-",
    "+5",
    "1.2.3",
    "12345678901.123456789",
    "00.5",
  ],
  ...[
    "1e5",
    "1.5e-7",
    "1E+10",
    "1e1000",
    "e5",
    "-e5",
    ".e5",
    "1e",
    `0.${"1".repeat(997)}`,
    `0.${"1".repeat(999)}`,
  ],
  ...["true", "FALSE", "True", "truth", "fals", "falsey", "yes", "t", "tr\u0095e"],
  ...[
    "2024-02-29",
    "2023-02-29",
    "1900-02-29",
    "2000-02-29",
    "0000-01-01",
    "2024-13-01",
    "2024-1-1",
    "2024-02-29x",
  ],
  ...["2024-02-29 07:00", "2024-02-29T07:00:05.123456", "2024-02-29 07:00:05.1234567", "2024-02-29 24:00"],
  ...[
    "2024-02-29 07:00Z",
    "2024-02-29 07:00 Z",
    "2024-02-29 07:00+01",
    "2024-02-29 07:00+0160",
    "2024-02-29 07:00-15:59",
  ],
  ...[
    "2024-02-29 07:00+16:00",
    "2024-02-29 07:60",
    "2024-02-29T07:00:60",
    "382-4657",
    "02134",
    "12:30",
    "é",
    "1é",
    "NaN",
  ],
]
const lexeme = fc
  .oneof(
    fc.constantFrom(...borders),
    fc
      .tuple(fc.constantFrom(...borders), fc.nat(), fc.constantFrom(..."0159.-+eEtT:Z é", ""), fc.boolean())
      .map(([text, at, sign, replaces]) => {
        const place = at % (text.length + 1)
        return text.slice(0, place) + sign + text.slice(replaces ? place + 1 : place)
      }),
    fc.stringMatching(/^-?[0-9]{0,22}(\.[0-9]{0,22})?$/),
  )
  .filter((text) => text !== "")

test("the codec names forms as the contract does", () => {
  // No cell of a CSV is told as JSON by itself.
  const told = columnTypes.filter((type) => type !== "jsonb")
  expect(cellForms.slice(0, told.length)).toEqual(told)
})

test.each([[""], ['"']])(
  "a lexeme between %o has the form, the digits and the length that the contract gives it",
  async (quote) => {
    expect(await tellAll(borders, quote)).toEqual(borders.map(tellPlainly))
    const lexemes = fc.array(lexeme, { minLength: 100, maxLength: 100 })
    await fc.assert(
      fc.asyncProperty(lexemes, async (all) => {
        expect(await tellAll(all, quote)).toEqual(all.map(tellPlainly))
      }),
      { numRuns: 200 },
    )
  },
)
