/** What a run tells while it goes on: events for the log, counts for a progress bar. */
import type { Manifest } from "@flatbed/contract"
import type { Logger } from "pino"
import { countChanges, formatChanges } from "./columns/column-changes.ts"
import type { ColumnChange } from "./columns/column-contract.ts"
import { manifestBytes } from "./ledger/ledger.ts"
import type { OpenedRun } from "./open-run.ts"
import type { RunReceipt } from "./receipt.ts"
import { rehearsalToJson } from "./rehearsal.ts"
import type { NextRun } from "./schedule/next-run.ts"
import type { Pipeline } from "./settings/pipeline-settings.ts"
import { counted, type RunOutcome, type ShowCommand, summarize } from "./summary.ts"

export type RunProgress = {
  readonly rows: number
  readonly ofRows: number
  readonly chunks: number
  readonly of: number
}

/** `run.started` or `run.resumed`, with what there is to do and the content coding in which it travels. */
export function tellBegin(
  log: Logger,
  manifest: Manifest,
  { resumed, missing }: OpenedRun,
  coding: string,
): void {
  const { dataset, rows, chunks } = manifest
  const fields = {
    dataset,
    rows,
    chunks: chunks.length,
    missing: missing.length,
    bytes: manifestBytes(manifest),
    coding,
  }
  if (resumed) {
    log.info(
      { event: "run.resumed", ...fields },
      `${missing.length} of ${counted(chunks.length, "chunk")} ${missing.length === 1 ? "is" : "are"} missing`,
    )
  } else {
    log.info(
      { event: "run.started", ...fields },
      `${counted(rows, "row")} in ${counted(chunks.length, "chunk")}`,
    )
  }
}

/** `columns.changed`: what is not the same in table and file, and what becomes of it. A warning when that is nothing. */
export function tellChanges(log: Logger, table: string, changes: readonly ColumnChange[]): void {
  const names = [...new Set(changes.map(({ column }) => column))]
  const fields = {
    event: "columns.changed",
    table,
    columns: names.join(", "),
    changes: changes.map(({ column, kind, before, file, policy, outcome }) => ({
      ...{ column, kind, before, file, policy, outcome },
    })),
  }
  const text = `${countChanges(table, changes)}\n${formatChanges(changes)}`
  if (changes.some(({ effect }) => effect === undefined)) log.warn(fields, text)
  else log.info(fields, text)
}

/** `index.made`, for each one that the publish made, and `run.published`. */
export function tellPublished(
  log: Logger,
  table: string,
  { rows, rejects }: RunReceipt,
  indexes: readonly string[],
): void {
  for (const index of indexes)
    log.info({ event: "index.made", table, index }, `${table} has the index ${index} now`)
  log.info({ event: "run.published", table, rows, rejects }, `${table} shows this version`)
}

/** `table.not_swapped`: what `publish: swap` spares was done after all. */
export function tellNotSwapped(log: Logger, { target }: Pipeline): void {
  log.warn(
    { event: "table.not_swapped", table: target },
    `readers held ${target}, or a snapshot older than its new rows, for longer than swap_wait: rows are deleted and inserted instead`,
  )
}

/** Counts chunks as they arrive, beginning with those that an interrupted run left. */
export function createCounter(
  manifest: Manifest,
  { missing }: OpenedRun,
  onProgress: (progress: RunProgress) => void,
): (arrived: readonly { readonly rows: number }[]) => void {
  let rows = manifest.rows - missing.reduce((sum, chunk) => sum + chunk.rows, 0)
  let chunks = manifest.chunks.length - missing.length
  const tell = () => onProgress({ rows, ofRows: manifest.rows, chunks, of: manifest.chunks.length })
  tell()
  return (arrived) => {
    for (const chunk of arrived) rows += chunk.rows
    chunks += arrived.length
    tell()
  }
}

/** A run's last line: what a person reads and grep finds, and what comes next. */
export function tellEnd(
  log: Logger,
  outcome: RunOutcome,
  { next, showCommand }: { readonly next: NextRun; readonly showCommand: ShowCommand },
): void {
  const { run, rows, rejects, filtered, bytes, fetched, problem } = outcome
  const fields = {
    run,
    version: outcome.version,
    newest: outcome.newest,
    rows,
    rejects,
    filtered,
    bytes,
    fetched,
    records: outcome.receipt?.records,
    ...outcome.applied,
    ...(outcome.files === undefined ? {} : { files: outcome.files, known_rows: outcome.knownRows }),
    ...(outcome.rehearsal === undefined ? {} : { rehearsal: rehearsalToJson(outcome.rehearsal) }),
    next: next.at,
    seconds: Number(outcome.seconds.toFixed(3)),
  }
  // What failed is told in whole sentences.
  const sentence = `${summarize(outcome, showCommand).replace(/\.$/, "")}; ${next.words}`
  switch (outcome.outcome) {
    case "published":
    case "rehearsed":
    case "up-to-date":
      log.info({ event: "run.finished", outcome: outcome.outcome, ...fields }, sentence)
      return
    case "skipped":
      log.warn({ event: "run.skipped", code: problem?.code, next: next.at }, sentence)
      return
    case "stopped":
      log.warn({ event: "run.stopped", next: next.at }, sentence)
      return
    case "failed":
      // Only what nobody expected needs its stack; the other problems say it all.
      log.error(
        {
          event: "run.failed",
          code: problem?.code,
          ...problem?.facts,
          ...(problem?.code === "internal" ? { err: problem.cause } : {}),
          hint: problem?.hint,
          next: next.at,
        },
        sentence,
      )
      return
  }
}
