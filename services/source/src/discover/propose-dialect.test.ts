import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { readForm } from "./form.ts"
import { type ProposedDialect, proposeDialect } from "./propose-dialect.ts"

const usual = {
  quoteChar: '"',
  escapeChar: undefined,
  commentChar: undefined,
  skipLines: 0,
  header: true,
  lineTerminator: "auto",
}
const lines = (...all: string[]) => `${all.join("\n")}\n`

describe("a file is proposed to be read", () => {
  it.each<[string, string, Partial<ProposedDialect>]>([
    ["by commas", "id,name\n1,Ann\n2,Bob\n", { delimiter: ",", width: 2 }],
    ["by semicolons", "id;name\n1;Ann\n2;Bob\n", { delimiter: ";", width: 2 }],
    ["by tabs", "id\tname\r\n1\tAnn\r\n2\tBob\r\n", { delimiter: "\t", width: 2 }],
    ["by bars", "id|name\n1|Ann\n2|Bob", { delimiter: "|", width: 2 }],
    ["by semicolons around decimal commas", "a;b\n1,5;2,5\n3,0;4,1\n0,2;9,9\n", { delimiter: ";", width: 2 }],
    [
      "by semicolons around decimal commas without a header",
      "1,5;2,5\n3,0;4,1\n0,2;9,9\n",
      { delimiter: ";", width: 2, header: false },
    ],
    [
      "by semicolons around addresses",
      "name;address\nAnn;5, Main St\nBob;7, Side St\n",
      { delimiter: ";", width: 2 },
    ],
    ["by commas around lists in bars", "id,tags\n1,a|b\n2,c|d\n3,e|f\n", { delimiter: ",", width: 2 }],
    ["by commas within quotes of more", 'a,b\n"1;2;3",x\n"4;5;6",y\n', { delimiter: ",", width: 2 }],
    ["by commas around times", "t,v\n10:30:00,1\n10:31:00,2\n", { delimiter: ",", width: 2 }],
    [
      "by commas though one record is short",
      "a,b,c\n1,2,3\n4,5\n6,7,8\n9,1,2\n",
      { delimiter: ",", width: 3 },
    ],
    [
      "by commas though a footer is not of the table",
      "a,b\n1,2\n3,4\n5,6\nTotal: 12\n",
      { delimiter: ",", width: 2 },
    ],
    ["as one column", "city\nBern\nZug\n", { width: 1, header: true }],
    ["as one column of numbers", "n\n1\n2\n3\n", { width: 1 }],
    [
      "as one column whose prose has commas",
      lines("note", "well, yes", "no", "maybe, so, what"),
      { delimiter: ";", width: 1 },
    ],
    [
      "as one column of addresses",
      lines("address", "5 Main St, Springfield", "7 Side St, Shelbyville"),
      { delimiter: ";", width: 1 },
    ],
    ["as nothing", "", { delimiter: ",", width: 1, header: true }],
    ["as a header alone", "a;b;c\n", { delimiter: ";", width: 3 }],
    ["as a header without line end", "a|b", { delimiter: "|", width: 2 }],
    ["in apostrophes around a column", "id,name\n1,'Ann'\n2,'Bob'\n", { quoteChar: "'" }],
    [
      "in apostrophes where they are needed",
      "id,name\n1,'Ann, née Bell'\n2,Bob\n3,Cid\n",
      { quoteChar: "'", width: 2 },
    ],
    ["with apostrophes as they are", "id,name\n1,O'Brien\n2,'tis\n3,dogs'\n", { quoteChar: '"' }],
    ["with line ends in quotes", 'id,note\n1,"two\nlines"\n2,"x"\n3,y\n', { delimiter: ",", width: 2 }],
    [
      "without quotes where inches stand",
      'id;size;n\n1;5";2\n2;7";3\n3;9";4\n',
      { delimiter: ";", quoteChar: "", width: 3 },
    ],
    [
      "with backslashes before quotes",
      'id,note\n1,"say \\"hi\\", Ann"\n2,"x"\n3,"y"\n',
      { escapeChar: "\\", width: 2 },
    ],
    [
      "from the line below a title",
      lines("Sales report", "", "id;amount", "1;5", "2;6", "3;7"),
      { delimiter: ";", skipLines: 2, width: 2 },
    ],
    [
      "from the line below several",
      lines("Export of 2024-05-01", "by: Ann", "id,amount,day", "1,5,2024-01-01", "2,6,2024-01-02"),
      { delimiter: ",", skipLines: 2, width: 3 },
    ],
    [
      "from the line below a title with a cell for each column",
      lines("Bericht 2024;;", "id;name;v", "1;a;2", "2;b;3", "3;c;4"),
      { delimiter: ";", skipLines: 1, width: 3 },
    ],
    [
      "from the line below such a title, a date and a line of empty cells",
      lines("Bericht;;", "Stand;01.02.2024;", ";;", "id;name;v", "1;a;2", "2;b;3", "3;c;4"),
      { delimiter: ";", skipLines: 3, width: 3 },
    ],
    [
      "from the line below such a title, where a line of empty cells tells words from words",
      lines("Bericht;;", ";;", "name;city;note", "Ann;Bern;x", "Bob;Zug;y"),
      { delimiter: ";", skipLines: 2, width: 3 },
    ],
    [
      "from the line of years below a title with a cell for each column",
      lines("Population,,,", "country,2019,2020,2021", "CH,1,2,3", "FR,4,5,6"),
      { skipLines: 1, width: 4 },
    ],
    [
      "from the first line, though a column has no name",
      lines("id,name,", "1,Ann,", "2,Bob,", "3,Cid,"),
      { skipLines: 0, width: 3 },
    ],
    [
      "from the first line, though most columns have no name",
      lines("id,,", "1,Ann,2", "2,Bob,3", "3,Cid,4"),
      { skipLines: 0, width: 3 },
    ],
    [
      "from the first line, though most columns have no name and a word is among numbers",
      lines("id,name,", "x1,Ann,Bern", "2,Bob,Zug", "3,Cid,Uri"),
      { skipLines: 0, width: 3 },
    ],
    [
      "from the line below Excel's word on the delimiter",
      "sep=;\r\nid;name;v\r\n1;a;2\r\n2;b;3\r\n",
      { delimiter: ";", skipLines: 1, width: 3 },
    ],
    [
      "by Excel's word where nothing else tells the delimiter",
      "sep=;\nname;note, long\nAnn;x, y\n",
      { delimiter: ";", skipLines: 1, width: 2 },
    ],
    [
      "from the line below Excel's word and a title",
      "sep=,\nSales\n\nid,v\n1,2\n2,3\n",
      { delimiter: ",", skipLines: 3, width: 2 },
    ],
    ["with sep=x as a value", "name\nsep=x\n", { skipLines: 0, width: 1 }],
    ["from the line below blank ones", "\n\na,b\n1,2\n3,4\n", { skipLines: 2, width: 2 }],
    [
      "without comments on the way",
      lines("a,b", "1,2", "# new since May", "3,4", "5,6"),
      { commentChar: "#", width: 2 },
    ],
    [
      "without comments at the top",
      lines("# made by x", "# on Monday", "a,b", "1,2", "3,4"),
      { commentChar: "#", skipLines: 0 },
    ],
    [
      "with a header that begins with #",
      "#id,name\n1,Ann\n2,Bob\n",
      { commentChar: undefined, skipLines: 0 },
    ],
    ["with values that begin with #", "tag,n\n#a,1\n#b,2\nc,3\n", { commentChar: undefined }],
    [
      "without a header where the first record is data",
      "1,Ann,2024-01-01\n2,Bob,2024-01-02\n",
      { header: false },
    ],
    ["without a header where words come again", "x,red\ny,blue\nx,red\nz,blue\n", { header: false }],
    ["with a header where nothing tells", "name,colour\nAnn,red\nBob,blue\n", { header: true }],
    ["with a header of years", "country,2019,2020,2021\nCH,1,2,3\nFR,4,5,6\n", { header: true }],
    ["with a header over blanks and numbers", "id,n\n1,\n2,5\n3,NA\n", { header: true }],
    [
      "with a header that is narrower than its records",
      "a,b,c\n1,2,3,\n4,5,6,\n7,8,9,\n",
      { delimiter: ",", header: true, skipLines: 0, width: 3 },
    ],
    ["by carriage returns", "a,b\r1,2\r3,4\r", { lineTerminator: "cr", width: 2 }],
    ["by carriage returns in quotes too", 'a,b\r"x\ry",2\r3,4\r', { lineTerminator: "cr", width: 2 }],
  ])("%s", (_, text, expected) => {
    expect(proposeDialect(text, true).dialect).toMatchObject({ ...usual, ...expected })
  })

  it("says what speaks for the delimiter, and against the others", () => {
    const text = lines(
      "id;name;n",
      ...Array.from({ length: 411 }, (_, i) => `${i};a${i},b,c;${i}`.slice(0, i % 2 ? 99 : 99)),
    )
    expect(proposeDialect(text, true).because.delimiter).toBe(
      "; gives 3 cells in all 412 records sampled; , gives 1 to 3",
    )
  })

  it("leaves the last record of a cut sample out", () => {
    const { because } = proposeDialect("a;b\n1;2\n3;4\n5", false)
    expect(because.delimiter).toBe("; gives 2 cells in all 3 records sampled")
  })

  it("says what is passed over", () => {
    const { because } = proposeDialect(lines("Sales", "", "id;n", "1;5", "2;6", "# x", "3;7"), true)
    expect(because.skip_lines).toBe('2 lines before the line from which records have 2 cells: "Sales"')
    expect(because.comment_char).toBe('1 line begin with # and are no records; the first: "# x"')
    expect(because.header).toBe('the first record is the header: "id" stands over numbers in column 1')
  })

  it("says what stands above the header, and that it may be one", () => {
    const text = lines("Sales,,Costs,", "North,South,East,West", "1,2,3,4", "5,6,7,8", "9,10,11,12")
    const { dialect, because, notes } = proposeDialect(text, true)
    expect(dialect).toMatchObject({ skipLines: 1, header: true, width: 4 })
    expect(because.skip_lines).toBe('1 line before the first that could name all columns: "Sales,,Costs,"')
    expect(notes).toEqual([
      'Line 1, above the header, seems to be a header too: "Sales,,Costs,". Its words are in no name; to name the columns yourself, add  fields: [one name for each column]  to the dialect.',
    ])
  })

  it("says what stands below the header, and that it may be one", () => {
    const text = lines("id,name,amount", "(int),(text),(EUR)", "1,a,3.5", "2,b,4", "3,c,5")
    expect(proposeDialect(text, true).notes).toEqual([
      'Line 2, below the header, seems to be a header too: "(int),(text),(EUR)". It is served as a row; to leave it out, write  skip_lines: 1  and  fields: [id, name, amount]  in the dialect.',
    ])
  })

  it("takes no record for a second header because of one word", () => {
    expect(proposeDialect(lines("id,name,amount", "x,a,3.5", "2,b,4", "3,c,5"), true).notes).toEqual([])
    expect(proposeDialect(lines("id,name", "x,a", "y,b", "z,c"), true).notes).toEqual([])
  })

  it("says that a header and its records do not fit", () => {
    const told =
      "The header has 3 cells, most records have 4: they will be set aside until the header is mended."
    expect(proposeDialect("a,b,c\n1,2,3,x\n4,5,6,\n", true).notes).toEqual([told])
    expect(proposeDialect("a,b,c\n1,2,3,\n4,5,6,\n", true).notes).toEqual([
      `${told} They end in a delimiter: to have the empty cell behind it cut, add  ragged: truncate  to the dialect.`,
    ])
  })
})

const words = [
  "Ann",
  "O'Brien",
  "New York",
  "well-known",
  "a,b",
  "x;y",
  "p|q",
  "tab\there",
  'say "so"',
  "two\nlines",
  "",
  "née",
  "#7",
]
const knownFile = fc.record({
  delimiter: fc.constantFrom(",", ";", "\t", "|"),
  quote: fc.constantFrom('"', "'"),
  lineEnd: fc.constantFrom("\n", "\r\n"),
  hasHeader: fc.boolean(),
  quotesAll: fc.boolean(),
  // A column of numbers or days, so that a header can be told from data.
  kinds: fc
    .array(fc.constantFrom("integer", "decimal", "date", "word"), { minLength: 1, maxLength: 4 })
    .map((kinds) => ["integer", ...kinds]),
  rows: fc.integer({ min: 5, max: 30 }),
  seed: fc.array(fc.nat(10_000), { minLength: 40, maxLength: 40 }),
})

it("reads a file spelled in a known dialect as the cells that it was spelled from", () => {
  fc.assert(
    fc.property(knownFile, ({ delimiter, quote, lineEnd, hasHeader, quotesAll, kinds, rows, seed }) => {
      let at = 0
      const next = (below: number) => ((seed[at++ % seed.length] ?? 0) + at) % below
      const header = kinds.map((kind, i) => `${kind} ${"abcdef"[i]}`)
      const body = Array.from({ length: rows }, () =>
        kinds.map((kind) => {
          switch (kind) {
            case "integer":
              return String(next(10_000))
            case "decimal":
              return `${next(1000)}.${next(90) + 10}`
            case "date":
              return `2024-0${next(9) + 1}-1${next(9)}`
            default:
              return words[next(words.length)] ?? ""
          }
        }),
      )
      const cells = hasHeader ? [header, ...body] : body
      const spell = (cell: string) =>
        quotesAll || cell.includes(delimiter) || cell.includes(quote) || /[\r\n]/.test(cell)
          ? quote + cell.replaceAll(quote, quote + quote) + quote
          : cell
      const text = cells.map((record) => record.map(spell).join(delimiter) + lineEnd).join("")
      const { dialect } = proposeDialect(text, true)
      const { quoteChar, escapeChar, lineTerminator } = dialect
      const form = {
        delimiter: dialect.delimiter,
        quote: quoteChar,
        escapeSign: escapeChar ?? quoteChar,
        cr: lineTerminator === "cr",
      }
      expect(readForm(text, form).map((record) => record.cells)).toEqual(cells)
      expect(dialect).toMatchObject({ skipLines: 0, commentChar: undefined, header: hasHeader })
    }),
    { numRuns: 1000 },
  )
})
