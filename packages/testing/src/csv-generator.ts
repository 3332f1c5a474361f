/**
 * CSV files with their cells, for property tests. It decides on the cells first and writes the bytes by itself, so
 * what it expects owes nothing to the readers under test: it imports none of their code.
 */
import { createRandom, type Random } from "./random.ts"

type CellClass = {
  /** The cell's value; null is NULL. */
  readonly make: (random: Random) => string | null
  /** Whether the cell stands in quotes: it must, it must not, or either way is right. */
  readonly quotes: "always" | "never" | "either"
}

const words = [
  "a",
  "Kansas",
  "loader",
  "x1",
  "quick brown",
  "382-4657",
  "yes",
  "no",
  "n/a",
  "NULL",
  "null",
  "-",
]
const word = (random: Random) => random.pick(words)
const around = (random: Random, middle: string) =>
  random.pick([
    middle,
    `${word(random)}${middle}`,
    `${middle}${word(random)}`,
    `${word(random)}${middle}${word(random)}`,
  ])
const repeat = (random: Random, choices: readonly string[]) =>
  Array.from({ length: random.between(1, 4) }, () => random.pick(choices)).join("")

/** Every kind of cell that a reader may get wrong, each dealt equally often. */
const cellClasses = {
  plain: { quotes: "never", make: word },
  "quoted without need": { quotes: "always", make: word },
  "quote inside": { quotes: "always", make: (random) => around(random, random.pick(['"', '""', '","'])) },
  "comma inside": { quotes: "always", make: (random) => around(random, random.pick([",", ",,", ", "])) },
  "CR inside": { quotes: "always", make: (random) => around(random, random.pick(["\r", "\r\r"])) },
  "LF inside": { quotes: "always", make: (random) => around(random, random.pick(["\n", "\n\n"])) },
  "CRLF inside": {
    quotes: "always",
    make: (random) => around(random, random.pick(["\r\n", "\r\n\r\n", "\n\r"])),
  },
  "Unicode, basic plane": {
    quotes: "either",
    make: (random) =>
      repeat(random, ["é", "ß", "中文", "ש", "Ω", "\u00a0", "\u0085", "\u2028", "\u200f", "x\ufeff"]),
  },
  "Unicode, beyond it": {
    quotes: "either",
    make: (random) => repeat(random, ["😀", "𝒳", "𠀀", "🏳️‍🌈", "\u{10ffff}"]),
  },
  "Unicode, combining": {
    quotes: "either",
    make: (random) => repeat(random, ["e\u0301", "n\u0303", "\u0301", "각"]),
  },
  "NULL (empty)": { quotes: "never", make: () => null },
  "empty text (quoted)": { quotes: "always", make: () => "" },
  spaces: {
    quotes: "either",
    make: (random) => random.pick([" ", "   ", ` ${word(random)}`, `${word(random)} `, " a b "]),
  },
  "COPY's own signs": { quotes: "either", make: (random) => random.pick(["\\N", "\\."]) },
  "backslashes, controls": {
    quotes: "either",
    make: (random) =>
      repeat(
        random,
        random.pick([
          ["\\", "\\\\", "\\n", "\\t", "C:\\new", "\\x41", "\\0"],
          ["\t", "\b", "\v", "\f", "\u0001", "\u007f", "a"],
        ]),
      ),
  },
  "looks like JSON": {
    quotes: "always",
    make: (random) =>
      random.pick(['{"a":1,"b":[null]}', '["x","y"]', '"quoted"', '{"reject":{"row":1}}', "[]", "{}"]),
  },
  "looks like a type": {
    quotes: "either",
    make: (random) =>
      random.pick([
        "0",
        "-17",
        "02134",
        "10.0",
        "1e5",
        "9007199254740993",
        "True",
        "false",
        "2024-02-29",
        "2023-02-29",
        "NaN",
      ]),
  },
} as const satisfies Record<string, CellClass>

/** Spellings of one type each, for the columns whose type the readers are to find. */
const typedCells: readonly ((random: Random) => string)[] = [
  (random) => String(random.between(-2_147_483_648, 2_147_483_647)),
  (random) => String(random.between(-999_999, 999_999)) + random.pick(["000000001", "123456789", ""]),
  (random) => `${random.between(0, 99)}.${random.between(0, 9999)}${random.pick(["", "e5", "E-3", "0"])}`,
  (random) => `${random.pick(["", "-"])}.${random.between(0, 99999)}`,
  (random) => random.pick(["true", "false", "True", "FALSE"]),
  (random) =>
    `${pad(random.between(1, 9999), 4)}-${pad(random.between(1, 12))}-${pad(random.between(1, 28))}`,
  (random) =>
    `2024-02-29${random.pick([" ", "T"])}${pad(random.between(0, 23))}:${pad(random.between(0, 59))}${random.pick(["", ":07", ":59.123456"])}`,
  (random) =>
    `2021-12-01T${pad(random.between(0, 23))}:07:15${random.pick(["", ".386"])}${random.pick(["Z", "+0100", "-03:30", "+15"])}`,
]
const pad = (number: number, width = 2) => String(number).padStart(width, "0")

export type CsvCellClass = keyof typeof cellClasses
export const csvCellClasses = Object.keys(cellClasses) as CsvCellClass[]

export type GeneratedCsv = {
  readonly bytes: Buffer
  readonly columns: string[]
  readonly rows: (string | null)[][]
  /** How many cells of each class the file holds. */
  readonly classes: Record<CsvCellClass, number>
}

/** One file of 1–12 columns, a tenth of them of one type, and 0–60 rows; the same seed gives the same file. Column names are up to 63 bytes. */
export function generateCsv(seed: number): GeneratedCsv {
  const random = createRandom(seed)
  const columns = makeNames(random, random.between(1, 12))
  const newline = random.pick(["\n", "\r\n"])
  const classes = Object.fromEntries(csvCellClasses.map((name) => [name, 0])) as Record<CsvCellClass, number>
  const deck = createDeck(random)
  const typed = columns.map(() => (random.chance(0.1) ? random.pick(typedCells) : undefined))
  const rows: (string | null)[][] = []
  const records = [columns.map(writeName).join(",")]
  for (let row = random.between(0, random.pick([4, 16, 60])); row > 0; row--) {
    const cells: (string | null)[] = []
    const written: string[] = []
    for (const spell of typed) {
      const name = spell === undefined ? deck() : random.chance(0.9) ? "looks like a type" : "NULL (empty)"
      const { make, quotes } = cellClasses[name] as CellClass
      const cell = spell === undefined || name === "NULL (empty)" ? make(random) : spell(random)
      classes[name] += 1
      cells.push(cell)
      written.push(writeCell(cell, quotes === "always" || (quotes === "either" && random.chance(0.5))))
    }
    rows.push(cells)
    records.push(written.join(","))
  }
  // Without its newline, a last record of one NULL cell would be no bytes at all.
  const lastNewline = records.at(-1) === "" || random.chance(0.7) ? newline : ""
  const bom = random.chance(0.2) ? "\ufeff" : ""
  return { bytes: Buffer.from(bom + records.join(newline) + lastNewline), columns, rows, classes }
}

/** Deals the classes in random order, all of them before one comes again: so that each has its share. */
function createDeck(random: Random): () => CsvCellClass {
  let left: CsvCellClass[] = []
  return () => {
    if (left.length === 0) left = [...csvCellClasses]
    const [dealt] = left.splice(random.between(0, left.length - 1), 1)
    if (dealt === undefined) throw new RangeError("The deck is empty.")
    return dealt
  }
}

/** Adds up the classes of several files as a table, one line per class with its share of all cells. */
export function describeCsvClasses(files: readonly Pick<GeneratedCsv, "classes">[]): string {
  const total = (name: CsvCellClass) => files.reduce((sum, file) => sum + file.classes[name], 0)
  const cells = csvCellClasses.reduce((sum, name) => sum + total(name), 0)
  const lines = csvCellClasses.map((name) => {
    const share = cells === 0 ? 0 : (100 * total(name)) / cells
    return `${name.padEnd(22)}${String(total(name)).padStart(9)}${share.toFixed(2).padStart(8)} %`
  })
  return [`${files.length} files, ${cells} cells`, ...lines].join("\n")
}

const names = [
  "id",
  "total day minutes",
  "select",
  "order",
  "__proto__",
  "constructor",
  "toString",
  'say "hi"',
  "a,b",
  "größe",
  "名前",
  "😀",
  "Id number",
  "x.y",
  "100%",
  "it's",
  "a\\b",
  "$1",
  "line\nhere",
  "123",
  "true",
  "e\u0301",
] as const

function makeNames(random: Random, count: number): string[] {
  const left: string[] = [...names]
  return Array.from({ length: count }, () => left.splice(random.between(0, left.length - 1), 1)[0] ?? "")
}

function writeName(name: string): string {
  return writeCell(name, /[",\n]/.test(name))
}

// RFC 4180 section 2: quotes around the cell, and each quote inside it twice.
function writeCell(cell: string | null, quoted: boolean): string {
  if (cell === null) return ""
  return quoted ? `"${cell.replaceAll('"', '""')}"` : cell
}
