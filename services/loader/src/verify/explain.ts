/** Where one row of a table comes from: run, version, chunk, file, line, bytes, and the record as it was written. */
import { findNearest } from "@flatbed/config"
import {
  canonicalCell,
  canonicalCells,
  grammars,
  Problem,
  type RowOrigin,
  versionPattern,
} from "@flatbed/contract"
import { fileColumn, loadedAt, rowColumn, versionColumn } from "../columns/own-columns.ts"
import { type CellDifference, compareLive } from "../explain-difference.ts"
import { askForManifest, askForRows } from "../fetch/ask-source.ts"
import { findLatestPublication, type Publication } from "../ledger/publication-ledger.ts"
import type { Session } from "../postgres/database.ts"
import { parseTable, showTable } from "../postgres/identifier.ts"
import { findTable, type Table } from "../postgres/table.ts"
import { findReject, type RecordedReject } from "../rejects/reject-ledger.ts"
import { isVersionLost } from "../retry.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import type { ShowCommand } from "../summary.ts"
import { compareByText } from "./canonical-columns.ts"
import { type ExplainedRow, findRowsByKey, type KeyValue, readKey } from "./explain-key.ts"
import { findVersionRun, type VersionRun } from "./verify-ledger.ts"
import { readRows, type VerifyParts } from "./verify-parts.ts"

export type AskedRow = {
  /** A table, or a pipeline's name. */
  readonly table: string
  /** Values of the key, or `column=value`. */
  readonly key: readonly string[]
  /** A row of the version that was published last, instead of a key. */
  readonly row: number | undefined
}

export type Explained = {
  readonly pipeline: string
  readonly table: string
  readonly key: readonly KeyValue[]
  /** How the row of the version was found. */
  readonly by: "lineage" | "search" | "number"
  /** Rows of the table with this key; null when a row was asked for by its number. */
  readonly matches: number | null
  /** The first of them. */
  readonly live: ExplainedRow | undefined
  readonly version: string
  readonly row: number
  readonly file: string | null
  readonly run: VersionRun | undefined
  /** Undefined when the source no longer has that version. */
  readonly origin: RowOrigin | undefined
  readonly reject: RecordedReject | undefined
  /** The columns in which the table's row is another one; undefined where there is nothing to compare. */
  readonly differences: readonly CellDifference[] | undefined
}

type Where = {
  readonly version: string
  readonly row: number
  readonly file: string | null
  /** When the row came, as Postgres writes it, where the row says so: one version may have been published several times. */
  readonly loadedAt?: string
}

/**
 * By the row's lineage where the table has it, else by looking for the key in the version that was published last.
 *
 * @throws Problem `usage-invalid` for a table that no pipeline loads, a key that cannot be, and one that is nowhere.
 */
export async function explainRow(
  pipelines: readonly Pipeline[],
  asked: AskedRow,
  parts: VerifyParts,
  showCommand: ShowCommand,
): Promise<Explained> {
  refuseBoth(asked)
  const pipeline = findPipeline(pipelines, asked.table)
  const { target } = pipeline
  const doing = `looking for the row in ${target}`
  const { table, publication, key, live } = await parts.database.transaction(
    async (session) => await lookAtTable(session, pipeline, asked, showCommand),
    { doing, oneSnapshot: true },
  )
  const lineage = live?.rows[0] === undefined ? undefined : readLineage(live.rows[0])
  const where =
    asked.row !== undefined
      ? { version: publication.version, row: asked.row, file: null }
      : (lineage ?? (await searchVersion(pipeline, publication, table, key, parts)))
  if (where === undefined) throw nowhere(pipeline, publication, key, live?.matches ?? 0)
  const known = await parts.database.transaction(
    async (session) => {
      const run = await findVersionRun(session, target, where.version, where.loadedAt)
      return { run, reject: run === undefined ? undefined : await findReject(session, run.run, where.row) }
    },
    { doing: "asking the ledger" },
  )
  const origin = await findOrigin(pipeline, where, parts)
  const first = live?.rows[0]
  const differences =
    first === undefined || origin === undefined
      ? undefined
      : await compareLive(pipeline, table, first.place, where, parts)
  return {
    pipeline: pipeline.name,
    table: target,
    key,
    by: asked.row !== undefined ? "number" : lineage === undefined ? "search" : "lineage",
    matches: live?.matches ?? null,
    live: first,
    ...{ version: where.version, row: where.row, file: where.file },
    ...known,
    origin,
    differences,
  }
}

function refuseBoth({ table, key, row }: AskedRow): void {
  if (row === undefined || key.length === 0) return
  const detail = `A row is asked for by a key (${key.join(" ")}) or by its number (--row ${row}), and both were given.`
  throw new Problem("usage-invalid", detail, { hint: "Leave out one of them.", facts: { table } })
}

async function lookAtTable(session: Session, pipeline: Pipeline, asked: AskedRow, showCommand: ShowCommand) {
  const { target } = pipeline
  const publication = await findLatestPublication(session, target)
  const table = await findTable(session, pipeline.table)
  if (publication === undefined || table === undefined) {
    const what = publication === undefined ? "Nothing was published into" : "There is no table"
    throw new Problem("usage-invalid", `${what} ${target}.`, {
      hint: `Load it first: ${showCommand(`load ${pipeline.name}`)}`,
      facts: { table: target },
    })
  }
  if (asked.row !== undefined) return { table, publication, key: [], live: undefined }
  const key = readKey(pipeline, table, asked.key)
  return { table, publication, key, live: await findRowsByKey(session, pipeline, table, key) }
}

function findPipeline(pipelines: readonly Pipeline[], written: string): Pipeline {
  const name = parseTable(written)
  const found =
    pipelines.find(({ target }) => name !== undefined && target === showTable(name)) ??
    pipelines.find((pipeline) => pipeline.name === written)
  if (found !== undefined) return found
  const known = pipelines.map(({ target }) => target)
  const near = findNearest(written.includes(".") ? written : `public.${written}`, known)
  throw new Problem("usage-invalid", `No pipeline loads a table ${written}; there are ${known.join(", ")}.`, {
    hint: near === undefined ? "Name one of these, or a pipeline." : `Did you mean ${near}?`,
  })
}

function readLineage({ cells }: ExplainedRow): Where | undefined {
  const [version, row, file] = [versionColumn, rowColumn, fileColumn].map((name) => cells[name] ?? null)
  if (version === null || row === null || version === undefined || row === undefined) return undefined
  const at = cells[loadedAt] ?? null
  return { version, row: Number(row), file: file ?? null, ...(at === null ? {} : { loadedAt: at }) }
}

/** The first row of the version with this key. Chunk by chunk: what is in memory is one of them. */
async function searchVersion(
  pipeline: Pipeline,
  { version }: Publication,
  table: Table,
  key: readonly KeyValue[],
  parts: VerifyParts,
): Promise<Where | undefined> {
  const manifest = await askForManifest(pipeline.dataset, version, parts)
  const compared = compareByText(manifest.columns, table)
  const isKey = (name: string) => key.some(({ column }) => column === name)
  // Only the key's cells are looked at.
  const columns = compared.map((column) =>
    isKey(column.name) ? column : { ...column, type: "left-out" as const },
  )
  const wanted = columns.flatMap(({ name, type }) => {
    const value = key.find(({ column }) => column === name)?.value
    if (type === "left-out" || value === undefined) return []
    return [value !== null && grammars[type].accepts(value) ? canonicalCell(type, value) : value]
  })
  if (wanted.length < key.length) return undefined
  const types = columns.map(({ type }) => type)
  for (const chunk of manifest.chunks) {
    const { lines, rows } = await readRows({ manifest, columns, refused: new Set() }, chunk, parts)
    let from = 0
    let at = chunk.first_row
    for (const { row } of rows) {
      // Between them are lines of records that were set aside.
      for (; at < row; at++) from = lines.indexOf("\n", from) + 1
      const to = lines.indexOf("\n", from)
      const cells = canonicalCells(lines.toString("utf8", from, to), types)
      if (cells.every((cell, i) => cell === wanted[i])) return { version, row, file: chunk.file }
    }
    parts.source.reuse(lines)
  }
  return undefined
}

async function findOrigin(
  { dataset, target }: Pipeline,
  { version, row }: Where,
  parts: VerifyParts,
): Promise<RowOrigin | undefined> {
  // It may come from the table, where anybody may have written it.
  if (!new RegExp(versionPattern).test(version)) return undefined
  try {
    return (await askForRows(dataset, version, [row], parts))[0]
  } catch (error) {
    if (isVersionLost(error)) return undefined
    // As for a key that is nowhere: what was asked for is not there, and the source is well.
    if (error instanceof Problem && error.code === "row-out-of-range")
      throw new Problem("usage-invalid", error.message, {
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        facts: { table: target, version, row },
      })
    throw error
  }
}

function nowhere(
  { target, rules }: Pipeline,
  { version }: Publication,
  key: readonly KeyValue[],
  matches: number,
): Problem {
  const shown = key.map(
    ({ column, value }) => `${column} = ${value === null ? "NULL" : JSON.stringify(value)}`,
  )
  const of = version.slice(0, 12)
  const detail =
    matches === 0
      ? `No row of ${target} has ${shown.join(" and ")}, nor has one of version ${of}.`
      : `A row of ${target} has ${shown.join(" and ")}, and none of version ${of}, which was published last.`
  const hint = rules.lineage
    ? "Rows that were there before lineage was asked for do not say whence they are."
    : "With lineage: true in the settings each row says which version brought it, from the next load on."
  return new Problem("usage-invalid", detail, { hint, facts: { table: target, version } })
}
