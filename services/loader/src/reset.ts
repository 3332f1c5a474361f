/** What `reset` does: the ledger forgets a pipeline's table, and the next load starts as if it were the first. */
import { claimLease, type Lease, type LeaseSettings } from "./lease.ts"
import { findOpenRuns, recordAbandoned } from "./ledger/ledger.ts"
import { findLatestPublication } from "./ledger/publication-ledger.ts"
import type { Database, Session } from "./postgres/database.ts"
import { dropStaging } from "./postgres/staging.ts"
import { findTable } from "./postgres/table.ts"
import type { Patience } from "./retry.ts"
import type { Pipeline } from "./settings/pipeline-settings.ts"
import { counted } from "./summary.ts"

/** What the ledger knows of a pipeline's table. */
export type Known = {
  readonly pipeline: string
  readonly table: string
  /** Whether the table is there: it stays as it is. */
  readonly has_table: boolean
  /** The version that it shows, as far as the ledger knows. */
  readonly version: string | null
  /** Runs that the next load could have resumed, with their staging. */
  readonly open_runs: readonly number[]
  /** Contents that mode `append` would not load again. */
  readonly files: number
}

/** Reads what a reset would forget, in one transaction. */
export async function findKnown(session: Session, pipeline: Pipeline): Promise<Known> {
  const { name, target, table } = pipeline
  const publication = await findLatestPublication(session, target)
  const { rows } = await session.query<{ files: string }>(
    `select count(*) as files from ${session.ledger}.files where target = $1`,
    [target],
  )
  return {
    pipeline: name,
    table: target,
    has_table: (await findTable(session, table)) !== undefined,
    version: publication?.version ?? null,
    open_runs: (await findOpenRuns(session, name)).map(({ runId }) => runId),
    files: Number(rows[0]?.files ?? 0),
  }
}

/**
 * Forgets it: open runs and their staging, the version that the table shows, the files that it holds, how the last
 * attempt ended. Published runs and their rejects stay, as history. The table is not touched.
 *
 * @throws Problem `lease-held` while a run has the pipeline.
 */
export async function resetPipeline(
  pipeline: Pipeline,
  parts: {
    readonly database: Database
    readonly lease: LeaseSettings
    readonly patience: Patience
    /** A name that nobody else has. */
    readonly owner: string
  },
): Promise<Known> {
  const { database, patience, owner } = parts
  const claim = { pipeline: pipeline.name, owner }
  const lease = await claimLease(claim, parts.lease, { database, patience, onLost: () => undefined })
  try {
    return await forget(pipeline, lease)
  } finally {
    await lease.release()
  }
}

async function forget(pipeline: Pipeline, lease: Lease): Promise<Known> {
  const { name, target } = pipeline
  return await lease.transaction(
    async (session) => {
      const known = await findKnown(session, pipeline)
      await dropStaging(session, known.open_runs)
      await recordAbandoned(session, known.open_runs)
      await session.query(
        `update ${session.ledger}.publications set forgotten_at = pg_catalog.clock_timestamp()
          where target = $1 and forgotten_at is null`,
        [target],
      )
      await session.query(`delete from ${session.ledger}.files where target = $1`, [target])
      await session.query(`delete from ${session.ledger}.attempts where pipeline = $1`, [name])
      return known
    },
    { doing: `forgetting what is known of ${target}` },
  )
}

/** What a reset forgets, or `forgot`, and what the next load does then: sentences for a person, a line each. */
export function describeReset(known: Known, mode: Pipeline["mode"], forgets: "forgets" | "forgot"): string {
  const { pipeline, table, version, open_runs: runs, files } = known
  const what = [
    version === null ? "no version" : `that ${table} shows version ${version.slice(0, 12)}`,
    runs.length === 0 ? [] : `${counted(runs.length, "run")} that could be resumed, with staging`,
    files === 0 ? [] : `${counted(files, "file")} whose rows it holds`,
  ].flat()
  const stays = known.has_table ? `${table} and its rows stay as they are.` : `${table} is not there.`
  return `${pipeline}: the ledger ${forgets} ${what.join("; ")}. ${stays}\n${describeNextLoad(known, mode)}`
}

function describeNextLoad({ table, has_table: hasTable }: Known, mode: Pipeline["mode"]): string {
  if (!hasTable) return "The next load makes the table and loads the newest version into it."
  switch (mode) {
    case "replace":
      return "The next load puts the newest version in the place of the rows that are there."
    case "append":
      return `The next load appends all files of the newest version, also those whose rows are there already: empty ${table} first, or they are there twice.`
    case "upsert":
      return "The next load compares the newest version with the rows that are there, by key."
    case "mirror":
      return "The next load compares the newest version with the rows that are there, by key, and deletes what it does not have, within deletes.limit."
  }
}
