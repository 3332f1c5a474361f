/** Due moments in the ledger: several loaders, one run per tick. */
import type { Database, Session } from "../postgres/database.ts"

/**
 * Takes a tick: true when it is later than the last one taken, for exactly one claimant. Asking again under the
 * same name, a name no other process has, answers the same: so a claim whose answer was lost may be repeated.
 */
export async function claimTick(
  session: Session,
  pipeline: string,
  tick: Date,
  claimant: string,
): Promise<boolean> {
  const { rowCount } = await session.query(
    `insert into ${session.ledger}.ticks as last (pipeline, tick, claimed_by) values ($1, $2, $3)
     on conflict (pipeline) do update
       set tick = excluded.tick, claimed_by = excluded.claimed_by, claimed_at = pg_catalog.clock_timestamp()
       where last.tick < excluded.tick or (last.tick = excluded.tick and last.claimed_by = excluded.claimed_by)`,
    [pipeline, tick, claimant],
  )
  return rowCount === 1
}

/** The last tick that any loader took; undefined before the first. */
export async function findLastTick(session: Session, pipeline: string): Promise<Date | undefined> {
  const text = `select tick from ${session.ledger}.ticks where pipeline = $1`
  const { rows } = await session.query(text, [pipeline])
  return rows[0]?.tick
}

/** Counts a tick as taken for a pipeline that never had one, so that its past is not caught up. */
export async function recordFirstTick(
  session: Session,
  pipeline: string,
  tick: Date,
  claimant: string,
): Promise<void> {
  await session.query(
    `insert into ${session.ledger}.ticks (pipeline, tick, claimed_by) values ($1, $2, $3) on conflict do nothing`,
    [pipeline, tick, claimant],
  )
}

/**
 * The three, each in a transaction of its own. `claimant` makes a new name for each claim: claiming again under the
 * same name answers the same, which is for lost answers only.
 */
export function createTicks(database: Database, claimant: () => string) {
  const doing = "claiming a tick"
  return {
    claim: async (pipeline: string, tick: Date) => {
      const name = claimant()
      return await database.transaction((session) => claimTick(session, pipeline, tick, name), { doing })
    },
    findLast: (pipeline: string) =>
      database.transaction((session) => findLastTick(session, pipeline), { doing }),
    recordFirst: (pipeline: string, tick: Date) =>
      database.transaction((session) => recordFirstTick(session, pipeline, tick, claimant()), { doing }),
  }
}
