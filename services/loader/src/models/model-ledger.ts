/** What the ledger holds about models: their runs, what each of them saw, and how the last one ended. */
import type { CheckResult } from "../checks/check.ts"
import type { Database, Session } from "../postgres/database.ts"
import type { Made, Model } from "./model.ts"
import type { Facts, MadeRun } from "./staleness.ts"

/** A run that made the model, with what only the next run of it asks. */
export type MadeTable = MadeRun & {
  readonly target: string
  /** Whether the loader made the table: then its columns follow the select. */
  readonly isOwn: boolean
  /** Columns that the select had. */
  readonly columns: readonly string[]
  /** Rows of the table behind it. */
  readonly tableRows: number | undefined
}

export type ModelFacts = Omit<Facts, "made"> & { readonly made: ReadonlyMap<string, MadeTable> }

/** What is known of these models and of what they need. */
export async function readFacts(session: Session, models: readonly Model[]): Promise<ModelFacts> {
  const names = models.map(({ name }) => name)
  const pipelines = [...new Set(models.flatMap((model) => model.pipelines))]
  const publications = await session.query(
    `select pipeline, max(publication_id) as id from ${session.ledger}.publications
      where pipeline = any($1::text[]) group by pipeline`,
    [pipelines],
  )
  const made = await session.query(
    `select distinct on (model) * from ${session.ledger}.model_runs
      where model = any($1::text[]) and state = 'made' order by model, number desc`,
    [names],
  )
  const oids = await session.query(
    `select asked.model, c.oid from unnest($1::text[], $2::text[], $3::text[]) as asked (model, schema, name)
       join pg_catalog.pg_namespace as n on n.nspname = asked.schema
       join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = asked.name`,
    [names, models.map(({ table }) => table.schema), models.map(({ table }) => table.name)],
  )
  return {
    publications: new Map(publications.rows.map((row) => [row.pipeline, Number(row.id)])),
    made: new Map(made.rows.map((row) => [row.model, readMade(row)])),
    oids: new Map(oids.rows.map((row) => [row.model, Number(row.oid)])),
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a row of the driver, read field by field here.
function readMade(row: any): MadeTable {
  return {
    number: Number(row.number),
    definitionSha256: row.definition_sha256,
    targetOid: Number(row.target_oid),
    seenPublications: row.seen_publications,
    seenModels: row.seen_models,
    target: row.target,
    isOwn: row.made_table,
    columns: row.column_names,
    tableRows: row.table_rows === null ? undefined : Number(row.table_rows),
  }
}

/**
 * Begins a run: its row is the lock by which two loaders do not make one model at once. The other one waits here for
 * this transaction, and as its snapshot does not show how that ended it is refused with 40001 and begins again. In a
 * transaction of one snapshot only. Answers the run's number.
 */
export async function claimRun(session: Session, model: Model, token: string): Promise<number> {
  // A model may take as long as a statement may, so whoever waits for it waits as long.
  const before = await session.query("select pg_catalog.current_setting('lock_timeout') as limit")
  await session.query(
    "select pg_catalog.set_config('lock_timeout', pg_catalog.current_setting('statement_timeout'), true)",
  )
  const { rows } = await session.query<{ number: string }>(
    `insert into ${session.ledger}.model_runs (model, number, state, token, form, definition_sha256, target)
     select $1, coalesce(max(number), 0) + 1, 'making', $2, $3, $4, $5 from ${session.ledger}.model_runs where model = $1
     on conflict do nothing returning number`,
    [model.name, token, model.as, model.definitionSha256, model.target],
  )
  await session.query("select pg_catalog.set_config('lock_timeout', $1, true)", [before.rows[0].limit])
  const [claimed] = rows
  if (claimed === undefined) throw new Error(`the run of model ${model.name} was not begun`)
  return Number(claimed.number)
}

/** Notes what the run did and what it saw, in its own transaction. */
export async function recordMade(
  session: Session,
  model: Model,
  facts: ModelFacts,
  done: Made & {
    readonly rows: number | null
    readonly targetOid: number
    readonly isOwn: boolean
    readonly columns: readonly string[]
  },
): Promise<void> {
  const publications = model.pipelines.map((name) => [name, facts.publications.get(name) ?? 0])
  const models = model.models.map((name) => [name, facts.made.get(name)?.number ?? 0])
  await session.query(
    `update ${session.ledger}.model_runs
        set state = 'made', target_oid = $3, made_table = $4, column_names = $5, seen_publications = $6, seen_models = $7,
            rows = $8, table_rows = $9, inserted = $10, updated = $11, unchanged = $12, deleted = $13, rejects = $14,
            new_versions = $15, checks = $16, ended_at = pg_catalog.clock_timestamp()
      where model = $1 and number = $2`,
    [
      ...[model.name, done.number, done.targetOid, done.isOwn, done.columns],
      ...[JSON.stringify(Object.fromEntries(publications)), JSON.stringify(Object.fromEntries(models))],
      ...[done.rows, done.tableRows, done.applied?.inserted ?? null, done.applied?.updated ?? null],
      ...[done.applied?.unchanged ?? null, done.applied?.deleted ?? null, done.rejects],
      ...[done.newVersions ?? null, JSON.stringify(done.checks)],
    ],
  )
}

/** The run of this token, if it was committed: this settles a COMMIT whose answer was lost. */
export async function findMade(session: Session, token: string): Promise<Made | undefined> {
  const { rows } = await session.query(
    `select * from ${session.ledger}.model_runs where token = $1 and state = 'made'`,
    [token],
  )
  const [row] = rows
  if (row === undefined) return undefined
  const count = (name: string) => Number(row[name])
  return {
    number: count("number"),
    tableRows: row.table_rows === null ? null : count("table_rows"),
    applied:
      row.inserted === null
        ? undefined
        : {
            inserted: count("inserted"),
            updated: count("updated"),
            unchanged: count("unchanged"),
            deleted: count("deleted"),
          },
    rejects: count("rejects"),
    checks: row.checks as CheckResult[],
    newVersions: row.new_versions === null ? undefined : count("new_versions"),
  }
}

/** The versions, by their full names, that these pipelines published behind what was seen of them. */
export async function findNewVersions(
  session: Session,
  pipelines: readonly string[],
  seen: Readonly<Record<string, number>>,
): Promise<string[]> {
  const { rows } = await session.query<{ version: string }>(
    `select distinct p.version from unnest($1::text[], $2::bigint[]) as seen (pipeline, id)
       join ${session.ledger}.publications as p on p.pipeline = seen.pipeline and p.publication_id > seen.id`,
    [pipelines, pipelines.map((name) => seen[name] ?? 0)],
  )
  return rows.map(({ version }) => version)
}

const withinMs = 5_000
const tries = 3

/** Notes that a run failed, within five seconds. Never throws: the failure itself is the one to report. */
export async function recordFailed(
  database: Database,
  model: Model,
  problem: { readonly code: string; readonly detail: string },
): Promise<void> {
  const { name, as, definitionSha256, target } = model
  const values = [name, as, definitionSha256, target, problem.code, problem.detail]
  const signal = AbortSignal.timeout(withinMs)
  const insert = async (session: Session) => {
    const { rowCount } = await session.query(
      `insert into ${session.ledger}.model_runs
         (model, number, state, token, form, definition_sha256, target, problem_code, problem_detail, ended_at)
       select $1, coalesce(max(number), 0) + 1, 'failed', pg_catalog.gen_random_uuid()::text, $2, $3, $4, $5, $6,
              pg_catalog.clock_timestamp()
         from ${session.ledger}.model_runs where model = $1
       on conflict do nothing`,
      values,
    )
    return rowCount === 1
  }
  for (let n = 1; n <= tries; n += 1) {
    const done = await database
      .transaction(insert, { doing: `noting that model ${name} failed`, signal })
      .catch(() => true)
    // Another loader's run has taken the number meanwhile.
    if (done) return
  }
}
