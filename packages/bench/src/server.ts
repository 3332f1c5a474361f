/** The Postgres that both sides load into: its tables, its processes, and whether two tables hold the same rows. */
import pg from "pg"
import { childrenOf, cpuOfTree, parentOf, watchPeaks } from "./processes.ts"

export type Server = {
  readonly url: string
  /** As it calls itself: `18.4`. */
  readonly version: string
  query(sql: string): Promise<pg.QueryResult>
  /** CPU seconds of all its processes so far; undefined when they are not on this machine. */
  cpu(): number | undefined
  /** Watches the peaks of the backends that begin from now on, shared buffers included. */
  watchBackends(): { stop(): number | undefined }
  close(): Promise<void>
}

/** A number of rows and a sum over their hashes: two tables with the same ones hold the same rows, in any order. */
export type Fingerprint = { readonly rows: number; readonly hash: string }

/** Connects to a database and finds its processes. */
export async function openServer(url: string): Promise<Server> {
  const client = new pg.Client({ connectionString: url })
  // The failure reaches whoever queries next.
  client.on("error", () => undefined)
  await client.connect()
  const { rows } = await client.query(
    "select pg_backend_pid() as pid, current_setting('server_version') as v",
  )
  const backend: number = rows[0].pid
  const ours = ["127.0.0.1", "localhost", "::1", "[::1]", ""].includes(new URL(url).hostname)
  const postmaster = ours ? parentOf(backend) : undefined
  return {
    url,
    version: rows[0].v.split(" ")[0],
    query: (sql) => client.query(sql),
    cpu: () => (postmaster === undefined ? undefined : cpuOfTree(postmaster)),
    watchBackends() {
      const before = new Set(postmaster === undefined ? [] : childrenOf(postmaster))
      return watchPeaks(() =>
        postmaster === undefined ? [] : childrenOf(postmaster).filter((pid) => !before.has(pid)),
      )
    },
    close: () => client.end(),
  }
}

/** Reads the whole table. */
export async function fingerprint(server: Server, table: string): Promise<Fingerprint> {
  const sql = `select count(*) as rows, coalesce(sum(pg_catalog.hashtext(t::text)::bigint), 0)::text as hash from ${table} t`
  const { rows } = await server.query(sql)
  return { rows: Number(rows[0].rows), hash: rows[0].hash }
}

/** What both sides begin a turn with: no table, and nothing of the turn before left to write. */
export async function clear(server: Server, table: string): Promise<void> {
  await server.query(`drop table if exists ${table}`)
  await server.query("checkpoint")
}
