// If this fails, two loaders run the same tick twice, or one that fell asleep overwrites what a newer one published.
import { join } from "node:path"
import { startChaosProxy } from "@flatbed/testing"
import { afterEach, expect, test } from "vitest"
import { createLoaderFrom } from "./front-doors.ts"
import { createInstallation, type Installation } from "./installation.ts"

let installation: Installation
const closers: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  await installation.close()
})

const csv = (from: number) => `id\n${Array.from({ length: 40 }, (_, i) => `${from + i}\n`).join("")}`
const sum = (from: number) => Array.from({ length: 40 }, (_, i) => from + i).reduce((a, b) => a + b, 0)

async function setup(loaderYaml: string, { chunkRows = 4, pipeline = "" } = {}) {
  installation = await createInstallation({
    source: `datasets:\n  ids: { files: ids.csv, chunk: { rows: ${chunkRows} } }`,
    loader: `${loaderYaml}\npipelines:\n  ids: { dataset: ids, table: ids${pipeline} }`,
  })
  await installation.write("ids.csv", csv(1))
  return await installation.startSource()
}

const table = () => installation.query("select sum(id)::int as sum, count(*)::int as n from public.ids")
const runs = () => installation.query("select run_id, state from flatbed.runs order by run_id")

test.each(["0B", "40B"])("two loaders and one tick make exactly one run (groups of %s)", async (group) => {
  await setup(`connections: 1\ngroup: ${group}`, { pipeline: ', schedule: "* * * * * *"' })
  const loaders = [installation.loader(["start"]), installation.loader(["start"])]
  // Whoever takes a tick publishes; every other look, of both, finds the version up to date or the tick taken.
  await Promise.race(loaders.map((loader) => loader.waitForEvent("run.published")))
  await Promise.all(loaders.map((loader) => loader.waitForEvent("schedule.next", { count: 3 })))
  expect(await runs()).toHaveLength(1)
  expect(await table()).toEqual([{ sum: sum(1), n: 40 }])
  const ticks = loaders.flatMap((loader) => loader.events()).filter(({ event }) => event === "tick.claimed")
  const moments = ticks.map(({ tick }) => tick)
  expect(new Set(moments).size).toBe(moments.length)
})

const sleepers = [
  { group: "0B", commits: 2 },
  { group: "40B", commits: 1 },
]
test.each(sleepers)(
  "a loader that slept past its lease cannot commit after another one published ($group)",
  async ({ group, commits }) => {
    await setup(`connections: 1\nread_ahead: 0\ngroup: ${group}\nlease: { expires: 1s, takeover: 5s }`)
    const sleeper = installation.loader(["load"])
    await sleeper.waitForEvent("chunk.loaded", { count: commits })
    sleeper.kill("SIGSTOP")
    await installation.write("ids.csv", csv(1001))

    const winner = async () => (await installation.load()) === 0
    await expect.poll(winner, { timeout: 20_000, interval: 300 }).toBe(true)
    sleeper.kill("SIGCONT")

    const { code } = await sleeper.end()
    expect(code).toBe(8)
    expect(await table()).toEqual([{ sum: sum(1001), n: 40 }])
  },
)

const lostAnswers = [
  ["was committed all the same", "drop-reply", { group: "0B", commits: 10 }],
  ["never reached Postgres", "cut", { group: "0B", commits: 10 }],
  ["was committed with its whole group", "drop-reply", { group: "40B", commits: 4 }],
  ["was lost with its whole group", "cut", { group: "40B", commits: 4 }],
] as const

test.each(lostAnswers)(
  "a COMMIT whose answer is lost and that %s is settled by the receipts",
  async (_title, kind, { group, commits }) => {
    await setup(`connections: 1\nread_ahead: 0\ngroup: ${group}`)
    const { hostname, port } = new URL(installation.databaseUrl)
    // Every commit of a run in turn: of the claim, of each chunk, of the publish, until a run has no further one.
    let struck = true
    let commit = 0
    for (; struck; commit += 1) {
      const proxy = await startChaosProxy({ host: hostname, port: Number(port) })
      closers.push(() => proxy.close())
      const fault = proxy.arm({ clientSends: "commit\0", occurrence: commit + 1 }, { kind })
      await installation.query("drop table if exists public.ids")
      const loader = await createLoaderFrom(join(installation.folder, "loader.yaml"), {
        DATABASE_URL: proxy.rewrite(installation.databaseUrl),
      })
      const [run] = await loader.load()
      expect({ commit, outcome: run?.outcome }).toEqual({ commit, outcome: "published" })
      expect(await table()).toEqual([{ sum: sum(1), n: 40 }])
      struck = fault.struck()
    }
    // Ten chunks alone or in groups, and at least the claim, the opening of the run and the publish.
    expect(commit).toBeGreaterThan(3 + commits)
  },
)
