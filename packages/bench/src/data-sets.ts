/** Pure: the rows that the bench loads. The same seed makes the same rows, so two machines measure the same bytes. */
import { createRandom, type Random } from "@flatbed/testing"

/** A row's cells in order; null is NULL. */
export type Cells = (string | null)[]

export type Rows = {
  readonly name: string
  /** For the legend: what is special about it. */
  readonly what: string
  /** How many rows of the number asked for: some are so wide that a tenth is as many bytes. */
  readonly share: number
  readonly columns: readonly string[]
  /** Columns that stand in quotes whatever they hold. */
  readonly quoted: ReadonlySet<string>
  readonly make: (random: Random) => Cells
}

const states = ["KS", "OH", "NJ", "OK", "AL", "MA", "MO", "LA", "WV", "IN", "RI", "IA", "MT", "NY", "ID"]
const areas = ["408", "415", "510"]
const telecomColumns = [
  "state",
  "account length",
  "area code",
  "phone number",
  "international plan",
  "voice mail plan",
  "number vmail messages",
  ...["day", "eve", "night", "intl"].flatMap((part) => [
    `total ${part} minutes`,
    `total ${part} calls`,
    `total ${part} charge`,
  ]),
  "customer service calls",
  "churn",
]

const whole = (random: Random, to: number) => String(random.between(0, to))
/** A number with this many digits after its point. */
const decimal = (random: Random, to: number, scale: number) => {
  const digits = String(random.between(0, to * 10 ** scale)).padStart(scale + 1, "0")
  return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}
const yesOrNo = (random: Random, share: number) => (random.chance(share) ? "yes" : "no")

function makeTelecom(random: Random): Cells {
  const usage = (minutes: number, charge: number) => [
    decimal(random, minutes, 1),
    whole(random, 160),
    decimal(random, charge, 2),
  ]
  return [
    random.pick(states),
    whole(random, 230),
    random.pick(areas),
    `${random.between(300, 899)}-${random.between(1000, 9999)}`,
    yesOrNo(random, 0.1),
    yesOrNo(random, 0.3),
    whole(random, 50),
    ...usage(350, 60),
    ...usage(350, 30),
    ...usage(350, 17),
    ...usage(20, 5),
    whole(random, 9),
    random.chance(0.14) ? "True" : "False",
  ]
}

const remarks = [
  'said "call back"',
  "moved, twice",
  "line one\nline two",
  '12 Elm St,\nApt "3"',
  "",
  "tab\tand back\\slash",
  "\\N",
  "plain",
]

const telecom: Rows = {
  name: "telecom",
  what: "21 plain typed columns",
  share: 1,
  columns: telecomColumns,
  quoted: new Set(),
  make: makeTelecom,
}

const quoted: Rows = {
  name: "quoted",
  what: "the same with quotes, embedded newlines and commas",
  share: 1,
  columns: telecomColumns,
  quoted: new Set(["state", "phone number", "international plan", "voice mail plan"]),
  make: (random) => makeTelecom(random).with(3, random.pick(remarks)),
}

const scripts = [
  "Straße nach Köln, am Fluß entlang",
  "добрый вечер",
  "東京都千代田区丸の内一丁目",
  "naïve café — déjà vu",
  "مرحبا بالعالم",
  "🚚📦 flat bed 𝒳",
  "plain ASCII words between the others",
]

const unicode: Rows = {
  name: "unicode",
  what: "4 wide text columns with Unicode",
  // As many bytes as the others: with fewer, the start of a process would count for more.
  share: 0.14,
  columns: ["title", "body", "comment", "places"],
  quoted: new Set(["body"]),
  make: (random) => [1, 8, 4, 3].map((words) => makeText(random, words)),
}

function makeText(random: Random, words: number): string | null {
  if (random.chance(0.05)) return null
  let text = random.pick(scripts)
  for (let left = random.between(words, words * 2); left > 1; left--) text += ` ${random.pick(scripts)}`
  return text
}

const wide: Rows = {
  name: "wide",
  what: "200 columns",
  share: 0.1,
  columns: Array.from({ length: 200 }, (_, i) => `${["count", "rate", "code", "flag"][i % 4]} ${i + 1}`),
  quoted: new Set(),
  make: (random) =>
    Array.from({ length: 200 }, (_, i) => {
      if (random.chance(0.02)) return null
      if (i % 4 === 0) return whole(random, 99_999)
      if (i % 4 === 1) return decimal(random, 100, 3)
      return i % 4 === 2 ? `${random.pick(states)}${random.between(10, 99)}` : yesOrNo(random, 0.5)
    }),
}

const two = (number: number) => String(number).padStart(2, "0")
const date = (random: Random) =>
  `${random.between(1970, 2038)}-${two(random.between(1, 12))}-${two(random.between(1, 28))}`
const time = (random: Random) =>
  `${two(random.between(0, 23))}:${two(random.between(0, 59))}:${two(random.between(0, 59))}`

const types: Rows = {
  name: "types",
  what: "a column of every type, with NULLs",
  share: 0.5,
  columns: ["id", "amount", "paid", "day", "seen", "sent", "small", "note"],
  quoted: new Set(),
  make: (random) => [
    `${random.between(1, 999_999)}${random.between(10_000_000, 99_999_999)}`,
    decimal(random, 9999, 2),
    random.chance(0.5) ? "true" : "false",
    date(random),
    `${date(random)} ${time(random)}`,
    `${date(random)}T${time(random)}Z`,
    random.chance(0.1) ? null : whole(random, 32_000),
    random.chance(0.1) ? null : random.pick(states),
  ],
}

/**
 * Telecom's rows with a number in front, by which they are told apart. Where `every` is set, each so many-th row is
 * another one than without it; all others are the same.
 */
export function numberedRows(every?: number): Rows {
  let id = 0
  return {
    ...telecom,
    name: every === undefined ? "numbered" : `numbered-${every}`,
    columns: ["id", ...telecomColumns],
    make: (random) => {
      id += 1
      const cells = makeTelecom(random)
      // No generated number begins with a zero.
      return [String(id), ...(every !== undefined && id % every === 0 ? cells.with(3, "000-0000") : cells)]
    },
  }
}

export const rowSets = { telecom, quoted, unicode, wide, types } as const satisfies Record<string, Rows>

/** How the rows are written. */
export const forms = ["csv", "ndjson"] as const
export type Form = (typeof forms)[number]

/** What stands before the records: the header of a CSV, with its line end. */
export function writeHeader({ columns }: Rows, form: Form = "csv"): string {
  return form === "csv" ? `${columns.join(",")}\n` : ""
}

/** Makes the records of a file one after another, each with its line end; of either form the same cells. */
export function createRecords(rows: Rows, form: Form = "csv", seed = 20_261_121): () => string {
  const random = createRandom(seed)
  switch (form) {
    case "csv": {
      const always = rows.columns.map((name) => rows.quoted.has(name))
      return () => writeRecord(rows.make(random), always)
    }
    case "ndjson": {
      const keys = rows.columns.map((name) => JSON.stringify(name))
      return () => writeLine(rows.make(random), keys)
    }
  }
}

// RFC 4180 section 2. NULL is unquoted empty, empty text quoted empty: psql \copy and Flatbed agree on both.
function writeRecord(cells: Cells, always: readonly boolean[]): string {
  let record = ""
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i]
    if (i > 0) record += ","
    if (cell === null || cell === undefined) continue
    const needsQuotes = always[i] === true || cell === "" || /[",\r\n]/.test(cell)
    record += needsQuotes ? `"${cell.replaceAll('"', '""')}"` : cell
  }
  return `${record}\n`
}

// RFC 8259 section 6.
const isNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/

/** An object as most programs write one: numbers and booleans as such, the rest in quotes. */
function writeLine(cells: Cells, keys: readonly string[]): string {
  const members = cells.map((cell, i) => `${keys[i]}: ${writeValue(cell)}`)
  return `{${members.join(", ")}}\n`
}

function writeValue(cell: string | null): string {
  if (cell === null || isNumber.test(cell)) return String(cell)
  if (cell === "True" || cell === "False") return cell.toLowerCase()
  return JSON.stringify(cell)
}
