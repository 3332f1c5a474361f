/** One row in a hundred changed: a load by key beside a COPY of the file and one join that compares all columns. */
import { difference, takeCopyTurn } from "./copy-turn.ts"
import type { DataFile } from "./data-files.ts"
import { changedRatio } from "./report.ts"
import { fingerprint, type Server } from "./server.ts"
import { type Services, table, withServices } from "./services.ts"
import { type Bench, clearTables, requireSame } from "./throughput.ts"

/** Rows of the table by how they were written. */
export type Written = { readonly inserted: number; readonly updated: number; readonly deleted: number }

export type ChangedPair = {
  readonly copySeconds: number
  readonly joinSeconds: number
  /** From the start of the loader to its COMMIT. */
  readonly loadSeconds: number
  /** Of it, from the last chunk on. */
  readonly publishSeconds: number
  /** What Postgres took. */
  readonly cpu: { readonly reference: number | undefined; readonly flatbed: number | undefined }
  readonly written: Written
}

export type Changed = {
  readonly mode: "upsert" | "mirror"
  readonly rows: number
  /** Rows in which the two files differ. */
  readonly expected: number
  readonly pairs: readonly ChangedPair[]
  /** EXPLAIN of the join. */
  readonly plan: string
}

const copyTable = "public.bench_copy"

/**
 * Loads one file, then both in turn, one after each reference. Their first column tells the rows. Raises an Error when
 * the table does not hold the rows of the file.
 */
export async function measureChanged(
  wanted: {
    readonly mode: "upsert" | "mirror"
    readonly before: DataFile
    readonly after: DataFile
    readonly pairs: number
  },
  bench: Bench,
): Promise<Changed> {
  const { mode, before, after, pairs: count } = wanted
  const { server, note, signal } = bench
  const input = {
    folder: `${bench.folder}/changed-${mode}`,
    databaseUrl: server.url,
    env: bench.env,
    pipeline: `mode: ${mode}, key: [id]`,
    signal,
  }
  try {
    return await withServices(input, async (services) => {
      await services.startPublished(before.path)
      await services.startLoader(["load"]).ended
      const pairs: ChangedPair[] = []
      const found = { rows: 0, plan: "" }
      for (let number = 1; number <= count; number++) {
        signal.throwIfAborted()
        const file = number % 2 === 1 ? after : before
        await services.replaceFile(file.path)
        const reference = await takeReference(file, bench)
        if (number === 1) Object.assign(found, { rows: reference.differing, plan: await explainJoin(server) })
        const pair = { ...reference, ...(await takeLoad(services, server)) }
        requireSame(
          `${mode}, pair ${number}`,
          await fingerprint(server, table),
          await fingerprint(server, copyTable),
        )
        const { copySeconds, joinSeconds, loadSeconds, publishSeconds, written } = pair
        const cpu = { reference: reference.cpu, flatbed: pair.flatbedCpu }
        const taken = { copySeconds, joinSeconds, loadSeconds, publishSeconds, cpu, written }
        pairs.push(taken)
        note(`changed, ${mode}, pair ${number} of ${count}: ${describePair(taken)}`)
      }
      return { mode, rows: after.rows, expected: found.rows, pairs, plan: found.plan }
    })
  } finally {
    await clearTables(server)
  }
}

function describePair(pair: ChangedPair): string {
  const { copySeconds, joinSeconds, loadSeconds, publishSeconds, written } = pair
  const reference = `\\copy ${copySeconds.toFixed(2)} s and join ${joinSeconds.toFixed(2)} s`
  const load = `Flatbed ${loadSeconds.toFixed(2)} s, of which publish ${publishSeconds.toFixed(2)} s`
  const ratios = (["publish", "load"] as const).map((of) => changedRatio(pair, of).toFixed(2)).join(", ")
  return `${reference}, ${load} (${ratios}); ${JSON.stringify(written)}`
}

/** The copy stays, to be compared with the table after the load. */
async function takeReference(file: DataFile, bench: Bench) {
  const { server } = bench
  const copy = await takeCopyTurn({ ...bench, file: file.path, table: copyTable, like: table })
  const cpuBefore = server.cpu()
  const started = performance.now()
  await server.query("set max_parallel_workers_per_gather = 0")
  const { rows } = await server.query(await joinSql(server))
  const joinSeconds = (performance.now() - started) / 1000
  await server.query("reset max_parallel_workers_per_gather")
  const joinCpu = difference(server.cpu(), cpuBefore)
  const cpu =
    copy.cpu.postgres === undefined || joinCpu === undefined ? undefined : copy.cpu.postgres + joinCpu
  return { copySeconds: copy.seconds, joinSeconds, cpu, differing: Number(rows[0].differing) }
}

async function explainJoin(server: Server): Promise<string> {
  await server.query("set max_parallel_workers_per_gather = 0")
  const { rows } = await server.query(`explain (analyze, buffers, timing off) ${await joinSql(server)}`)
  await server.query("reset max_parallel_workers_per_gather")
  // The list of all columns tells nothing.
  return rows.map((row) => shorten(String(row["QUERY PLAN"]))).join("\n")
}

const widest = 120
const shorten = (line: string) => (line.length > widest ? `${line.slice(0, widest - 1)}…` : line)

async function joinSql(server: Server): Promise<string> {
  const { rows } = await server.query(
    `select string_agg(format('t.%1$I is distinct from s.%1$I', attname), ' or ' order by attnum) as differ
       from pg_attribute where attrelid = '${table}'::regclass and attnum > 0 and not attisdropped and attname <> 'id'`,
  )
  return `select count(*) as differing from ${copyTable} as s join ${table} as t on t.id = s.id where ${rows[0].differ}`
}

async function takeLoad(services: Services, server: Server) {
  const before = await readWritten(server)
  await server.query("checkpoint")
  const cpuBefore = server.cpu()
  const began = Date.now()
  const loader = services.startLoader(["load"], { events: ["chunk.loaded"] })
  await loader.ended
  const published = loader.linesOf("run.published")[0]
  const last = loader.linesOf("chunk.loaded").at(-1)
  if (published === undefined || last === undefined)
    throw new Error("The loader ended well and published nothing.")
  const at = Date.parse(published.time)
  const after = await readWritten(server)
  return {
    loadSeconds: (at - began) / 1000,
    publishSeconds: (at - Date.parse(last.time)) / 1000,
    flatbedCpu: difference(server.cpu(), cpuBefore),
    written: {
      inserted: after.inserted - before.inserted,
      updated: after.updated - before.updated,
      deleted: after.deleted - before.deleted,
    },
  }
}

/** What Postgres counts since the table was made; a session's own counts are there when it has ended. */
async function readWritten(server: Server): Promise<Written> {
  const { rows } = await server.query(
    `select n_tup_ins as inserted, n_tup_upd as updated, n_tup_del as deleted
       from pg_stat_user_tables where relid = '${table}'::regclass`,
  )
  const { inserted, updated, deleted } = rows[0]
  return { inserted: Number(inserted), updated: Number(updated), deleted: Number(deleted) }
}
