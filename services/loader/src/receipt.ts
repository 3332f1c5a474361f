/**
 * The receipt of a run: the equation that must balance before a load commits, and the words in which it is told. Each
 * number is counted where the others are not: what the files hold by the source, what arrived chunk by chunk, what
 * staging holds and what the table took by Postgres. Pure.
 */
import { type Manifest, Problem } from "@flatbed/contract"
import { count, counted } from "./counted.ts"
import type { Receipt } from "./ledger/ledger.ts"
import type { Applied } from "./load-modes/load-mode.ts"

/**
 * Of what was loaded: of `append` that is the part of the version that the table did not have. With what became of the
 * rows, and how many of the table went.
 */
export type RunReceipt = Applied & {
  /** Records in the files: rows, rejects and filtered. */
  readonly records: number
  /** Left out by the source's filter. */
  readonly filtered: number
  /** Set aside, by the source and by the loader. */
  readonly rejects: number
  /** Of the rejects those that the source had served as rows. */
  readonly refused: number
  /** Rows in staging: all others. */
  readonly rows: number
  /** Rows of the version that the table had from before; 0 but for `append`. */
  readonly known_rows: number
  /** Rows of the table behind the load; null where they were not counted, see count-table.ts. */
  readonly table_rows: number | null
}

/** What Postgres counts before the table is touched. */
export type Counted = {
  /** Rejects in the ledger. */
  readonly rejects: number
  /** Rows in staging. */
  readonly rows: number
}

/** Rows of the table behind the load: found, and to be found. */
export type TableCount = { readonly found: number; readonly expected: number }

/** The receipt as far as it is known before the table is touched. */
export type StagingReceipt = Pick<RunReceipt, "records" | "filtered" | "rejects" | "refused" | "rows">

/**
 * Compares the chunks' receipts with the manifest, one by one, then what they add up to with what Postgres has.
 *
 * @throws Problem `receipt-unbalanced` naming the first that is off.
 */
export function checkStaging(
  manifest: Manifest,
  receipts: readonly Receipt[],
  found: Counted,
): StagingReceipt {
  const { served, refused } = addUpChunks(manifest, receipts)
  const rejects = manifest.rejects + refused
  const rows = served - refused
  const records = manifest.rows + manifest.filtered
  if (served !== manifest.rows - manifest.rejects) {
    throw unbalanced(
      `the chunks brought ${counted(served, "row")}, the manifest says ${count(manifest.rows - manifest.rejects)}`,
    )
  }
  if (found.rejects !== rejects)
    throw unbalanced(`${counted(found.rejects, "reject")} are listed, the receipts count ${count(rejects)}`)
  if (found.rows !== rows)
    throw unbalanced(`staging holds ${counted(found.rows, "row")}, the receipts ${count(rows)}`)
  return { records, filtered: manifest.filtered, rejects, refused, rows }
}

function addUpChunks(manifest: Manifest, receipts: readonly Receipt[]): { served: number; refused: number } {
  if (receipts.length !== manifest.chunks.length) {
    throw unbalanced(
      `${counted(receipts.length, "chunk")} have a receipt, the manifest lists ${count(manifest.chunks.length)}`,
    )
  }
  let served = 0
  let refused = 0
  for (const [index, chunk] of manifest.chunks.entries()) {
    const receipt = receipts[index]
    const same =
      receipt?.chunk === chunk.chunk &&
      receipt.first_row === chunk.first_row &&
      receipt.rows === chunk.rows &&
      receipt.rejects === chunk.rejects &&
      receipt.filtered === chunk.filtered &&
      receipt.raw_sha256 === chunk.sha256
    if (!same) throw unbalanced(`the receipt of chunk ${chunk.chunk} is not what the manifest says`)
    served += receipt.rows - receipt.rejects
    refused += receipt.refused
  }
  return { served, refused }
}

/**
 * The whole receipt, once the load mode is done and before the commit.
 *
 * @throws Problem `receipt-unbalanced` when a staged row became nothing, or the table holds other rows than the load
 * accounts for.
 */
export function balance(
  staging: StagingReceipt,
  applied: Applied,
  { knownRows, table }: { readonly knownRows: number; readonly table: TableCount | undefined },
): RunReceipt {
  const { inserted, updated, unchanged, repeated, older } = applied
  const told = inserted + updated + unchanged + repeated + older
  if (told !== staging.rows)
    throw unbalanced(
      `the table took ${count(told)} rows of ${count(staging.rows)}; a trigger or rule may drop some`,
    )
  if (table !== undefined && table.found !== table.expected)
    throw unbalanced(
      `the table holds ${counted(table.found, "row")} behind the load, expected ${count(table.expected)}; its triggers or rules write or remove some`,
    )
  return { ...staging, ...applied, known_rows: knownRows, table_rows: table?.found ?? null }
}

/** The receipt in two lines that a person can add up; what is 0 is left out where something else is there. */
export function describeReceipt(receipt: RunReceipt): readonly [records: string, rows: string] {
  const { records, filtered, rejects, refused, rows, known_rows: knownRows, table_rows: tableRows } = receipt
  const sum = (first: string, ...more: readonly (readonly [number, string])[]) =>
    [
      first,
      ...more.filter(([number]) => number > 0).map(([number, word]) => `${count(number)} ${word}`),
    ].join(" + ")
  const wasWere = (number: number) => (number === 1 ? "was" : "were")
  const here =
    refused === 0
      ? ""
      : refused === rejects
        ? " by the loader"
        : ` (${count(rejects - refused)} by the source, ${count(refused)} by the loader)`
  const known =
    knownRows === 0 ? "" : `; ${counted(knownRows, "row")} of the version ${wasWere(knownRows)} there before`
  const { inserted, updated, unchanged, repeated, older, deleted } = receipt
  const became = [
    [inserted, "new"],
    [updated, "changed"],
    [unchanged, "the same"],
    [repeated, "repeated"],
    [older, "older"],
  ] as const
  const parts = became.filter(([number]) => number > 0).map(([number, word]) => `${count(number)} ${word}`)
  const table = tableRows === null ? "" : `; the table holds ${counted(tableRows, "row")}`
  return [
    `${counted(records, "record")} read = ${sum(counted(rows, "row"), [rejects, `set aside${here}`], [filtered, "filtered"])}${known}`,
    `${counted(rows, "row")} = ${parts.length === 0 ? "0 new" : parts.join(" + ")}; ${counted(deleted, "row")} ${wasWere(deleted)} deleted${table}`,
  ]
}

/** What became of the rows. */
export function appliedOf({ inserted, updated, unchanged, repeated, older, deleted }: RunReceipt): Applied {
  return { inserted, updated, unchanged, repeated, older, deleted }
}

function unbalanced(what: string): Problem {
  return new Problem("receipt-unbalanced", `The load does not add up: ${what}.`, {
    hint: "Nothing was published, and the next run starts afresh. Please report this with the log.",
  })
}
