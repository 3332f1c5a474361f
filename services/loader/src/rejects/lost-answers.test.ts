// If this fails, a run that ends over its limit tells of more rejects than there are.
import { startChaosProxy, testLedger } from "@flatbed/testing"
import { afterEach, beforeEach, expect, test } from "vitest"
import { type Bench, openBench, people, pipelineOf } from "../loader.test-kit.ts"

let bench: Bench

beforeEach(async () => {
  bench = await openBench(people(10, 10))
})

afterEach(async () => {
  await bench.close()
})

const bad = [4, 8, 9]
const condition = `id not in (${bad.join(", ")})`
const kinds = ["drop-reply", "cut"] as const

test.each(kinds.flatMap((kind) => [["Postgres refuses", kind] as const, ["break a check", kind] as const]))(
  "rows that %s are counted once, whichever COMMIT's answer is lost (%s)",
  async (why, kind) => {
    const isCheck = why === "break a check"
    if (!isCheck)
      await bench.query(`create table public.people (id integer check (${condition}), name text, born date)`)
    const checks = isCheck ? [{ sql: condition, severity: "reject" as const }] : []
    const pipelines = { people: pipelineOf({ max_rejects: 1, checks }) }
    const { hostname: host, port } = new URL(bench.databaseUrl)
    let struck = true
    let commit = 0
    for (; struck; commit += 1) {
      // Another version each time, so each has a run of its own.
      bench.source.publish(people(10, 10, `v${commit}`))
      const proxy = await startChaosProxy({ host, port: Number(port) })
      const fault = proxy.arm({ clientSends: "commit\0", occurrence: commit + 1 }, { kind })
      const database = { url: proxy.rewrite(bench.databaseUrl), schema: testLedger }
      const [outcome] = await bench
        .createLoader({ database, connections: 1, read_ahead: 0, pipelines })
        .load()
      await proxy.close()
      struck = fault.struck()
      const [run] = await bench.query(
        "select run_id, state, rejects::integer from flatbed.runs order by run_id desc limit 1",
      )
      const listed = await bench.query(
        "select row::integer from flatbed.rejects where run_id = $1 order by row",
        [run?.run_id],
      )
      expect({ commit, code: outcome?.problem?.code, ...run, listed }).toEqual({
        ...{ commit, code: "rejects-over-limit", run_id: run?.run_id, state: "failed", rejects: bad.length },
        listed: bad.map((row) => ({ row })),
      })
    }
    // At least the claim, the barrier, the opening of the run, and what the rejects are written in.
    expect(commit).toBeGreaterThan(4)
  },
)
