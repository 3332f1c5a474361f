/**
 * A CSV of any length of which one record in a hundred is bad, in fourteen ways by turns. The bytes and the list of the
 * bad records come from here together. Two bad ones never stand next to each other: where a record's quotes do not match,
 * reading goes on at the next whole record, and a bad one there would be lost in the span before it, by the rule and not
 * by a mistake.
 */
import { createRandom } from "./random.ts"

export type BadKind = keyof typeof badKinds

export type BadRecord = {
  readonly kind: BadKind
  /** From 1, bad ones included. */
  readonly row: number
  readonly line: number
  readonly byte: number
  readonly raw: Buffer
}

/** Column names and the types to declare; code and note are text. */
export const badRecordTypes = {
  id: "integer",
  big: "bigint",
  amount: "numeric",
  day: "date",
  at: "timestamp",
  flag: "boolean",
} as const

/** A table that takes every clean record, and refuses the ones of the last kind. */
export const badRecordTable = `(id integer, big bigint, amount numeric(12, 2), day date, at timestamp, flag boolean,
  code varchar(8), note text, constraint known_code check (code <> 'UNKNOWN'))`

const names = [...Object.keys(badRecordTypes), "code", "note"]

type Cells = readonly [
  id: string,
  big: string,
  amount: string,
  day: string,
  at: string,
  flag: string,
  code: string,
  note: string,
]
type Cell = { readonly [Name in keyof typeof badRecordTypes | "code" | "note"]?: string | Buffer }

function cleanCells(row: number): Cells {
  const day = String(1 + (row % 28)).padStart(2, "0")
  const note =
    row % 10 === 3 ? `"two\r\nlines, of ${row}"` : row % 4 === 1 ? `"note ${row}, quoted"` : `note ${row}`
  const cells = [
    String(row),
    String(9_007_199_254_740_993n + BigInt(row)),
    `${row}.${row % 10}5`,
    `2024-02-${day}`,
  ]
  return [
    ...cells,
    `2024-02-${day} 12:00:00`,
    row % 2 === 0 ? "true" : "false",
    `C${row % 1000}`,
    note,
  ] as unknown as Cells
}

/** What each kind does to a record, and the code of its reject. `n` counts the records of the kind. */
const badKinds = {
  "missing cell": { code: "missing-cell", make: (row) => join(cleanCells(row).slice(0, 6)) },
  "extra cell": { code: "extra-cell", make: (row) => join([...cleanCells(row), "more"]) },
  "stray quote": { code: "quote-error", make: (row) => spoil(row, { note: 'no"te' }) },
  "missing closing quote": { code: "quote-error", make: (row) => spoil(row, { code: '"C7' }) },
  "letters behind a closing quote": { code: "quote-error", make: (row) => spoil(row, { note: '"note"x' }) },
  NUL: { code: "nul-error", make: (row) => spoil(row, { note: "no\0te" }) },
  "invalid UTF-8": {
    code: "encoding-error",
    make: (row) => spoil(row, { note: Buffer.from([0x6e, 0xe9, 0x28]) }),
  },
  "no integer": { code: "type-error", make: (row) => spoil(row, { id: `${row}x` }) },
  "no bigint": { code: "type-error", make: (row) => spoil(row, { big: "9223372036854775808" }) },
  "no number": { code: "type-error", make: (row) => spoil(row, { amount: "1.5.0" }) },
  "no date": { code: "type-error", make: (row) => spoil(row, { day: "2023-02-29" }) },
  "no timestamp": { code: "type-error", make: (row) => spoil(row, { at: "2024-02-29 24:30:00" }) },
  "no boolean": { code: "type-error", make: (row) => spoil(row, { flag: "maybe" }) },
  "refused by the table": {
    code: ["constraint-error", "type-error"],
    make: (row, n) => spoil(row, { code: n % 2 === 0 ? "UNKNOWN" : "LONGER THAN 8" }),
  },
} as const satisfies Record<
  string,
  { readonly code: string | readonly string[]; readonly make: (row: number, n: number) => Buffer }
>

/** The code that a reject of this kind has; the last kind breaks a constraint and a type by turns. */
export function codeOf(kind: BadKind, n: number): string {
  const { code } = badKinds[kind]
  return typeof code === "string" ? code : (code[n % 2] ?? "")
}

function spoil(row: number, cell: Cell): Buffer {
  const wrong: Readonly<Record<string, string | Buffer | undefined>> = cell
  return join(cleanCells(row).map((clean, i) => wrong[names[i] ?? ""] ?? clean))
}

function join(cells: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(cells.flatMap((cell, i) => [Buffer.from(i === 0 ? "" : ","), Buffer.from(cell)]))
}

const share = 100
const recordsAtOnce = 10_000

/**
 * Hands the file out piece by piece, and answers its bad records, `records / 100` of them. `records` is a multiple of
 * 100; the same seed gives the same file.
 */
export async function writeBadRecords(
  records: number,
  seed: number,
  write: (bytes: Buffer) => Promise<unknown>,
): Promise<BadRecord[]> {
  const random = createRandom(seed)
  const kinds = Object.keys(badKinds) as BadKind[]
  const bad: BadRecord[] = []
  let parts: Buffer[] = [Buffer.from(`${names.join(",")}\r\n`)]
  let byte = parts[0]?.length ?? 0
  let line = 2
  let badRow = 0
  for (let row = 1; row <= records; row += 1) {
    // One in each hundred, neither its first nor its last.
    if (row % share === 1) badRow = row + random.between(1, share - 2)
    const kind = row === badRow ? kinds[bad.length % kinds.length] : undefined
    const turn = Math.floor(bad.length / kinds.length)
    const raw = kind === undefined ? Buffer.from(cleanCells(row).join(",")) : badKinds[kind].make(row, turn)
    if (kind !== undefined) bad.push({ kind, row, line, byte, raw })
    parts.push(raw, Buffer.from("\r\n"))
    byte += raw.length + 2
    line += raw.includes("\n") ? 2 : 1
    if (row % recordsAtOnce === 0) parts = await flush(parts, write)
  }
  await flush(parts, write)
  return bad
}

async function flush(
  parts: readonly Buffer[],
  write: (bytes: Buffer) => Promise<unknown>,
): Promise<Buffer[]> {
  await write(Buffer.concat(parts))
  return []
}
