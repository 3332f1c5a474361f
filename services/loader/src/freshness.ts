/** When each pipeline's table was last known to show the newest version, and whether that is too long ago. */

import type { Database, Session } from "./postgres/database.ts"
import type { Pipeline } from "./settings/pipeline-settings.ts"

export type Freshness = {
  readonly pipeline: string
  /** When a run last ended with the newest version in the table, also one that found nothing new. */
  readonly provenAt: Date | undefined
  /** Since then, milliseconds; by the database's clock, as the moment itself. */
  readonly ageMs: number | undefined
  /** Whether `fresh_within` has passed since then, or there was no then; undefined when it is not set. */
  readonly overdue: boolean | undefined
}

const withinMs = 2_000

/** The same in a transaction of its own, within two seconds: who asks for metrics does not wait for a database. */
export async function readFreshness(
  database: Database,
  pipelines: Parameters<typeof getFreshness>[1],
): Promise<Freshness[]> {
  const signal = AbortSignal.timeout(withinMs)
  return await database.transaction((session) => getFreshness(session, pipelines), {
    doing: "asking the ledger",
    signal,
  })
}

/** One answer per pipeline, in their order. */
export async function getFreshness(
  session: Session,
  pipelines: readonly Pick<Pipeline, "name" | "target" | "freshWithinMs">[],
): Promise<Freshness[]> {
  // The attempt's row is written with best effort: a publication says the same, but for one of a version that was chosen,
  // which has no tag. What was the newest then may not be now.
  const { rows } = await session.query<{ proven_at: Date | null; now: Date }>(
    `select greatest(known.proven_at, (
              select published_at from ${session.ledger}.publications as p
               where p.pipeline = asked.pipeline and p.target = asked.target and p.forgotten_at is null
                 and p.dataset_tag is not null
               order by publication_id desc limit 1)) as proven_at,
            pg_catalog.clock_timestamp() as now
       from unnest($1::text[], $2::text[]) with ordinality as asked (pipeline, target, place)
       left join ${session.ledger}.attempts as known
         on known.pipeline = asked.pipeline and known.target = asked.target
      order by place`,
    [pipelines.map(({ name }) => name), pipelines.map(({ target }) => target)],
  )
  return pipelines.map(({ name, freshWithinMs }, i) => {
    const { proven_at: provenAt = null, now = new Date() } = rows[i] ?? {}
    const ageMs = provenAt === null ? undefined : Math.max(0, now.getTime() - provenAt.getTime())
    return {
      pipeline: name,
      provenAt: provenAt ?? undefined,
      ageMs,
      overdue: freshWithinMs === undefined ? undefined : ageMs === undefined || ageMs > freshWithinMs,
    }
  })
}

/** `3 h 12 min`, `40 s`: the two largest units, rounded down. */
export function showAge(seconds: number): string {
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
  ]
  if (days > 0) return `${days} d ${hours % 24} h`
  if (hours > 0) return `${hours} h ${minutes % 60} min`
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`
}
