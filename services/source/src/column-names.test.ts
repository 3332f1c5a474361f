import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { nameColumns } from "./column-names.ts"

const sha8 = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 8)
const namesOf = (header: readonly string[]) => nameColumns(header).map(({ name }) => name)

const long = "x".repeat(64)
const longName = `${"x".repeat(54)}_${sha8(long)}`
// 63 = 54 + "_" + 8: of letters of two bytes 27 fit, of emoji of four 13.
const accents = "é".repeat(32)
const emoji = "😀".repeat(16)

describe("a header's columns are called", () => {
  it.each<[string, string[], string[]]>([
    ["as they are written", ["id", "Order No", "02134", "naïve"], ["id", "Order No", "02134", "naïve"]],
    [
      "as they are written, whatever SQL or JavaScript reads in them",
      ["select", "__proto__", "constructor", 'a"b', "a;b", "a\nb", "c\r\nd", "'", "a.b", "\\N", "--", "$1"],
      ["select", "__proto__", "constructor", 'a"b', "a;b", "a\nb", "c\r\nd", "'", "a.b", "\\N", "--", "$1"],
    ],
    [
      "by their place where they are blank",
      ["a", "", " ", "\u00a0"],
      ["a", "column_2", "column_3", "column_4"],
    ],
    ["by their number where they are alike", ["a", "a", "b", "a"], ["a", "a_2", "b", "a_3"]],
    ["so that people tell them apart, not only Postgres", ["Id", "id", "ID"], ["Id", "id_2", "ID_3"]],
    [
      "so that letters with two cases are alike in any language",
      ["straße", "STRASSE"],
      ["straße", "STRASSE_2"],
    ],
    ["so that composed and decomposed letters are alike", ["é", "e\u0301"], ["é", "e\u0301_2"]],
    ["so that spaces alone make no difference", ["a b", " a  b"], ["a b", " a  b_2"]],
    ["by a name in the file before one that is made", ["a", "a", "a_2"], ["a", "a_3", "a_2"]],
    ["by a name in the file before a place", ["", "column_1"], ["column_1_2", "column_1"]],
    ["without controls", ["a\u0000b", "c\u0007", "d\te", "f\u009b"], ["ab", "c", "de", "f"]],
    ["without bidi and zero-width characters", ["\u202eabc", "d\u200be", "\ufefff"], ["abc", "de", "f"]],
    ["apart when only an unseen character parted them", ["ab", "a\u200bb"], ["ab", "ab_2"]],
    ["by the name that was whole from the start", ["a\u200bb", "ab"], ["ab_2", "ab"]],
    ["by place when nothing else is left of them", ["\u200b", "\u202a\u202c"], ["column_1", "column_2"]],
    ["in full up to 63 bytes", ["x".repeat(63), "é".repeat(31)], ["x".repeat(63), "é".repeat(31)]],
    ["by their beginning and digest past 63 bytes", [long], [longName]],
    [
      "cut between characters",
      [accents, emoji],
      [`${"é".repeat(27)}_${sha8(accents)}`, `${"😀".repeat(13)}_${sha8(emoji)}`],
    ],
    [
      "apart when they agree in the first 63 bytes",
      [`${long}a`, `${long}b`],
      [`${"x".repeat(54)}_${sha8(`${long}a`)}`, `${"x".repeat(54)}_${sha8(`${long}b`)}`],
    ],
    [
      "apart when they are long and the same",
      [long, long],
      [longName, `${"x".repeat(54)}_${sha8(`${longName}_2`)}`],
    ],
    [
      "within 63 bytes, their number included",
      ["y".repeat(63), "y".repeat(63)],
      ["y".repeat(63), `${"y".repeat(54)}_${sha8(`${"y".repeat(63)}_2`)}`],
    ],
  ])("%s", (_, header, names) => {
    expect(namesOf(header)).toEqual(names)
  })
})

describe("the reason of another name", () => {
  it.each<[string[], number, string[]]>([
    [["a", ""], 1, ["it is blank"]],
    [["a", "a"], 1, ['column 1 is called "a"']],
    [["Id", "id"], 1, ['column 1 is called "Id", which differs in case, spaces or composition only']],
    [["", "column_1"], 0, ["it is blank", 'column 2 is called "column_1"']],
    [["a\u200b\u202eb"], 0, ["it held U+200B, U+202E, which cannot be seen"]],
    [["x".repeat(70)], 0, ["it has 70 bytes, and Postgres keeps 63"]],
    [["a", "b"], 1, []],
  ])("of %j, column at %i, is %j", (header, index, because) => {
    expect(nameColumns(header)[index]?.because).toEqual(because)
  })
})

const piece = fc.oneof(
  fc.constantFrom(
    "a",
    "A",
    "b",
    "_2",
    "_3",
    "column_1",
    "column_2",
    " ",
    "\u200b",
    "\u202e",
    "\n",
    "ß",
    "SS",
  ),
  fc.constantFrom("é", "e\u0301", "İ", "ı", "Σ", "ς", "😀", "x".repeat(30), "\u0007", "__proto__"),
  fc.string({ unit: "grapheme", maxLength: 5 }),
)
const anyHeader = fc.array(
  fc.array(piece, { maxLength: 4 }).map((parts) => parts.join("")),
  { minLength: 1, maxLength: 40 },
)

it("gives any header names that fit, that are seen, and of which no two are alike in either case", () => {
  fc.assert(
    fc.property(anyHeader, (header) => {
      const columns = nameColumns(header)
      expect(columns.map(({ written }) => written)).toEqual(header)
      const names = columns.map(({ name }) => name)
      for (const name of names) {
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63)
        expect(name.trim()).not.toBe("")
        expect(name).not.toMatch(/[\u200b-\u200f\u202a-\u202e\u2066-\u2069]/)
        expect(name.replace(/[\r\n]/g, "")).not.toMatch(/\p{Cc}/u)
        expect(Buffer.from(name).toString()).toBe(name)
      }
      expect(new Set(names.map((name) => name.normalize("NFC").toLowerCase().trim())).size).toBe(names.length)
      for (const { name, written, because } of columns) expect(because.length === 0).toBe(name === written)
    }),
    { numRuns: 500 },
  )
})

it("gives names that would stay: a header of them has no trouble", () => {
  fc.assert(
    fc.property(anyHeader, (header) => {
      const names = namesOf(header)
      expect(namesOf(names)).toEqual(names)
    }),
  )
})

it("names a hundred thousand columns of one name without taking its square", () => {
  const names = namesOf(Array.from({ length: 100_000 }, () => "a"))
  expect(names.at(-1)).toBe("a_100000")
})
