/**
 * Whether a table is what was published: its rows against those of the version, as the source has them. Long because each
 * of the ways to compare stands beside the sentences that it may end with.
 */
import {
  addDigests,
  asProblem,
  type Column,
  formatDigest,
  noRows,
  Problem,
  type RowsDigest,
} from "@flatbed/contract"
import { deletedAt } from "../columns/own-columns.ts"
import { askForDataset, askForManifest } from "../fetch/ask-source.ts"
import { quoteName, quoteTable } from "../postgres/identifier.ts"
import type { Table } from "../postgres/table.ts"
import { digestTable, type RowsOf } from "../postgres/table-digest.ts"
import { isVersionLost } from "../retry.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import { counted, type ShowCommand } from "../summary.ts"
import { adviseColumns, adviseRepair, findLostColumns } from "../verify-advice.ts"
import { type ComparedColumn, compareByText } from "./canonical-columns.ts"
import { compareLineage } from "./compare-lineage.ts"
import { compareRows } from "./compare-rows.ts"
import {
  type Differences,
  describeDifferences,
  describeLacking,
  type LackingVersion,
  noDifferences,
} from "./verify-difference.ts"
import { findExpected, findRefusedRows, findStanding, type Standing } from "./verify-ledger.ts"
import { type ComparedVersion, digestChunks, type VerifyParts } from "./verify-parts.ts"

export type Verified = Differences & {
  readonly pipeline: string
  readonly table: string
  readonly version: string | null
  /** `counts-only`: nothing tells which rows the table has to hold, and their number may be right. */
  readonly outcome: "equal" | "counts-only" | "failed"
  /** Rows of the table that were compared, or counted. */
  readonly rows: number
  /** Of all rows, where they were compared as a whole. */
  readonly digest: string | null
  /** What was not compared, and why. */
  readonly notes: readonly string[]
  /** How many of the version's columns the table has, and how many they are; null where none were compared. */
  readonly columns: { readonly compared: number; readonly of: number } | null
  /** The versions of which fewer rows are in the table than were published; only looked for by lineage. */
  readonly lacking: readonly LackingVersion[]
  readonly seconds: number
  readonly problem: Problem | undefined
}

type Found = Pick<Verified, "outcome" | "rows"> &
  Partial<Omit<Verified, "pipeline" | "table" | "version" | "seconds">>

type Asked = {
  readonly pipeline: Pipeline
  readonly standing: Standing
  readonly version: ComparedVersion
  readonly rowsOf: RowsOf
  readonly showCommand: ShowCommand
}

/** Compares the pipeline's table with what was published last. Never rejects: what stopped it is in the answer. */
export async function verifyPipeline(
  pipeline: Pipeline,
  parts: VerifyParts,
  showCommand: ShowCommand,
): Promise<Verified> {
  const began = performance.now()
  let version: string | null = null
  let found: Found | undefined
  try {
    for (let tries = 1; found === undefined; tries++) {
      const { standing, refused } = await parts.database.transaction(
        async (session) => {
          const standing = await findStanding(session, pipeline, showCommand)
          return { standing, refused: await findRefusedRows(session, standing.publication.runId) }
        },
        { doing: `looking at ${pipeline.target}` },
      )
      version = standing.publication.version
      found = await compare(pipeline, standing, refused, parts, showCommand)
      if (found === undefined && tries === mostTries) throw overtaken(pipeline)
    }
  } catch (error) {
    parts.signal.throwIfAborted()
    const problem = isVersionLost(error)
      ? await tellLost(pipeline, version ?? "", parts, showCommand)
      : asProblem(error)
    found = { outcome: "failed", rows: 0, problem }
  }
  return {
    pipeline: pipeline.name,
    table: pipeline.target,
    version,
    ...{ ...noDifferences, digest: null, notes: [], columns: null, lacking: [], problem: undefined },
    ...found,
    seconds: (performance.now() - began) / 1000,
  }
}

const mostTries = 3

/** Undefined when another version was published meanwhile. */
async function compare(
  pipeline: Pipeline,
  standing: Standing,
  refused: ReadonlySet<number>,
  parts: VerifyParts,
  showCommand: ShowCommand,
): Promise<Found | undefined> {
  const { table, publication, applied } = standing
  const { rules, mode } = pipeline
  const where = rules.deletes.soft ? `t.${quoteName(deletedAt)} is null` : undefined
  const rowsOf = { table: pipeline.table, where }
  // An older row of the version gave way to one of the table, which no longer is of this version.
  const isVersion = (mode === "replace" || mode === "mirror") && applied.older === 0
  if (!isVersion && !rules.lineage) return await compareCounts(pipeline, standing, rowsOf, parts, showCommand)
  const manifest = await askForManifest(pipeline.dataset, publication.version, parts)
  const columns = compareByText(manifest.columns, table)
  const compared = columns.filter(({ type }) => type !== "left-out").length
  const asked = { pipeline, standing, version: { manifest, columns, refused }, rowsOf, showCommand }
  const found =
    compared === 0
      ? await compareCounts(pipeline, standing, rowsOf, parts, showCommand)
      : isVersion
        ? await compareWhole(asked, parts)
        : await compareByLineage(asked, parts)
  if (found === undefined) return undefined
  const lost = findLostColumns(manifest.columns, table, pipeline)
  const whole = {
    ...found,
    columns: { compared, of: columns.length },
    notes: [...(found.notes ?? []), ...tellLeftOut(columns, table)],
  }
  return lost.length === 0 ? whole : { ...whole, ...tellLostColumns(asked, lost, found) }
}

/** A table without a column that was published is not the version, however its other columns are. */
function tellLostColumns({ pipeline, standing, showCommand }: Asked, lost: readonly Column[], found: Found) {
  const { target } = pipeline
  const { version } = standing.publication
  const names = lost.map(({ name }) => JSON.stringify(name)).join(", ")
  const what = `${target} has no ${lost.length === 1 ? "column" : "columns"} ${names}, which version ${version.slice(0, 12)} has.`
  const equal = `In the other columns ${found.rows === 1 ? "its row is equal" : `its ${counted(found.rows, "row")} are equal`}.`
  const others = found.problem?.message ?? (found.outcome === "equal" ? equal : "")
  return {
    outcome: "failed",
    problem: new Problem("verify-failed", `${what} ${others}`.trim(), {
      hint: adviseColumns(lost, pipeline, showCommand),
      facts: { table: target, version },
    }),
  } as const
}

function tellLeftOut(columns: readonly ComparedColumn[], table: Table): string[] {
  const there = new Set(table.columns.map(({ name }) => name))
  const left = columns.flatMap(({ name, type }) => (type === "left-out" ? [name] : []))
  const tell = (names: readonly string[], why: string) =>
    names.length === 0 ? [] : [`left out: ${names.map((name) => JSON.stringify(name)).join(", ")}, ${why}`]
  return [
    ...tell(
      left.filter((name) => !there.has(name)),
      "which the table does not have",
    ),
    ...tell(
      left.filter((name) => there.has(name)),
      "which the table has as a type that shows other values",
    ),
  ]
}

/** The table has the version's rows and no others; of those that `dedupe` told are the same, some are not there. */
async function compareWhole(asked: Asked, parts: VerifyParts): Promise<Found | undefined> {
  const { pipeline, standing, version, rowsOf } = asked
  const { repeated } = standing.applied
  const { key } = pipeline.rules
  const [live, served] = await Promise.all([
    parts.database.transaction((session) => digestTable(session, rowsOf, version.columns), {
      doing: `hashing ${pipeline.target}`,
      signal: parts.signal,
    }),
    digestVersion(version, parts),
  ])
  const digest = formatDigest(live)
  if (live.rows === served.rows && digest === formatDigest(served))
    return { outcome: "equal", rows: live.rows, digest }
  const { now, differences } = await parts.database.transaction(
    async (session) => ({
      now: await findStanding(session, pipeline, (args) => args),
      differences: await compareRows(session, rowsOf, version, { key, mayLack: repeated > 0 }, parts),
    }),
    { doing: `comparing ${pipeline.target}`, signal: parts.signal, oneSnapshot: true },
  )
  if (now.publication.runId !== standing.publication.runId) return undefined
  const { missing, extra } = differences
  if (extra === 0 && missing === repeated) {
    const notes = repeated === 0 ? [] : [`${counted(repeated, "row")} of the version gave way to others`]
    return { outcome: "equal", rows: served.rows - repeated, notes }
  }
  return differ(asked, live.rows, differences)
}

async function digestVersion(version: ComparedVersion, parts: VerifyParts): Promise<RowsDigest> {
  const digests = await digestChunks(version, version.manifest.chunks, parts)
  return [...digests.values()].reduce(addDigests, noRows)
}

async function compareByLineage(asked: Asked, parts: VerifyParts): Promise<Found> {
  const { pipeline, standing, rowsOf, showCommand } = asked
  const { dataset, target, mode } = pipeline
  const { table, publication } = standing
  const keepsRows = mode === "append"
  const { least, result } = await parts.database.transaction(
    async (session) => {
      const expected = await findExpected(session, pipeline, standing)
      const comparison = { dataset, target, table, rowsOf, keepsRows, expected }
      return { least: expected.least, result: await compareLineage(session, comparison, parts) }
    },
    { doing: `comparing ${target}`, signal: parts.signal, oneSnapshot: true },
  )
  const { rows, versions, allRows, notes, extra, lacking } = result
  const missing = Math.max(result.missing, least - allRows)
  if (missing > 0 || extra > 0) {
    const { repeated, first, firstRepeated } = result
    const differences = { missing, extra, repeated, first, firstRepeated }
    // Of rows by key the number says more: those that are gone may have named any version.
    const counts =
      keepsRows || allRows >= least ? describeLacking(lacking) : ` ${tellFewer(target, allRows, least)}`
    const what = describeDifferences(differences, "that were published")
    const detail = `${target} is not what was published into it: ${what}${counts}`
    const isEmpty = allRows === 0
    const problem = notTheSame(pipeline, publication.version, detail, showCommand, isEmpty)
    return { outcome: "failed", rows, ...differences, lacking, notes, problem }
  }
  if (versions === 0) return { outcome: "counts-only", rows: allRows, notes }
  const by = `by lineage: ${counted(rows, "row")} of ${counted(versions, "version")}`
  return { outcome: "equal", rows, notes: [by, ...notes] }
}

const tellFewer = (target: string, rows: number, least: number) =>
  `${target} has ${counted(rows, "row")}, and ${counted(least, "row")} were published into it.`

/** What can be said without lineage: how many rows the table has at least. */
async function compareCounts(
  pipeline: Pipeline,
  standing: Standing,
  { where }: RowsOf,
  parts: VerifyParts,
  showCommand: ShowCommand,
): Promise<Found> {
  const { target } = pipeline
  const { rows, least } = await parts.database.transaction(
    async (session) => {
      const counting = `select count(*) as rows from ${quoteTable(pipeline.table)} as t`
      const text = where === undefined ? counting : `${counting} where ${where}`
      return {
        rows: Number((await session.query(text)).rows[0].rows),
        least: (await findExpected(session, pipeline, standing)).least,
      }
    },
    { doing: `counting ${target}`, signal: parts.signal, oneSnapshot: true },
  )
  const notes = ["set lineage: true in the settings to have rows compared"]
  if (rows >= least) return { outcome: "counts-only", rows, notes }
  const { version } = standing.publication
  return {
    outcome: "failed",
    rows,
    missing: least - rows,
    problem: notTheSame(pipeline, version, tellFewer(target, rows, least), showCommand, rows === 0),
  }
}

function differ({ pipeline, standing, showCommand }: Asked, rows: number, differences: Differences): Found {
  const { version } = standing.publication
  const { missing, extra, repeated, first, firstRepeated } = differences
  const detail = `${pipeline.target} is not version ${version.slice(0, 12)}: ${describeDifferences(differences)}`
  return {
    ...{ outcome: "failed", rows, missing, extra, repeated, first, firstRepeated },
    problem: notTheSame(pipeline, version, detail, showCommand),
  }
}

function notTheSame(
  pipeline: Pipeline,
  version: string,
  detail: string,
  showCommand: ShowCommand,
  isEmpty = false,
): Problem {
  return new Problem("verify-failed", detail, {
    hint: adviseRepair(pipeline, showCommand, isEmpty),
    facts: { table: pipeline.target, version },
  })
}

/** The version is gone; why there may be none to load instead is what the dataset says. */
async function tellLost(
  { name, dataset, target }: Pipeline,
  version: string,
  parts: VerifyParts,
  showCommand: ShowCommand,
): Promise<Problem> {
  const shown = version.slice(0, 12)
  const gone = `The source no longer has version ${shown} of ${dataset}, which was published into ${target}.`
  const facts = { table: target, version }
  try {
    await askForDataset(dataset, undefined, parts)
  } catch (error) {
    parts.signal.throwIfAborted()
    const { message, hint } = asProblem(error)
    const first = hint === undefined ? "First put that right." : `First put that right: ${hint}`
    return new Problem("version-gone", `${gone} Nor has it a newer one: ${message}`, { hint: first, facts })
  }
  return new Problem("version-gone", gone, {
    hint: `Load the current version, then verify: ${showCommand(`load ${name}`)}`,
    facts,
  })
}

function overtaken({ name, target }: Pipeline): Problem {
  return new Problem(
    "lease-lost",
    `Another version was published into ${target} while it was compared, ${mostTries} times.`,
    { hint: `Run verify when ${name} rests.`, facts: { table: target } },
  )
}
