/** Whether a table is what was published: its rows against those of the version, as the source has them. */
import { addDigests, asProblem, formatDigest, noRows, Problem, type RowsDigest } from "@flatbed/contract"
import { askForManifest } from "./ask-source.ts"
import { type ComparedColumn, compareByText } from "./canonical-columns.ts"
import { compareLineage } from "./compare-lineage.ts"
import { compareRows } from "./compare-rows.ts"
import { deletedAt } from "./own-columns.ts"
import type { Pipeline } from "./pipeline-settings.ts"
import { quoteName, quoteTable } from "./postgres/identifier.ts"
import type { Table } from "./postgres/table.ts"
import { digestTable, type RowsOf } from "./postgres/table-digest.ts"
import { isVersionLost } from "./retry.ts"
import { counted, type ShowCommand } from "./summary.ts"
import { type Difference, type Differences, describeDifference } from "./verify-difference.ts"
import { countAppended, findRefusedRows, findStanding, type Standing } from "./verify-ledger.ts"
import { type ComparedVersion, digestChunks, type VerifyParts } from "./verify-parts.ts"

export type Verified = {
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
  readonly missing: number
  readonly extra: number
  readonly first: Difference | undefined
  readonly seconds: number
  readonly problem: Problem | undefined
}

type Found = Pick<Verified, "outcome" | "rows"> &
  Partial<Pick<Verified, "digest" | "notes" | "missing" | "extra" | "first" | "problem">>

type Asked = {
  readonly pipeline: Pipeline
  readonly standing: Standing
  readonly version: ComparedVersion
  readonly rowsOf: RowsOf
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
      found = await compare(pipeline, standing, refused, parts)
      if (found === undefined && tries === mostTries) throw overtaken(pipeline)
    }
  } catch (error) {
    parts.signal.throwIfAborted()
    const problem = isVersionLost(error) ? lost(pipeline, version ?? "", showCommand) : asProblem(error)
    found = { outcome: "failed", rows: 0, problem }
  }
  return {
    pipeline: pipeline.name,
    table: pipeline.target,
    version,
    ...{ digest: null, notes: [], missing: 0, extra: 0, first: undefined, problem: undefined },
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
): Promise<Found | undefined> {
  const { table, publication, applied } = standing
  const { rules, mode } = pipeline
  const where = rules.deletes.soft ? `t.${quoteName(deletedAt)} is null` : undefined
  const rowsOf = { table: pipeline.table, where }
  // An older row of the version gave way to one of the table, which no longer is of this version.
  const isVersion = (mode === "replace" || mode === "mirror") && applied.older === 0
  if (!isVersion && !rules.lineage) return await compareCounts(pipeline, standing, rowsOf, parts)
  const manifest = await askForManifest(pipeline.dataset, publication.version, parts)
  const columns = compareByText(manifest.columns, table)
  if (columns.every(({ type }) => type === "left-out"))
    return await compareCounts(pipeline, standing, rowsOf, parts)
  const asked = { pipeline, standing, version: { manifest, columns, refused }, rowsOf }
  const found = isVersion ? await compareWhole(asked, parts) : await compareByLineage(asked, parts)
  const notes = tellLeftOut(columns, table)
  return found === undefined ? undefined : { ...found, notes: [...(found.notes ?? []), ...notes] }
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
  const { pipeline, standing, rowsOf } = asked
  const { dataset, target, mode } = pipeline
  const { table } = standing
  const keepsRows = mode === "append"
  const result = await parts.database.transaction(
    (session) => compareLineage(session, { dataset, target, table, rowsOf, keepsRows }, parts),
    { doing: `comparing ${target}`, signal: parts.signal, oneSnapshot: true },
  )
  const { rows, versions, notes, missing, extra } = result
  if (missing > 0 || extra > 0) return { ...differ(asked, rows, result), notes }
  if (versions === 0) return { outcome: "counts-only", rows, notes }
  const by = `by lineage: ${counted(rows, "row")} of ${counted(versions, "version")}`
  return { outcome: "equal", rows, notes: [by, ...notes] }
}

/** What can be said without lineage: how many rows the table has at least. */
async function compareCounts(
  pipeline: Pipeline,
  { applied, table, publication }: Standing,
  { where }: RowsOf,
  parts: VerifyParts,
): Promise<Found> {
  const { rows, least } = await parts.database.transaction(
    async (session) => {
      const counting = `select count(*) as rows from ${quoteTable(pipeline.table)} as t`
      const text = where === undefined ? counting : `${counting} where ${where}`
      const brought = applied.inserted + applied.updated + applied.unchanged + applied.older
      return {
        rows: Number((await session.query(text)).rows[0].rows),
        least:
          pipeline.mode === "append" ? await countAppended(session, pipeline.target, table.oid) : brought,
      }
    },
    { doing: `counting ${pipeline.target}`, signal: parts.signal, oneSnapshot: true },
  )
  const notes = ["set lineage: true in the settings to have rows compared"]
  if (rows >= least) return { outcome: "counts-only", rows, notes }
  const found = `${pipeline.target} has ${counted(rows, "row")}, and ${counted(least, "row")} were published into it`
  return {
    outcome: "failed",
    rows,
    missing: least - rows,
    problem: notTheSame(pipeline, publication.version, `${found}.`),
  }
}

function differ({ pipeline, standing }: Asked, rows: number, { missing, extra, first }: Differences): Found {
  const { version } = standing.publication
  const parts = [
    ...(missing === 0
      ? []
      : [`${counted(missing, "row")} of the version ${missing === 1 ? "is" : "are"} not in it`]),
    ...(extra === 0
      ? []
      : [`${counted(extra, "row")} of it ${extra === 1 ? "is" : "are"} not in the version`]),
  ]
  const detail = `${pipeline.target} is not version ${version.slice(0, 12)}: ${parts.join(", ")}.`
  const where = first === undefined ? "" : ` First: ${describeDifference(first)}.`
  return {
    ...{ outcome: "failed", rows, missing, extra, first },
    problem: notTheSame(pipeline, version, detail + where),
  }
}

function notTheSame({ name, target }: Pipeline, version: string, detail: string): Problem {
  return new Problem("verify-failed", detail, {
    hint: `Somebody or something wrote into the table besides ${name}. To have the version's rows again: drop the table and load.`,
    facts: { table: target, version },
  })
}

function lost({ name, dataset, target }: Pipeline, version: string, showCommand: ShowCommand): Problem {
  const shown = version.slice(0, 12)
  return new Problem(
    "version-gone",
    `The source no longer has version ${shown} of ${dataset}, which was published into ${target}.`,
    {
      hint: `Load the current version, then verify: ${showCommand(`load ${name}`)}`,
      facts: { table: target, version },
    },
  )
}

function overtaken({ name, target }: Pipeline): Problem {
  return new Problem(
    "lease-lost",
    `Another version was published into ${target} while it was compared, ${mostTries} times.`,
    { hint: `Run verify when ${name} rests.`, facts: { table: target } },
  )
}
