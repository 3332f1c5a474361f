/** What the ledger holds about models: their runs, what each of them saw, and how the last one ended. */
import type { CheckResult } from "../checks/check.ts"
import type { Database, Session } from "../postgres/database.ts"
import type { Made, Model } from "./model.ts"
import type { Facts, MadeRun } from "./staleness.ts"

/** The run that made the model's table as it stands, with what only the next run asks. */
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
  const found = await session.query(
    `select asked.model, c.oid from unnest($1::text[], $2::text[], $3::text[]) as asked (model, schema, name)
       join pg_catalog.pg_namespace as n on n.nspname = asked.schema
       join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = asked.name`,
    [names, models.map(({ table }) => table.schema), models.map(({ table }) => table.name)],
  )
  const oids = new Map(found.rows.map((row) => [row.model as string, Number(row.oid)]))
  const runs = await session.query(
    `select distinct on (model, target_oid) * from ${session.ledger}.model_runs
      where (model = any($1::text[]) or target_oid = any($2::oid[])) and state = 'made'
      order by model, target_oid, number desc`,
    [names, [...oids.values()]],
  )
  const made = runs.rows.map((row) => ({
    name: row.model as string,
    startedAt: row.started_at,
    run: readMade(row),
  }))
  return {
    publications: new Map(publications.rows.map((row) => [row.pipeline, Number(row.id)])),
    made: new Map(
      names.flatMap((name) => {
        const known = findShown(made, name, oids.get(name))
        return known === undefined ? [] : [[name, known] as const]
      }),
    ),
    oids,
  }
}

type MadeBy = { readonly name: string; readonly startedAt: Date; readonly run: MadeTable }

/**
 * What made the table of this model as it stands. That belongs to the table and not to a name: a model that is called
 * something else now has the table, and all that came into it, still.
 */
function findShown(all: readonly MadeBy[], name: string, oid: number | undefined): MadeTable | undefined {
  const own = all.filter((one) => one.name === name).sort((a, b) => b.run.number - a.run.number)[0]?.run
  const here = all.filter(({ run }) => run.targetOid === oid)
  const [last] = here.sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime())
  if (last === undefined) return own
  const seen: Record<string, number> = {}
  for (const { run } of here)
    for (const [pipeline, id] of Object.entries(run.seenPublications))
      seen[pipeline] = Math.max(seen[pipeline] ?? 0, id)
  // Who needs the model counts its own runs.
  return { ...last.run, number: own?.number ?? 0, seenPublications: seen }
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

/**
 * Notes what the run did and what it saw, in its own transaction. `before`: what the rows saw that stay, also of pipelines
 * that the model does not need any more.
 */
export async function recordMade(
  session: Session,
  model: Model,
  facts: ModelFacts,
  before: Readonly<Record<string, number>>,
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
      ...[
        JSON.stringify({ ...before, ...Object.fromEntries(publications) }),
        JSON.stringify(Object.fromEntries(models)),
      ],
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

/**
 * The versions, by their full names, that these pipelines published behind what was seen of them. With `once` none that is
 * among those seen: one that was published again, by whatever pipeline, has the rows that it had.
 */
export async function findNewVersions(
  session: Session,
  pipelines: readonly string[],
  seen: Readonly<Record<string, number>>,
  once: boolean,
): Promise<string[]> {
  const { rows } = await session.query<{ version: string }>(
    `with seen as (select * from unnest($1::text[], $2::bigint[]) as seen (pipeline, id))
     select distinct p.version from unnest($3::text[]) as needed (pipeline)
       join ${session.ledger}.publications as p on p.pipeline = needed.pipeline
       left join seen on seen.pipeline = p.pipeline
      where p.publication_id > coalesce(seen.id, 0)
        and not ($4 and exists (select from seen join ${session.ledger}.publications as q
                                  on q.pipeline = seen.pipeline and q.publication_id <= seen.id
                                 where q.version = p.version))`,
    [Object.keys(seen), Object.values(seen), pipelines, once],
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
