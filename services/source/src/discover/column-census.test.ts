import { describe, expect, it } from "vitest"
import { createColumnCensus } from "./column-census.ts"

function find(cells: readonly (string | null)[]) {
  const census = createColumnCensus("c")
  cells.forEach((cell, i) => {
    census.add(cell, i + 1, i + 2)
  })
  return census.finish()
}

const nothing = {
  trim: false,
  nullWords: [],
  spelling: undefined,
  format: undefined,
  booleans: undefined,
}

describe("a text column is proposed as", () => {
  it.each<[string, (string | null)[], object]>([
    ["numbers with a decimal comma", ["1,5", "2", "-0,25"], { type: "numeric", spelling: { decimal: "," } }],
    [
      "numbers with thousands points",
      ["1.234,50", "7", null],
      { type: "numeric", spelling: { decimal: ",", group: "." } },
    ],
    [
      "numbers whose point groups, though one has four digits behind a comma",
      ["1.234", "0,1234"],
      { spelling: { decimal: ",", group: "." } },
    ],
    [
      "numbers with thousands commas",
      ["1,234.50", "7.25"],
      { type: "numeric", spelling: { decimal: ".", group: "," } },
    ],
    [
      "whole numbers with two thousands commas",
      ["1,234,567", "1,234"],
      { type: "integer", spelling: { decimal: ".", group: "," } },
    ],
    [
      "numbers with spaces",
      ["1 234,5", "12\u00a0345,5", "1\u202f000"],
      { spelling: { decimal: ",", group: " " } },
    ],
    ["numbers with apostrophes", ["1'234.50", "3"], { spelling: { decimal: ".", group: "'" } }],
    [
      "whole numbers beside words for nothing",
      ["1", "NA", "3", "n/a"],
      { type: "integer", nullWords: [{ word: "NA" }, { word: "n/a" }] },
    ],
    [
      "days beside a dash",
      ["2024-01-31", "-"],
      { type: "date", format: undefined, nullWords: [{ word: "-" }] },
    ],
    ["truth beside null", ["true", "null", "False"], { type: "boolean", nullWords: [{ word: "null" }] }],
    ["numbers with spaces around", ["1", " 2", "3 "], { type: "integer", trim: true, nullWords: [] }],
    [
      "comma numbers beside words for nothing and with spaces",
      ["1,5", " 2,5 ", "NULL"],
      { type: "numeric", trim: true, nullWords: [{ word: "NULL" }], spelling: { decimal: "," } },
    ],
    ["days that come first", ["01.02.2024", "31.01.2024"], { type: "date", format: "dd.MM.yyyy" }],
    ["months that come first", ["1/2/2024", "12/31/2024"], { type: "date", format: "M/d/yyyy" }],
    ["times", ["31.01.2024 10:30", "01.02.2024 00:00"], { type: "timestamp", format: "dd.MM.yyyy H:mm" }],
    [
      "days in two spellings, one of them ISO",
      ["31.01.2024", "2024-02-01"],
      { type: "date", format: undefined },
    ],
    [
      "truth in other words",
      ["yes", "no", null, "yes"],
      { type: "boolean", booleans: { true: ["yes"], false: ["no"] } },
    ],
    [
      "truth in several spellings",
      ["Ja", "NEIN", "ja ", "nein", "NA"],
      {
        type: "boolean",
        trim: true,
        nullWords: [{ word: "NA" }],
        booleans: { true: ["Ja", "ja"], false: ["NEIN", "nein"] },
      },
    ],
    ["truth in letters", ["Y", "N"], { type: "boolean", booleans: { true: ["Y"], false: ["N"] } }],
    ["days with the year first", ["2024/01/31", "2024/12/01"], { type: "date", format: "yyyy/MM/dd" }],
    ["days with short numbers", ["2024/1/31", "2024/12/01"], { type: "date", format: "yyyy/M/d" }],
    ["days of named months", ["12-Jan-2024", "3-feb-2024"], { type: "date", format: "d-MMM-yyyy" }],
    ["days of whole names", ["May 12, 2024", "June 3, 2024"], { type: "date", format: "MMMM d, yyyy" }],
    [
      "times with the year first",
      ["2024/01/31 10:30", "2024/02/01 23:59"],
      { type: "timestamp", format: "yyyy/MM/dd HH:mm" },
    ],
    [
      "days beside words for nothing",
      ["31.01.2024", "NA"],
      { format: "dd.MM.yyyy", nullWords: [{ word: "NA" }] },
    ],
  ])("%s", (_, cells, expected) => {
    expect(find(cells).proposal).toMatchObject({ ...nothing, ...expected })
  })

  it.each<[string, (string | null)[]]>([
    ["words", ["Ann", "Bob"]],
    ["words among which NA stands", ["DE", "NA", "CH"]],
    ["words for nothing alone", ["NA", "-", null]],
    ["codes with leading zeros", ["007", "02134"]],
    ["numbers and one word", ["1,5", "2,5", "hello"]],
    ["points and commas that contradict each other", ["1,5", "2.5"]],
    ["dates and numbers", ["31.01.2024", "5"]],
    ["a day that does not exist", ["31.01.2024", "32.01.2024"]],
    ["two ways of writing dates", ["31.01.2024", "31/01/2024"]],
    ["nothing", []],
    ["one word for no alone", ["no", "no"]],
    ["words for yes and no, and a third", ["yes", "no", "maybe"]],
    ["yes of one language and no of another", ["yes", "nein"]],
    ["letters that are no pair", ["m", "f"]],
    ["days of named months and a word", ["12-Jan-2024", "soon"]],
    ["days with the year first, one of which does not exist", ["2024/02/29", "2023/02/29"]],
    ["version numbers", ["1.2.3", "1.2.4"]],
    ["empty text among numbers", ["1,5", ""]],
  ])("nothing else when it holds %s", (_, cells) => {
    expect(find(cells)).toEqual({})
  })

  it.each<[string, string[], RegExp]>([
    [
      "a comma is a decimal sign",
      ["1,234", "5,678"],
      /no cell tells whether "1,234" in row 1, line 2, has a decimal comma or thousands.*decimal: ",".*group: ","/,
    ],
    [
      "the day comes first",
      ["01/02/2024", "03/04/2024"],
      /^Column "c" seems to hold dates and stays text, and no cell tells whether day or month comes first.*dd\/MM\/yyyy/,
    ],
    [
      "the day comes first, since the cells contradict each other",
      ["31/01/2024", "01/31/2024"],
      /contradict each other/,
    ],
    ["the century is this one", ["31.01.24", "01.02.24"], /two digits/],
  ])("nothing, and asks, when no cell tells whether %s", (_, cells, note) => {
    const found = find(cells)
    expect(found.proposal).toBeUndefined()
    expect(found.note).toMatch(note)
  })

  it("says which cell made it so", () => {
    expect(find(["1.234,50", "NA", " 3"]).proposal?.because).toBe(
      'with "," as the decimal sign, thousands parted by ".", 2 cells are numbers; the first: "1.234,50" in row 1, line 2; " 3" in row 3, line 4, has spaces around it; "NA" in row 2, line 3, stands for nothing',
    )
    expect(find(["Y", "N", "y"]).proposal?.because).toBe(
      '"Y", "y" and "N" are all that its cells say; the first: "Y" in row 1, line 2',
    )
    expect(find(["2024/01/31"]).proposal?.because).toBe(
      'every value is a date written as yyyy/MM/dd; the first: "2024/01/31" in row 1, line 2',
    )
    expect(find(["01.02.2024", "31.01.2024"]).proposal?.because).toBe(
      '"31.01.2024" in row 2, line 3, can be read in no other order',
    )
  })
})
