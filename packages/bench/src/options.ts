/** Pure: what `npm run bench` was asked for. */
import { parseArgs } from "node:util"
import { type Form, forms } from "./data-sets.ts"

/** What is measured without --big and --link, in this order. */
export const measurements = [
  "telecom",
  "quoted",
  "unicode",
  "wide",
  "types",
  "general",
  "ndjson",
  "indexing",
  "chunks",
  "clients",
  "unchanged",
  "changed",
  "verify",
  "models",
] as const
export type Measurement = (typeof measurements)[number]

export type Options = {
  readonly mode: "standard" | "big" | "link"
  readonly rows: number
  readonly pairs: number
  readonly only: readonly Measurement[]
  /** Of the big file. */
  readonly gigabytes: number
  /** How the big file is written. */
  readonly form: Form
  /** The database to use instead of the embedded Postgres. */
  readonly database: string | undefined
  readonly keep: boolean
}

export const usage = `npm run bench                     Flatbed beside psql \\copy, and the other figures; about half an hour
npm run bench -- --rows 300000    smaller files; ${(3_000_000).toLocaleString("en")} rows unless told
npm run bench -- --pairs 3        loads of each side; 6 unless told, so that each goes first as often
npm run bench -- --only ${measurements.slice(0, 2).join(",")}   some of: ${measurements.join(", ")}
npm run bench -- --big            a file of 10 GB, or of so many: --big 2
npm run bench -- --big --format ndjson   the same as NDJSON
npm run bench -- --link           over 100 Mbit/s and 50 ms (Linux, root)
npm run bench -- --database URL   in this empty database of yours instead of an embedded Postgres
npm run bench -- --keep           leaves settings and tables in .flatbed/bench
`

/** Undefined when help was asked for. Throws an Error that says what cannot be understood. */
export function readOptions(argv: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: withSize(argv),
    options: {
      rows: { type: "string", default: "3000000" },
      pairs: { type: "string" },
      only: { type: "string" },
      big: { type: "string" },
      format: { type: "string" },
      link: { type: "boolean", default: false },
      database: { type: "string" },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  if (values.help) return undefined
  if (values.big !== undefined && values.link) throw new Error("--big and --link are two runs: name one.")
  const mode = values.big !== undefined ? "big" : values.link ? "link" : "standard"
  if (values.pairs !== undefined && mode === "big")
    throw new Error("--big loads each file once: leave out --pairs.")
  if (values.only !== undefined && mode !== "standard")
    throw new Error(`--only chooses among the standard measurements; --${mode} is one by itself.`)
  if (values.format !== undefined && mode !== "big")
    throw new Error("--format is for the file of --big; --only ndjson measures the throughput of NDJSON.")
  return {
    mode,
    rows: readNumber("rows", values.rows, Number.isSafeInteger),
    // A pair of 10 GB takes minutes, and what it is to tell is memory.
    pairs: readNumber("pairs", values.pairs ?? "6", Number.isSafeInteger),
    only: readNames(values.only),
    gigabytes: readNumber("big", values.big ?? "10", Number.isFinite),
    form: readForm(values.format),
    database: values.database,
    keep: values.keep,
  }
}

/** `--big` alone means 10 GB, and `--big 2` means 2: parseArgs knows only options that always have a value. */
function withSize(argv: readonly string[]): string[] {
  return argv.flatMap((word, i) => {
    if (word === "--big") return /^[0-9.]+$/.test(argv[i + 1] ?? "") ? [word] : ["--big", "10"]
    return [word]
  })
}

function readNumber(name: string, written: string, isRight: (value: number) => boolean): number {
  const value = Number(written)
  if (isRight(value) && value > 0) return value
  throw new Error(`--${name} is ${JSON.stringify(written)}, expected a number above 0.`)
}

function readForm(written: string | undefined): Form {
  const form = forms.find((known) => known === (written ?? "csv"))
  if (form !== undefined) return form
  throw new Error(`--format is ${JSON.stringify(written)}; there are ${forms.join(", ")}.`)
}

function readNames(written: string | undefined): readonly Measurement[] {
  if (written === undefined) return measurements
  const named = written.split(",").map((name) => name.trim())
  const unknown = named.find((name) => !measurements.some((known) => known === name))
  if (unknown !== undefined)
    throw new Error(`--only names ${JSON.stringify(unknown)}; there are ${measurements.join(", ")}.`)
  return measurements.filter((name) => named.includes(name))
}
