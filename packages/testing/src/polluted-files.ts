/**
 * CSV files with one kind of damage each, by the classes of the Pollock benchmark (Vitagliano et al., "Pollock: A Data
 * Loading Benchmark", VLDB 2023): the dialect to read them with, the cells of every clean record, and the place of every
 * damaged one. Bytes and expectation are written side by side, from no reader's rules but RFC 4180's and these two: a
 * record that cannot be told apart ends at the next line on which a whole record of the header's width begins; a record
 * of another width, or with bytes that are no text, is damaged. So that the first rule has one answer for every file, no
 * quoted cell begins with a delimiter or a line end, and no line inside a cell looks like a record.
 *
 * Long because it is a list, one entry a class, and they share what is above them.
 */
import { createHash } from "node:crypto"
import { encodeText, lettersOf, type PollutedEncoding, singleByteEncodings } from "./polluted-encodings.ts"
import {
  cleanRow,
  type ExpectedRecord,
  type Piece,
  quoted,
  type Spelling,
  spellCell,
  spellRow,
  type WriteOptions,
  type WrittenCell,
  writePieces,
} from "./polluted-writer.ts"

export type PollutedFile = {
  readonly name: string
  readonly pollution: Pollution
  readonly bytes: Buffer
  /** Settings of the dataset's `dialect`, those that are not the default. */
  readonly dialect: Readonly<Record<string, unknown>>
  /** Settings of `columns.types`. */
  readonly types: Readonly<Record<string, string>>
  /** Names as they are served. */
  readonly columns: readonly string[]
  /** Clean and damaged records in the file's order. Empty when the file is refused. */
  readonly records: readonly ExpectedRecord[]
  /** The problem for which the whole file is refused. */
  readonly refused: string | undefined
}

type Row = readonly WrittenCell[]
type Shape = { readonly spelling: Spelling; readonly dialect: Readonly<Record<string, unknown>> }
type Extras = WriteOptions & {
  readonly dialect?: Readonly<Record<string, unknown>>
  readonly types?: Readonly<Record<string, string>>
  readonly columns?: readonly string[]
  readonly refused?: string
}
/** A file before it has a name. */
type Draft = Omit<PollutedFile, "name" | "pollution">

const lf: Shape = { spelling: { delimiter: ",", quote: '"', newline: "\n" }, dialect: {} }
const crlf: Shape = { spelling: { delimiter: ",", quote: '"', newline: "\r\n" }, dialect: {} }
const semicolon: Shape = {
  spelling: { delimiter: ";", quote: '"', newline: "\r\n" },
  dialect: { delimiter: ";" },
}
const tab: Shape = { spelling: { delimiter: "\t", quote: '"', newline: "\n" }, dialect: { delimiter: "tab" } }
const bar: Shape = {
  spelling: { delimiter: "|", quote: "'", newline: "\n" },
  dialect: { delimiter: "|", quote_char: "'" },
}
const escaped: Shape = {
  spelling: { delimiter: ",", quote: '"', escape: "\\", newline: "\n" },
  dialect: { escape_char: "\\", double_quote: false },
}
const shapes = [lf, crlf, semicolon, tab, bar]

const header = ["id", "name", "note", "price", "place"]

/** Eight records: plain, quoted, empty, of two lines. Numbers stand first, so that a type can tell a footnote. */
function baseRows({ delimiter: d, quote: q }: Spelling): Row[] {
  return [
    ["1", "Anna", "hello", "1.50", "Berlin"],
    ["2", `Miller${d} Bo`, `said ${q}hi${q} twice`, "20", ""],
    ["3", null, "two\nlines", "-0.5", "Rome"],
    ["4", "Zoë", "=1+1", "1000", "Ñandú"],
    ["5", quoted("Eve"), quoted("all quoted"), quoted("7"), quoted("last")],
    ["6", "\\N", "it´s", "0.10", null],
    ["7", quoted("Ida"), " padded ", "9007199254740993", "😀"],
    ["8", "Max", `end${d} of it`, "-0", "Oslo"],
  ]
}

/** First, a quoted one, one of two lines, last: where damage behaves differently. */
const damagedRows = [0, 1, 2, 4, 7]
const damagedColumns = [0, 2, 4]
const places = damagedRows.flatMap((row) => damagedColumns.map((column) => ({ row, column })))

/** A header and records. */
function draft(shape: Shape, pieces: readonly Piece[], extras: Extras = {}): Draft {
  const { bytes, records } = writePieces(pieces, shape.spelling, extras)
  return {
    bytes,
    dialect: { ...shape.dialect, ...extras.dialect },
    types: extras.types ?? {},
    columns: extras.columns ?? header,
    records: extras.refused === undefined ? records : [],
    refused: extras.refused,
  }
}

const headOf = ({ spelling }: Shape, names: Row = header): Piece => ({ passed: spellRow(names, spelling) })
const basePieces = ({ spelling }: Shape): Piece[] => baseRows(spelling).map((row) => cleanRow(row, spelling))
const wholeFile = (shape: Shape, extras?: Extras) =>
  draft(shape, [headOf(shape), ...basePieces(shape)], extras)

/** The base file with one record written otherwise. */
function withRecord(shape: Shape, at: number, piece: Piece | readonly Piece[], extras?: Extras): Draft {
  const pieces = basePieces(shape)
  pieces.splice(at, 1, ...[piece].flat())
  return draft(shape, [headOf(shape), ...pieces], extras)
}

/** The base file with one cell of one record spelled otherwise; `word` stands in that cell. */
function withCell(
  shape: Shape,
  { row, column }: { readonly row: number; readonly column: number },
  spell: (quote: string, delimiter: string) => string | Buffer,
): Draft {
  const { delimiter, quote } = shape.spelling
  const cells = (baseRows(shape.spelling)[row] ?? []).map((cell) =>
    Buffer.from(spellCell(cell, shape.spelling)),
  )
  cells[column] = Buffer.from(spell(quote, delimiter))
  return withRecord(shape, row, { damage: joinCells(cells, delimiter) })
}

function joinCells(cells: readonly Buffer[], delimiter: string): Buffer {
  return Buffer.concat(cells.flatMap((cell, i) => (i === 0 ? [cell] : [Buffer.from(delimiter), cell])))
}

const word = "word"

/** The classes; each makes its files, all told apart by what stands before the colon. */
const pollutions = {
  "missing cells": () =>
    [lf, semicolon, bar].flatMap((shape) =>
      damagedRows.flatMap((at) => [1, 2, 4].map((cells) => withRecord(shape, at, shorter(shape, at, cells)))),
    ),
  "extra cells": () =>
    [crlf, tab, bar].flatMap((shape) =>
      damagedRows.flatMap((at) =>
        [["more"], ["", null], [quoted("a"), "b", null, "d"]].map((more) =>
          withRecord(shape, at, {
            damage: spellRow([...(baseRows(shape.spelling)[at] ?? []), ...more], shape.spelling),
          }),
        ),
      ),
    ),
  "a stray quote": () =>
    shapes.flatMap((shape) =>
      places.flatMap((place) => [
        withCell(shape, place, (q) => `wo${q}rd`),
        withCell(shape, place, (q) => `${q}wo${q}rd${q}`),
      ]),
    ),
  "a missing closing quote": () =>
    shapes.flatMap((shape) => places.map((place) => withCell(shape, place, (q) => `${q}${word}`))),
  "a missing opening quote": () =>
    [crlf, semicolon, bar].flatMap((shape) =>
      places.map((place) => withCell(shape, place, (q) => `${word}${q}`)),
    ),
  "something behind a closing quote": () =>
    [lf, semicolon, bar].flatMap((shape) =>
      places.flatMap((place) =>
        ["x", " "].map((more) => withCell(shape, place, (q) => `${q}${word}${q}${more}`)),
      ),
    ),
  "a delimiter inside an unquoted cell": () =>
    shapes.flatMap((shape) => places.map((place) => withCell(shape, place, (_q, d) => `${word}${d}${word}`))),
  "a missing delimiter": () =>
    [lf, semicolon, tab].flatMap((shape) =>
      [0, 3].flatMap((at) =>
        [1, 2, 3, 4].map((column) => {
          const cells = (baseRows(shape.spelling)[at] ?? []).map((cell) => spellCell(cell, shape.spelling))
          const joined = [
            ...cells.slice(0, column - 1),
            cells.slice(column - 1, column + 1).join(""),
            ...cells.slice(column + 1),
          ]
          return withRecord(shape, at, { damage: joined.join(shape.spelling.delimiter) })
        }),
      ),
    ),
  "another delimiter in one record": () =>
    shapes.flatMap((shape) =>
      [",", ";", "\t", "|", " "]
        .filter((delimiter) => delimiter !== shape.spelling.delimiter)
        .flatMap((delimiter) =>
          [0, 3, 4].map((at) =>
            withRecord(shape, at, {
              damage: spellRow(baseRows(shape.spelling)[at] ?? [], { ...shape.spelling, delimiter }),
            }),
          ),
        ),
    ),
  "another quote in one record": () =>
    [lf, semicolon, tab].flatMap((shape) =>
      [1, 7].map((at) =>
        withRecord(shape, at, {
          damage: spellRow(baseRows(shape.spelling)[at] ?? [], { ...shape.spelling, quote: "'" }),
        }),
      ),
    ),
  "another quote that is only a sign": () =>
    [lf, semicolon, tab].flatMap((shape) =>
      [0, 3].map((at) => {
        const row = (baseRows(shape.spelling)[at] ?? []).map((cell) => `'${cell}'`)
        return withRecord(shape, at, cleanRow(row, shape.spelling))
      }),
    ),
  "another escape in one record": () => [
    ...[lf, semicolon, tab].flatMap((shape) =>
      damagedColumns.flatMap((column) =>
        [0, 4, 7].map((row) => withCell(shape, { row, column }, (q) => `${q}say \\${q}hi\\${q}${q}`)),
      ),
    ),
    ...places.map((place) => withCell(escaped, place, (q) => `${q}say ${q}${q}hi${q}${q}${q}`)),
  ],
  "another delimiter": () =>
    [",", ";", "\t", "|", ":", "^", "~", " "].flatMap((delimiter) =>
      (["\n", "\r\n"] as const).map((newline) =>
        wholeFile({
          spelling: { delimiter, quote: '"', newline },
          dialect: { delimiter: delimiter === "\t" ? "\\t" : delimiter },
        }),
      ),
    ),
  "another quote": () =>
    ["'", "`", "~", "*"].flatMap((quote) =>
      [",", ";"].flatMap((delimiter) =>
        (["\n", "\r\n"] as const).map((newline) =>
          wholeFile({ spelling: { delimiter, quote, newline }, dialect: { delimiter, quote_char: quote } }),
        ),
      ),
    ),
  "no quotes": () =>
    [",", ";", "\t"].map((delimiter) => {
      const spelling: Spelling = { delimiter, quote: "", newline: "\n" }
      const rows: Row[] = [
        ["1", '"', 'said "hi"', '""', null],
        ["2", '"half', "'s", "x", "ä"],
      ]
      const shape = { spelling, dialect: { delimiter, quote_char: "" } }
      return draft(shape, [headOf(shape), ...rows.map((row) => cleanRow(row, spelling))])
    }),
  "another escape": () =>
    ["\\", "^", "/"].flatMap((sign) =>
      [",", ";"].flatMap((delimiter) =>
        (["\n", "\r\n"] as const).map((newline) =>
          wholeFile({
            spelling: { delimiter, quote: '"', escape: sign, newline },
            dialect: { delimiter, escape_char: sign, double_quote: false },
          }),
        ),
      ),
    ),
  "extra header lines": () =>
    [lf, semicolon, bar].flatMap((shape) =>
      [1, 2, 3, 5].map((lines) => before(shape, Array<string>(lines).fill(spellRow(header, shape.spelling)))),
    ),
  preamble: () =>
    [lf, crlf, semicolon, tab].flatMap((shape) => {
      const { delimiter: d, quote: q } = shape.spelling
      const delimited = `Report of the day${d}${d}${d}${d}`
      const kinds = [["Report of the day"], [delimited], ["Report of the day", ""], [delimited, d.repeat(4)]]
      return [...kinds, ["a", "b", "c", "d", "e"], [`it is 5${q} long`], ["", ""]].map((lines) =>
        before(shape, lines),
      )
    }),
  footnotes: () =>
    [lf, crlf, semicolon, tab].flatMap((shape) => {
      const { delimiter: d } = shape.spelling
      const delimited = `Source: the office${d}${d}${d}${d}`
      const kinds = [
        ["Source: the office"],
        ["", "Source: the office"],
        ["a note", "another"],
        [delimited],
        ["", delimited, delimited],
      ]
      return kinds.map((notes) =>
        draft(shape, [headOf(shape), ...basePieces(shape), ...notes.map((damage) => ({ damage }))], {
          types: { id: "integer" },
        }),
      )
    }),
  "blank lines": () =>
    [lf, crlf, semicolon].flatMap((shape) =>
      [0, 2, 3, 8].flatMap((at) =>
        [[""], ["", ""], ["  "]].map((blanks) => {
          const pieces = basePieces(shape)
          pieces.splice(at, 0, ...blanks.map((damage) => ({ damage })))
          return draft(shape, [headOf(shape), ...pieces])
        }),
      ),
    ),
  "spaces around cells": () =>
    [lf, semicolon, tab].flatMap((shape) =>
      [0, 3].flatMap((at) =>
        damagedColumns.flatMap((column) =>
          ["  x", "x  ", " "].map((text) =>
            withRecord(shape, at, cleanRow(replaced(shape, at, column, text), shape.spelling)),
          ),
        ),
      ),
    ),
  "spaces before a quoted cell": () =>
    [crlf, semicolon, bar].flatMap((shape) =>
      places.map((place) => withCell(shape, place, (q) => ` ${q}${word}${q}`)),
    ),
  "mixed line ends": () =>
    [lf, semicolon].flatMap((shape) =>
      damagedRows.map((at) => {
        const end = shape.spelling.newline === "\n" ? "\r\n" : "\n"
        return draft(shape, [
          headOf(shape),
          ...basePieces(shape).map((piece, i) => (i === at ? { ...piece, end } : piece)),
        ])
      }),
    ),
  "a carriage return for a line end": () =>
    [lf, crlf, semicolon].flatMap((shape) =>
      [0, 3, 5].map((at) => {
        const pieces = basePieces(shape)
        const [one, two] = [at, at + 1].map((i) =>
          spellRow(baseRows(shape.spelling)[i] ?? [], shape.spelling),
        )
        pieces.splice(at, 2, { damage: `${one}\r${two}` })
        return draft(shape, [headOf(shape), ...pieces])
      }),
    ),
  "other line ends": () =>
    [",", ";"].flatMap((delimiter) =>
      (["\n", "\r\n", "\r"] as const).flatMap((newline) =>
        [true, false].map((lastEnd) =>
          wholeFile(
            {
              spelling: { delimiter, quote: '"', newline },
              dialect: { delimiter, ...(newline === "\r" ? { line_terminator: "cr" } : {}) },
            },
            { lastEnd },
          ),
        ),
      ),
    ),
  "no header": () =>
    [...shapes, escaped].map((shape) =>
      draft(shape, basePieces(shape), { dialect: { header: false, fields: header } }),
    ),
  "declared names": () => {
    const columns = ["a", "b", "c", "d", "e"]
    return [...shapes, escaped].map((shape) => wholeFile(shape, { columns, dialect: { fields: columns } }))
  },
  "header names": () =>
    [lf, semicolon].flatMap((shape) => {
      const long = "é".repeat(40)
      return [
        {
          written: ["id", "name", null, "price", "place"],
          columns: ["id", "name", "column_3", "price", "place"],
        },
        {
          written: ["id", "  ", "note", "price", quoted("")],
          columns: ["id", "column_2", "note", "price", "column_5"],
        },
        {
          written: ["id", "name", "name", "price", "name"],
          columns: ["id", "name", "name_2", "price", "name_3"],
        },
        {
          written: ["id", "name", "note", "Name", "place"],
          columns: ["id", "name", "note", "Name_2", "place"],
        },
        {
          written: ["id", long, "note", "price", "place"],
          columns: ["id", shortened(long), "note", "price", "place"],
        },
        {
          written: ["__proto__", "a;b,c", 'say "hi"', "constructor", "x\ny"],
          columns: ["__proto__", "a;b,c", 'say "hi"', "constructor", "x\ny"],
        },
        {
          written: ["i\u200bd", "na\u202eme", "no\u0001te", "price", "\u2066\u2069"],
          columns: ["id", "name", "note", "price", "column_5"],
        },
      ].map(({ written, columns }) =>
        draft(shape, [headOf(shape, written), ...basePieces(shape)], { columns }),
      )
    }),
  "a damaged header": () =>
    [lf, semicolon].flatMap((shape) => {
      const { delimiter: d, quote: q } = shape.spelling
      return [`id${d}na${q}me${d}note`, `id${d}${q}name${q}x${d}note`].map((head) =>
        draft(shape, [{ passed: head }, ...basePieces(shape)], { refused: "record-malformed" }),
      )
    }),
  comments: () =>
    [lf, semicolon].flatMap((shape) =>
      ["#", "%"].flatMap((sign) =>
        [[0], [3], [8], [0, 1, 4, 8]].map((at) => {
          const comment = (i: number): Piece => ({
            passed: `${sign} note ${i} of ${shape.spelling.quote} the writer`,
          })
          const pieces = basePieces(shape).flatMap((piece, i) =>
            at.includes(i) ? [comment(i), piece] : [piece],
          )
          const last = at.includes(8) ? [comment(8)] : []
          return draft(shape, [headOf(shape), ...pieces, ...last], { dialect: { comment_char: sign } })
        }),
      ),
    ),
  "short records, padded": () =>
    [lf, semicolon].flatMap((shape) =>
      damagedRows.flatMap((at) =>
        [1, 3].map((missing) => {
          const row = baseRows(shape.spelling)[at]?.slice(0, 5 - missing) ?? []
          const { clean, cells } = cleanRow(row, shape.spelling) as {
            clean: string
            cells: readonly (string | null)[]
          }
          const padded = [...cells, ...Array<null>(missing).fill(null)]
          return withRecord(shape, at, { clean, cells: padded }, { dialect: { ragged: "pad" } })
        }),
      ),
    ),
  "long records, cut": () =>
    [lf, semicolon].flatMap((shape) =>
      damagedRows.flatMap((at) =>
        [["more"], [quoted("a"), null]].map((more) => {
          const row = baseRows(shape.spelling)[at] ?? []
          const { cells } = cleanRow(row, shape.spelling) as { cells: readonly (string | null)[] }
          const clean = spellRow([...row, ...more], shape.spelling)
          return withRecord(shape, at, { clean, cells }, { dialect: { ragged: "truncate" } })
        }),
      ),
    ),
  "words for nothing": () =>
    [lf, semicolon].map((shape) => {
      const rows: Row[] = [
        ["1", "NA", quoted("NA"), "-", null],
        ["2", "", "na", "NA ", "-"],
      ]
      const [first, second] = rows.map((row) => spellRow(row, shape.spelling))
      const pieces: Piece[] = [
        { clean: first ?? "", cells: ["1", null, "NA", null, null] },
        { clean: second ?? "", cells: ["2", "", "na", "NA ", null] },
      ]
      return draft(shape, [headOf(shape), ...pieces], { dialect: { null_values: ["", "NA", "-"] } })
    }),
  encodings: () => [
    ...singleByteEncodings.flatMap((encoding) =>
      [lf, semicolon].map((shape) =>
        lettered(shape, lettersOf(encoding), { encoding, dialect: { encoding } }),
      ),
    ),
    ...(["utf-16le", "utf-16be"] as const).flatMap((encoding) =>
      [lf, crlf, semicolon].flatMap((shape) => [
        wholeFile(shape, { encoding, mark: true }),
        wholeFile(shape, { encoding, dialect: { encoding } }),
      ]),
    ),
    ...shapes.map((shape) => wholeFile(shape, { mark: true })),
  ],
  "bytes that are no text": () => [
    ...[[0xff], [0xc3, 0x28], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xc0, 0x80]].flatMap((bytes) =>
      [lf, semicolon].flatMap((shape) =>
        [0, 2, 7].map((row) =>
          withRecord(shape, row, { damage: insertBytes(shape, row, Buffer.from(bytes)) }),
        ),
      ),
    ),
    // 0xA5 and 0xD2 are not in these encodings' tables (WHATWG Encoding, index-iso-8859-3, index-windows-1253).
    ...(
      [
        ["iso-8859-3", 0xa5],
        ["windows-1253", 0xd2],
      ] as const
    ).map(([encoding, byte]) =>
      lettered(lf, lettersOf(encoding), { encoding, dialect: { encoding } }, Buffer.from([byte])),
    ),
    ...(["utf-16le", "utf-16be"] as const).map((encoding) =>
      lettered(lf, "", { encoding, mark: true }, encodeText("\ud800", encoding)),
    ),
  ],
  NUL: () =>
    [lf, semicolon].flatMap((shape) =>
      [0, 2, 7].flatMap((row) => [
        withRecord(shape, row, { damage: insertBytes(shape, row, Buffer.from([0])) }),
        withRecord(
          shape,
          row,
          {
            clean: insertBytes(shape, row, Buffer.from([0])).toString(),
            cells: (
              cleanRow(baseRows(shape.spelling)[row] ?? [], shape.spelling) as {
                cells: readonly (string | null)[]
              }
            ).cells,
          },
          { dialect: { nul: "strip" } },
        ),
      ]),
    ),
  "nothing but a header, or nothing": () => [
    ...shapes.flatMap((shape) => [true, false].map((lastEnd) => draft(shape, [headOf(shape)], { lastEnd }))),
    draft(lf, [], { refused: "file-empty" }),
  ],
  "number of columns": () =>
    [lf, semicolon].flatMap((shape) => [1, 2, 50, 500].map((width) => sized(shape, width, 5))),
  "number of rows": () =>
    [lf, semicolon].flatMap((shape) => [1, 2, 1000].map((rows) => sized(shape, 3, rows))),
  "empty cells": () =>
    [lf, semicolon].flatMap((shape) =>
      [null, ""].flatMap((cell) =>
        [1, 3].map((width) => {
          const columns = Array.from({ length: width }, (_, i) => `c${i + 1}`)
          const rows = Array.from({ length: 4 }, () =>
            cleanRow(Array<WrittenCell>(width).fill(cell), shape.spelling),
          )
          return draft(shape, [headOf(shape, columns), ...rows], { columns })
        }),
      ),
    ),
  "huge cells": () =>
    [lf, bar].flatMap((shape) =>
      [100_000, 1_500_000].map((length) =>
        withRecord(
          shape,
          2,
          cleanRow(replaced(shape, 2, 2, `${"x".repeat(length)}\n${"y".repeat(10)}`), shape.spelling),
        ),
      ),
    ),
} satisfies Record<string, () => Draft[]>

export type Pollution = keyof typeof pollutions

/** Every file, in the same order and with the same bytes each time. */
export function makePollutedFiles(): PollutedFile[] {
  return Object.entries(pollutions).flatMap(([pollution, make]) =>
    make().map((file, i) => ({
      ...file,
      name: `${pollution.toLowerCase().replace(/[^a-z]+/g, "-")}-${i + 1}`,
      pollution: pollution as Pollution,
    })),
  )
}

/** A record without its last cells. */
function shorter({ spelling }: Shape, at: number, cells: number): Piece {
  const row = baseRows(spelling)[at] ?? []
  return { damage: spellRow(row.slice(0, row.length - cells), spelling) }
}

function replaced({ spelling }: Shape, at: number, column: number, cell: WrittenCell): Row {
  return (baseRows(spelling)[at] ?? []).map((one, i) => (i === column ? cell : one))
}

/** Lines before the header, passed over by their number. */
function before(shape: Shape, lines: readonly string[]): Draft {
  const passed = lines.map((line) => ({ passed: line }))
  return draft(shape, [...passed, headOf(shape), ...basePieces(shape)], {
    dialect: { skip_lines: lines.length },
  })
}

/** A record with these bytes behind the first character of its third cell, which both quoted and plain ones have. */
function insertBytes({ spelling }: Shape, at: number, bytes: Buffer): Buffer {
  const cells = (baseRows(spelling)[at] ?? []).map((cell) => Buffer.from(spellCell(cell, spelling)))
  const third = cells[2] ?? Buffer.alloc(0)
  cells[2] = Buffer.concat([third.subarray(0, 2), bytes, third.subarray(2)])
  return joinCells(cells, spelling.delimiter)
}

/** Records with letters of an encoding, the second of them perhaps with bytes that it does not have. */
function lettered(
  shape: Shape,
  letters: string,
  extras: Extras & { readonly encoding: PollutedEncoding },
  wrong?: Buffer,
): Draft {
  const rows: Row[] = ["1", "2", "3"].map((id) => [id, letters, quoted(`x${letters}`), null, ""])
  const pieces = rows.map((row) => cleanRow(row, shape.spelling))
  if (wrong !== undefined) {
    const text = encodeText(spellRow(rows[1] ?? [], shape.spelling), extras.encoding)
    const at = encodeText("2", extras.encoding).length
    pieces[1] = { damage: Buffer.concat([text.subarray(0, at), wrong, text.subarray(at)]) }
  }
  return draft(shape, [headOf(shape), ...pieces], extras)
}

function sized(shape: Shape, width: number, rows: number): Draft {
  const columns = Array.from({ length: width }, (_, i) => `c${i + 1}`)
  const pieces = Array.from({ length: rows }, (_, row) =>
    cleanRow(
      columns.map((_name, i) =>
        i % 7 === 3 ? null : i % 5 === 1 ? quoted(`r${row}, "c${i}"`) : `${row}.${i}`,
      ),
      shape.spelling,
    ),
  )
  return draft(shape, [headOf(shape, columns), ...pieces], { columns })
}

/** As long names are kept: cut at a character, with the beginning of their digest behind, 63 bytes at most. */
function shortened(name: string): string {
  let kept = ""
  for (const character of name) {
    if (Buffer.byteLength(kept + character) > 63 - 9) break
    kept += character
  }
  return `${kept}_${createHash("sha256").update(name).digest("hex").slice(0, 8)}`
}
