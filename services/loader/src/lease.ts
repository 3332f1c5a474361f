/**
 * One writer per pipeline. A lease row carries an epoch; each later transaction of a run reads that row first,
 * `for key share`, compares the epoch, and holds the lock to its commit.
 *
 * Subtle, so mind the order. Taking over is two steps. (1) Raise the epoch in a commit of its own: from then on
 * fences of the older epoch refuse. A key-share lock does not conflict with that update, so a transaction that
 * passed its fence before may still be open. (2) The barrier: `for update` conflicts with key share, so it waits
 * until all such transactions have ended. Nothing of an older epoch commits after the barrier. No clock is
 * needed for that. When somebody may try is another question: when the lease has expired by the database's clock,
 * or at once when the session that extended it last is gone, for then its process is gone too.
 */
import { Problem } from "@flatbed/contract"
import type { Database, Session, TransactionOptions, Work } from "./postgres/database.ts"
import type { Patience } from "./retry.ts"

export type LeaseSettings = {
  /** How long a silent owner keeps the lease, milliseconds. */
  readonly expiresMs: number
  /** How long the barrier may wait for sessions of the owner before, milliseconds. */
  readonly takeoverMs: number
}

export type Lease = {
  readonly pipeline: string
  /** What the ledger's schema is called. */
  readonly ledgerSchema: string
  readonly epoch: number
  /** A transaction that first makes sure the lease is still ours; throws `lease-lost` otherwise. */
  transaction<T>(work: Work<T>, options: TransactionOptions<T>): Promise<T>
  /** Gives the lease back, so that the next run need not wait for the expiry. Never throws. */
  release(): Promise<void>
}

type Parts = {
  readonly database: Database
  readonly patience: Patience
  /** Told when the heartbeat finds that the lease is gone. */
  readonly onLost: (problem: Problem) => void
}

/**
 * Claims the pipeline's lease for `owner`, a name no other run has, and keeps it alive. Throws `lease-held` while
 * another owner's lease has not expired. When it returns, nothing of an earlier owner can commit any more.
 */
export async function claimLease(
  claim: { readonly pipeline: string; readonly owner: string },
  settings: LeaseSettings,
  parts: Parts,
): Promise<Lease> {
  const { pipeline, owner } = claim
  const { database } = parts
  const epoch = await database.transaction((session) => raiseEpoch(session, claim, settings), {
    doing: `claiming the lease of ${pipeline}`,
  })
  await passBarrier(pipeline, epoch, settings, parts)
  let released = false
  const heart = startHeartbeat()

  return {
    pipeline,
    ledgerSchema: database.ledgerSchema,
    epoch,

    async transaction(work, options) {
      const settle = options.settle
      return await database.transaction(fenced(work), {
        ...options,
        ...(settle === undefined ? {} : { settle: fenced(settle) }),
      })
    },

    async release() {
      released = true
      clearInterval(heart)
      const give = (session: Session) =>
        session.query(
          `update ${session.ledger}.leases set owner = null, expires_at = pg_catalog.clock_timestamp()
            where pipeline = $1 and epoch = $2 and owner = $3`,
          [pipeline, epoch, owner],
        )
      // Whoever comes next waits for the expiry instead: no reason to fail a run that is over.
      await database.transaction(give, { doing: "releasing the lease" }).catch(() => undefined)
    },
  }

  function fenced<T>(work: Work<T>): Work<T> {
    return async (session) => {
      await checkFence(session, pipeline, epoch)
      return await work(session)
    }
  }

  function startHeartbeat(): NodeJS.Timeout {
    const beat = () =>
      database
        .transaction((session) => extend(session, claim, epoch, settings), { doing: "extending the lease" })
        .catch((error) => {
          // A beat that did not get through is no loss: the fence decides, not the clock.
          if (error instanceof Problem && error.code === "lease-lost" && !released) parts.onLost(error)
        })
    const timer = setInterval(() => void beat(), settings.expiresMs / 3)
    timer.unref()
    return timer
  }
}

/** Takes the key-share lock on the lease row and makes sure its epoch is ours; `lease-lost` otherwise. */
export async function checkFence(session: Session, pipeline: string, epoch: number): Promise<void> {
  const { rowCount } = await session.query(
    `select 1 from ${session.ledger}.leases where pipeline = $1 and epoch = $2 for key share`,
    [pipeline, epoch],
  )
  if (rowCount === 0) throw lost(pipeline)
}

async function raiseEpoch(
  session: Session,
  { pipeline, owner }: { pipeline: string; owner: string },
  { expiresMs }: LeaseSettings,
): Promise<number> {
  // The same owner may claim again: that is how a claim whose answer was lost is repeated.
  const { rows } = await session.query<{ epoch: string }>(
    `insert into ${session.ledger}.leases as held (pipeline, epoch, owner, backend_pid, backend_start, expires_at)
     select $1, 1, $2, pid, backend_start, pg_catalog.clock_timestamp() + $3 * interval '1 millisecond'
       from pg_catalog.pg_stat_activity where pid = pg_catalog.pg_backend_pid()
     on conflict (pipeline) do update
       set epoch = held.epoch + 1, owner = excluded.owner, expires_at = excluded.expires_at,
           backend_pid = excluded.backend_pid, backend_start = excluded.backend_start
       where held.owner is null or held.owner = excluded.owner or held.expires_at <= pg_catalog.clock_timestamp()
     returning epoch`,
    [pipeline, owner, expiresMs],
  )
  if (rows[0] !== undefined) return Number(rows[0].epoch)
  const holder = await findHolder(session, pipeline)
  const epoch = holder?.isGone
    ? await takeFromGone(session, pipeline, owner, holder.epoch, expiresMs)
    : undefined
  if (epoch !== undefined) return epoch
  throw new Problem("lease-held", `${pipeline} is being loaded by ${holder?.owner ?? "another run"}.`, {
    hint: `Wait until that run ends; if it died, its lease expires in ${Math.max(0, holder?.seconds ?? 0)} s.`,
    facts: { pipeline, owner: holder?.owner ?? null },
  })
}

type Holder = {
  readonly epoch: string
  readonly owner: string | null
  readonly seconds: number
  readonly isGone: boolean
}

/** Who holds the lease, and whether the session that extended it last is gone. */
async function findHolder(session: Session, pipeline: string): Promise<Holder | undefined> {
  // The sessions are looked at once in a transaction: an owner who came after that look would seem to be gone.
  await session.query("select pg_catalog.pg_stat_clear_snapshot()")
  // Of another role's session only the pid is shown: then the expiry decides.
  const { rows } = await session.query<Holder>(
    `select epoch, owner,
            pg_catalog.ceil(extract(epoch from expires_at - pg_catalog.clock_timestamp()))::integer as seconds,
            not exists (
              select from pg_catalog.pg_stat_activity as alive
               where alive.pid = held.backend_pid
                 and coalesce(alive.backend_start = held.backend_start, true)) as "isGone"
       from ${session.ledger}.leases as held where pipeline = $1`,
    [pipeline],
  )
  return rows[0]
}

/** The new epoch; undefined when somebody else was faster. */
async function takeFromGone(
  session: Session,
  pipeline: string,
  owner: string,
  epoch: string,
  expiresMs: number,
): Promise<number | undefined> {
  const { rows } = await session.query<{ epoch: string }>(
    `update ${session.ledger}.leases as held
        set epoch = held.epoch + 1, owner = $2, backend_pid = own.pid, backend_start = own.backend_start,
            expires_at = pg_catalog.clock_timestamp() + $4 * interval '1 millisecond'
       from pg_catalog.pg_stat_activity as own
      where own.pid = pg_catalog.pg_backend_pid() and pipeline = $1 and epoch = $3
      returning held.epoch`,
    [pipeline, owner, epoch, expiresMs],
  )
  return rows[0] === undefined ? undefined : Number(rows[0].epoch)
}

async function extend(
  session: Session,
  { pipeline, owner }: { pipeline: string; owner: string },
  epoch: number,
  { expiresMs }: LeaseSettings,
): Promise<void> {
  const { rowCount } = await session.query(
    `update ${session.ledger}.leases
        set expires_at = pg_catalog.clock_timestamp() + $4 * interval '1 millisecond',
            backend_pid = own.pid, backend_start = own.backend_start
       from pg_catalog.pg_stat_activity as own
      where own.pid = pg_catalog.pg_backend_pid() and pipeline = $1 and epoch = $2 and owner = $3`,
    [pipeline, epoch, owner, expiresMs],
  )
  if (rowCount === 0) throw lost(pipeline)
}

const graceMs = 1_000
const lookEveryMs = 100

/** Waits until no transaction of an older epoch is open; ends those that stay after a second. */
async function passBarrier(
  pipeline: string,
  epoch: number,
  { takeoverMs }: LeaseSettings,
  { database, patience }: Parts,
): Promise<void> {
  const doing = `waiting for the run of ${pipeline} before to end`
  const barrier = { pid: 0, passed: false }
  // Ends the pause between two looks: a timer left behind would keep a short program from ending.
  const enough = new AbortController()
  const waiting = database
    .transaction(
      async (session) => {
        const { rows } = await session.query<{ pid: number }>(
          "select pg_catalog.pg_backend_pid() as pid, pg_catalog.set_config('lock_timeout', $1, true)",
          [String(takeoverMs)],
        )
        barrier.pid = rows[0]?.pid ?? 0
        await session.query(`select 1 from ${session.ledger}.leases where pipeline = $1 for update`, [
          pipeline,
        ])
        await checkFence(session, pipeline, epoch)
      },
      { doing },
    )
    .finally(() => {
      barrier.passed = true
      enough.abort()
    })
  const clearing = clearBlockers()
  await Promise.all([waiting, clearing])

  async function clearBlockers(): Promise<void> {
    for (let waitedMs = 0; !barrier.passed; waitedMs += lookEveryMs) {
      // The first looks give a COMMIT under way the time to end by itself; most barriers wait for nobody.
      await Promise.race([patience.sleep(lookEveryMs, enough.signal), waiting]).catch(() => undefined)
      if (!barrier.passed && waitedMs >= graceMs) await endBlockers()
    }
  }

  // No server timeout ends a stuck COPY, so whoever holds the row is terminated: a session of the same role.
  async function endBlockers(): Promise<void> {
    await database.transaction(
      async (session) => {
        // The epoch is read without a lock here: this session must not stand in the barrier's way itself.
        await session.query(
          `select pg_catalog.pg_terminate_backend(blocker)
             from pg_catalog.unnest(pg_catalog.pg_blocking_pids($1)) as blocker
            where blocker > 0 and exists (select from ${session.ledger}.leases where pipeline = $2 and epoch = $3)`,
          [barrier.pid, pipeline, epoch],
        )
      },
      { doing },
    )
  }
}

function lost(pipeline: string): Problem {
  return new Problem("lease-lost", `Another loader has taken ${pipeline} over.`, {
    hint: "Nothing of this run can be committed any more. The other loader's log says how its run ends.",
    facts: { pipeline },
  })
}
