/** The transaction that makes a version visible, and the equation that must hold before it commits. */
import { type Evidence, Problem } from "@flatbed/contract"
import { changeColumns } from "./columns/change-columns.ts"
import { recordColumnChanges, recordMadeColumns } from "./columns/column-ledger.ts"
import { planAgain } from "./columns/compare-columns.ts"
import type { ColumnContract } from "./columns/contract-settings.ts"
import { rowColumn } from "./columns/own-columns.ts"
import { watchTable } from "./count-table.ts"
import type { Lease } from "./lease.ts"
import { recordFiles } from "./ledger/file-ledger.ts"
import { getReceipts, manifestBytes, type RunIdentity } from "./ledger/ledger.ts"
import { findLatestPublication, findReceipt, recordPublication } from "./ledger/publication-ledger.ts"
import { keepFirst } from "./load-modes/keyed.ts"
import { loadModes, type ModeRules } from "./load-modes/load-mode.ts"
import { seesWholeRun } from "./postgres/adopt.ts"
import type { Session, Work } from "./postgres/database.ts"
import { quoteName, quoteTable, type TableName } from "./postgres/identifier.ts"
import { makeMissingIndexes } from "./postgres/indexes.ts"
import {
  countStaging,
  dropIgnored,
  dropStaging,
  inTableOrder,
  type StagingPlan,
  stagingTable,
} from "./postgres/staging.ts"
import { findTable } from "./postgres/table.ts"
import { balance, checkStaging, type RunReceipt } from "./receipt.ts"
import { countRejects } from "./rejects/reject-ledger.ts"
import { TooManyRejects } from "./rejects/reject-tally.ts"
import type { Patience } from "./retry.ts"
import type { WantedIndex } from "./settings/index-settings.ts"
import type { Pipeline } from "./settings/pipeline-settings.ts"
import { refuseSwap, type Target } from "./target.ts"
import type { VersionPart } from "./version-part.ts"

export type Publish = {
  readonly identity: RunIdentity
  readonly runId: number
  readonly part: VersionPart
  /** The table as it was when the part was planned. */
  readonly seen: Target
  readonly evidence: readonly Evidence[] | null
  /** ETag of the dataset document that named the version. */
  readonly datasetTag: string | undefined
  readonly staging: StagingPlan
  /** How many records may be set aside. */
  readonly allowed: number
  readonly table: TableName
  readonly mode: Pipeline["mode"]
  readonly rules: ModeRules
  readonly indexes: readonly WantedIndex[]
  readonly contract: ColumnContract
  /** How long to wait for readers with an older snapshot, or for those of the table, before rows are copied; milliseconds. */
  readonly swapWaitMs: number
  /** Told when `publish: swap` had to delete and insert rows, since readers did not go. */
  readonly onNotSwapped: () => void
}

export type PublishParts = { readonly signal: AbortSignal; readonly patience: Patience }

export type Published = {
  readonly receipt: RunReceipt
  /** Names of indexes that were made, as far as is known: none when the answer to the commit was lost. */
  readonly indexes: readonly string[]
}

/**
 * Publishes a run whose chunks have all arrived: receipts, staging and manifest must agree; the load mode is
 * applied, missing indexes made, the publication recorded and staging dropped, in one commit. Answers the receipt, which
 * balances; a lost answer is settled by the publication's row.
 *
 * @throws Problem `receipt-unbalanced` when the load does not add up; `columns-differ` or `table-unsuitable` when the
 * table changed meanwhile; TooManyRejects when more were set aside than allowed; those of the load mode and of the
 * indexes.
 */
export async function publish(lease: Lease, run: Publish, parts: PublishParts): Promise<Published> {
  const mayAdopt = await awaitReaders(lease, run, parts)
  const doing = `publishing ${run.identity.target}`
  const { signal } = parts
  const aside: Aside = async (work) => await lease.transaction(work, { doing, signal })
  return await lease.transaction((session) => publishIn(session, run, mayAdopt, aside), {
    doing,
    signal,
    settle: async (session) => {
      const receipt = await findReceipt(session, run.runId)
      return receipt === undefined ? undefined : { receipt, indexes: [] }
    },
  })
}

const lookEveryMs = 100

/**
 * Whether staging may become the table: there is none yet, or it is to be swapped, and no reader is left who would see
 * a part of staging. Once that is so it stays so.
 */
export async function awaitReaders(
  lease: Lease,
  { runId, table, rules, swapWaitMs }: Publish,
  { signal, patience }: PublishParts,
): Promise<boolean> {
  for (let waitedMs = 0; ; waitedMs += lookEveryMs) {
    const found = await lease.transaction(
      async (session) => {
        if (!rules.swap && (await tableExists(session, table))) return "table"
        return (await seesWholeRun(session, runId)) ? "nobody" : "reader"
      },
      { doing: "looking for readers with an older snapshot", signal },
    )
    if (found !== "reader") return found === "nobody"
    if (waitedMs >= swapWaitMs) return false
    await patience.sleep(lookEveryMs, signal)
  }
}

/** Does work in a transaction of its own, which is committed when it answers. */
export type Aside = <T>(work: Work<T>) => Promise<T>

/** All of it but the commit. `mayAdopt` is what `awaitReaders` answered. */
export async function publishIn(
  session: Session,
  run: Publish,
  mayAdopt: boolean,
  aside: Aside,
): Promise<Published> {
  const { runId, part, table, mode, swapWaitMs, onNotSwapped } = run
  const { manifest } = part
  const columns = run.staging.columns.filter(
    ({ isOwn, isIgnored, isBeside }) => !isOwn && !isIgnored && !isBeside,
  )
  const receipts = await getReceipts(session, runId)
  const inStaging = checkStaging(manifest, receipts, {
    rejects: await countRejects(session, [runId]),
    rows: await countStaging(session, runId),
  })
  const { rows, rejects } = inStaging
  if (rejects > run.allowed) throw new TooManyRejects(`${rejects} of the version`)

  const exists = await lockTable(session, table, mode)
  if (mode === "append") await refuseOvertaken(session, run)
  const { target } = run.identity
  const changes = planAgain({ ...run, target }, exists ? await findTable(session, table) : undefined)
  const changed = await changeColumns(session, { runId, table, target, changes, swapWaitMs }, aside)
  // A copy with wider columns takes the table's place, and staging's rows come into the copy.
  const rules = changed.isCopy ? { ...run.rules, swap: false } : run.rules
  const names = columns.map(({ name }) => name)
  const types = columns.map(({ type }) => type)
  const staging = stagingTable(session, runId)
  const isNumbered = run.staging.columns.some(({ name, isOwn }) => isOwn && name === rowColumn)
  const order = isNumbered ? quoteName(rowColumn) : "ctid"
  const alike = rules.dedupe === "exact" ? await keepFirst(session, staging, names, order) : 0
  if (exists && rules.swap) {
    await dropIgnored(session, runId, run.staging.columns)
    const kept = inTableOrder(run.staging.columns).filter(({ isIgnored }) => !isIgnored)
    await refuseSwap(
      session,
      { ...run, target },
      kept.map(({ name }) => name),
    )
  }
  // Rows that were dropped here are still there for a reader with an older snapshot.
  const adopting = { mayAdopt: mayAdopt && alike === 0, swapWaitMs, onNotSwapped }
  const place = { staging, target: changed.into, columns: names, types, exists, ...adopting }
  const version = { name: target, version: manifest.version, rejects }
  const swaps = exists && rules.swap && adopting.mayAdopt
  const early = swaps ? await makeMissingIndexes(session, table, indexesOn(run), staging) : []
  const countTable = await watchTable(session, mode, { ...place, rules })
  const done = await loadModes[mode](session, { ...place, ...version, rules, staged: rows - alike })
  const applied = { ...done, repeated: done.repeated + alike }
  const counts = { knownRows: part.knownRows, table: await countTable?.(applied) }
  const receipt = balance(inStaging, applied, counts)

  // Behind the rows: an index over all of them at once is made faster than row by row.
  const late = await makeMissingIndexes(session, table, run.indexes, changed.into)
  await changed.finish()
  const targetOid = (await findTable(session, table))?.oid ?? 0
  const ofTable = { ...run.identity, runId }
  if (exists) await recordColumnChanges(session, ofTable, changes)
  else await recordMadeColumns(session, ofTable, columns)
  await recordPublication(session, {
    ...run.identity,
    runId,
    targetOid,
    receipt,
    bytes: manifestBytes(manifest),
    datasetTag: run.datasetTag,
    files: part.counts,
  })
  const showsVersionOnly = mode === "replace" || mode === "mirror"
  await recordFiles(session, { target, targetOid, runId }, part, receipts, showsVersionOnly)
  await dropStaging(session, [runId])
  return { receipt, indexes: [...new Set([...early, ...late])] }
}

/** The indexes of which staging has the columns. */
function indexesOn({ indexes, staging }: Publish): WantedIndex[] {
  const there = new Set(staging.columns.map(({ name }) => name))
  return indexes.filter(({ columns }) => columns.every((column) => there.has(column)))
}

/** What is to come depends on what the table has: it must be as it was seen when the run began. */
async function refuseOvertaken(session: Session, { identity, table, seen }: Publish): Promise<void> {
  const latest = await findLatestPublication(session, identity.target)
  const oid = (await findTable(session, table))?.oid
  const wrong =
    oid !== seen.table?.oid
      ? `${identity.target} is another table than when the load began.`
      : latest?.runId !== seen.publication?.runId
        ? `Run ${latest?.runId} published into ${identity.target} meanwhile.`
        : undefined
  if (wrong === undefined) return
  throw new Problem("lease-lost", wrong, {
    hint: "Nothing was published. Run the load again; let one pipeline load this table.",
    facts: { table: identity.target },
  })
}

/**
 * Keeps other writers out until the commit; readers go on. Only other appends are kept out by `append`: rows that
 * somebody writes beside it are no matter to it, and its role may insert and nothing else (Postgres manual, LOCK). False
 * when there is no such table.
 */
async function lockTable(session: Session, table: TableName, mode: Pipeline["mode"]): Promise<boolean> {
  const name = quoteTable(table)
  if (mode === "append")
    await session.query("select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))", [
      `flatbed append ${name}`,
    ])
  if (!(await tableExists(session, table))) return false
  await session.query(
    `lock table ${name} in ${mode === "append" ? "row exclusive" : "share row exclusive"} mode`,
  )
  return true
}

async function tableExists(session: Session, table: TableName): Promise<boolean> {
  const name = quoteTable(table)
  const { rows } = await session.query("select pg_catalog.to_regclass($1) is not null as there", [name])
  return rows[0].there
}
