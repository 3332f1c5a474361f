/**
 * Transactions on a bounded pool. Nothing is assumed of a session: whatever matters is set inside each
 * transaction, so a pooling proxy in between changes nothing. A connection that met any error is thrown away.
 */
import type { Socket } from "node:net"
import { Problem } from "@flatbed/contract"
import pg from "pg"
import { type Patience, type RetryPolicy, withRetries } from "../retry.ts"
import { findMeaning, isAnswer, toDatabaseProblem } from "./errors.ts"
import { quoteName } from "./identifier.ts"

export type DatabaseSettings = {
  readonly url: string
  /** The ledger's schema, as Postgres stores it. */
  readonly ledgerSchema: string
  readonly connectTimeoutMs: number
  /** Longest time for one statement; the driver waits a little longer, in case the server is gone. */
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly retries: RetryPolicy
}

/** The ledger's schema: nothing is looked up along a search path, so whoever asks the ledger writes it. */
export type LedgerName = {
  /** As SQL writes it, quoted: `from ${session.ledger}.runs`. */
  readonly ledger: string
  /** As Postgres stores it. */
  readonly ledgerSchema: string
}

export type Session = pg.PoolClient & LedgerName

/** A connection as the ledger's functions take it. */
export function asSession(client: pg.PoolClient, ledgerSchema: string): Session {
  return Object.assign(client, { ledger: quoteName(ledgerSchema), ledgerSchema })
}

export type Work<T> = (session: Session) => Promise<T>

export type TransactionOptions<T> = {
  /** What the transaction is for, in the words of a message: "While <doing>, Postgres said …". */
  readonly doing: string
  /** Ends the transaction by ending its connection. */
  readonly signal?: AbortSignal | undefined
  /**
   * Asked in a transaction of its own after the answer to COMMIT was lost and the old session is gone: the
   * result if the work is there, undefined if it is not. Without it the work is simply done again.
   */
  readonly settle?: Work<T | undefined>
  /** Whether all statements see the database as the first of them does: REPEATABLE READ. */
  readonly oneSnapshot?: boolean
  /**
   * Whether a crash of Postgres' server may take the commit back, with the provisional ones behind it. It then does not
   * wait for the disk; the next one that wrote something and is not provisional makes all before it last (Postgres
   * manual, Asynchronous Commit).
   */
  readonly isProvisional?: boolean
}

export type Database = {
  /** Does the work in one transaction, again if the failure allows it; settles a COMMIT whose answer was lost. */
  transaction<T>(work: Work<T>, options: TransactionOptions<T>): Promise<T>
  /** What the ledger's schema is called. */
  readonly ledgerSchema: string
  /** The same pool, its transactions under another application_name. */
  as(name: string): Database
  /** Whether Postgres answers within the connect timeout. */
  isReachable(): Promise<boolean>
  /** Sessions now open and in use: for the metrics, and for tests that nothing leaks. */
  sessions(): { open: number; busy: number }
  /** Closes every connection; waits for those in use. */
  close(): Promise<void>
}

/**
 * Opens a pool of at most `connections`; connects on first use and keeps what it connected, so that a session
 * which is gone means a process that is gone. `name` becomes the transactions' application_name.
 */
export function openDatabase(
  settings: DatabaseSettings,
  parts: { readonly name: string; readonly connections: number; readonly patience: Patience },
) {
  const pool = new pg.Pool({
    connectionString: settings.url,
    application_name: parts.name,
    max: parts.connections,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    query_timeout: settings.statementTimeoutMs + 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  })
  // An idle connection that breaks is discarded by the pool; without a listener it would end the process.
  pool.on("error", () => undefined)
  pool.on("connect", (client) => client.on("error", () => undefined))

  async function transaction<T>(name: string, work: Work<T>, options: TransactionOptions<T>): Promise<T> {
    const { doing, signal, settle } = options
    let lost: Backend | undefined
    try {
      return await withRetries(
        async () => {
          if (lost !== undefined) {
            const found = await settleLost(lost)
            if (found !== undefined) return found.value
          }
          return await attempt(name, work, signal, options)
        },
        { policy: settings.retries, patience: parts.patience, mayRepeat, signal },
      )
    } catch (error) {
      throw toDatabaseProblem(error instanceof CommitLost ? error.cause : error, doing)
    }

    function mayRepeat(error: unknown): boolean {
      if (!(error instanceof CommitLost)) return findMeaning(error)?.retry === true
      lost = error.backend
      return true
    }

    async function settleLost(backend: Backend): Promise<{ value: T } | undefined> {
      await attempt(name, (session) => endBackend(session, backend, parts.patience), signal)
      const value = settle === undefined ? undefined : await attempt(name, settle, signal)
      lost = undefined
      return value === undefined ? undefined : { value }
    }
  }

  async function attempt<T>(
    name: string,
    work: Work<T>,
    signal: AbortSignal | undefined,
    kind: Kind = {},
  ): Promise<T> {
    const client = asSession(await pool.connect(), settings.ledgerSchema)
    const cut = () => socketOf(client).destroy()
    signal?.addEventListener("abort", cut)
    try {
      signal?.throwIfAborted()
      const backend = await begin(client, name, settings, kind)
      const value = await work(client)
      await commit(client, backend)
      client.release()
      return value
    } catch (error) {
      client.release(true)
      throw error
    } finally {
      signal?.removeEventListener("abort", cut)
    }
  }

  const named = (name: string): Database => ({
    transaction: async (work, options) => await transaction(name, work, options),
    ledgerSchema: settings.ledgerSchema,
    as: named,
    async isReachable() {
      return await attempt(name, async (session) => session.query({ text: "select 1" }), undefined).then(
        () => true,
        () => false,
      )
    },
    sessions: () => ({ open: pool.totalCount, busy: pool.totalCount - pool.idleCount }),
    close: async () => await pool.end(),
  })
  return named(parts.name)
}

type Kind = Pick<TransactionOptions<unknown>, "oneSnapshot" | "isProvisional">

type Backend = { readonly pid: number; readonly started: string }

/** The connection broke between COMMIT and its answer: nobody here knows which way it went. */
class CommitLost extends Error {
  readonly backend: Backend
  constructor(backend: Backend, cause: unknown) {
    super("The answer to COMMIT was lost", { cause })
    this.backend = backend
  }
}

async function begin(
  client: Session,
  name: string,
  settings: DatabaseSettings,
  { oneSnapshot, isProvisional }: Kind,
): Promise<Backend> {
  // One round trip, and one statement for all settings: a statement each would cost as much as the rest.
  const commitment = isProvisional ? { synchronous_commit: "off" } : {}
  const local = { ...sessionSettings, ...commitment, application_name: name, ...timeoutsOf(settings) }
  const sets = Object.entries(local).map(
    ([setting, value]) => `pg_catalog.set_config('${setting}', ${pg.escapeLiteral(value)}, true)`,
  )
  const results = (await client.query(
    shortly(`begin${oneSnapshot ? " isolation level repeatable read" : ""}; select pid, backend_start::pg_catalog.text as started, ${sets.join(", ")}
      from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())`),
  )) as unknown as pg.QueryResult<Backend>[]
  const backend = results.at(-1)?.rows[0]
  if (backend === undefined) throw new Error("Postgres does not show this session's activity")
  return { pid: backend.pid, started: backend.started }
}

// DateStyle and TimeZone decide what a lexeme means; an empty search_path, what a name means; with row_security off a
// policy makes statements fail instead of hiding rows. The connection check ends a statement whose loader died; the
// keepalives, a session whose loader vanished without a word, after about 40 s instead of Linux's two hours.
const sessionSettings = {
  datestyle: "ISO, YMD",
  timezone: "UTC",
  intervalstyle: "iso_8601",
  client_encoding: "UTF8",
  search_path: "",
  row_security: "off",
  idle_in_transaction_session_timeout: "120s",
  client_connection_check_interval: "2s",
  tcp_keepalives_idle: "10",
  tcp_keepalives_interval: "10",
  tcp_keepalives_count: "3",
}

function timeoutsOf({ statementTimeoutMs, lockTimeoutMs }: DatabaseSettings) {
  return {
    statement_timeout: String(Math.round(statementTimeoutMs)),
    lock_timeout: String(Math.round(lockTimeoutMs)),
  }
}

async function commit(client: Session, backend: Backend): Promise<void> {
  let answer: string
  try {
    answer = (await client.query(shortly("commit"))).command
  } catch (error) {
    throw isAnswer(error) ? error : new CommitLost(backend, error)
  }
  // COMMIT of a failed transaction answers ROLLBACK, without an error (Postgres manual, COMMIT).
  if (answer !== "COMMIT") throw new Problem("database-failed", `Postgres answered COMMIT with ${answer}.`)
}

// BEGIN and COMMIT are answered at once or not at all: they need not wait as long as a statement may run.
const answerWithinMs = 30_000
const shortly = (text: string): pg.QueryConfig & { query_timeout: number } => ({
  text,
  query_timeout: answerWithinMs,
})

const endWithinMs = 10_000
const lookEveryMs = 50

/**
 * Ends a session of ours and waits until it is gone, so that its COMMIT has either happened or never will.
 * A COMMIT under way is not torn by this: Postgres looks at the request only before or after it.
 */
async function endBackend(session: Session, backend: Backend, { sleep }: Patience): Promise<void> {
  for (let waitedMs = 0; waitedMs < endWithinMs; waitedMs += lookEveryMs) {
    // pg_stat_activity is a snapshot per transaction; without the clear this loop would see the first one forever.
    await session.query("select pg_catalog.pg_stat_clear_snapshot()")
    const { rowCount } = await session.query(
      `select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity
        where pid = $1 and backend_start = $2::timestamptz`,
      [backend.pid, backend.started],
    )
    if (rowCount === 0) return
    await sleep(lookEveryMs)
  }
  throw new Problem("database-failed", `Session ${backend.pid} did not end within ${endWithinMs / 1000} s.`, {
    hint: "Its COMMIT is still undecided; look at it in pg_stat_activity and run the load again.",
  })
}

function socketOf(client: Session): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream
}
