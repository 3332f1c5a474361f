// If this file fails, a change of a file does not show in the table, shows twice, or shows only after a restart.
import { setTimeout as wait } from "node:timers/promises"
import { problemAnswer, waitFor } from "@flatbed/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { askEveryMs } from "../fetch/announcements.ts"
import { type Bench, createTestLog, openBench, people, pipelineOf } from "../loader.test-kit.ts"
import type { Loader } from "../loader.ts"
import type { Patience } from "../retry.ts"
import type { LoaderSettings } from "../settings/settings.ts"

let bench: Bench
let loaders: Loader[]
/** The pauses that were asked for, milliseconds; each took one. */
let pauses: number[]

const quick: Patience = {
  sleep: (ms, signal) => {
    pauses.push(ms)
    return wait(1, undefined, signal === undefined ? {} : { signal })
  },
  random: () => 1,
}

beforeEach(async () => {
  bench = await openBench(people(10, 5))
  loaders = []
  pauses = []
})

afterEach(async () => {
  await Promise.all(loaders.map((loader) => loader.stop()))
  await bench.close()
})

async function start(change: Partial<LoaderSettings> = {}, log = bench.log.log): Promise<Loader> {
  const pipelines = { people: pipelineOf({ follow: true }) }
  const loader = bench.createLoader({ pipelines, ...change }, { patience: quick, log })
  loaders.push(loader)
  await loader.start()
  return loader
}

const finished = () => bench.log.events("run.finished").map(({ outcome }) => outcome)

async function waitForTag(tag: string, table = "people"): Promise<void> {
  await waitFor(
    async () => {
      const [row] = await bench.query(`select name from public.${table} order by id limit 1`)
      return row?.name === `${tag} 1`
    },
    { what: `version ${tag} in ${table}` },
  )
}

const publications = async () =>
  (await bench.query("select count(*)::integer as n from flatbed.publications"))[0]?.n

describe("a pipeline that follows", () => {
  test("loads what the source has when it is first heard, then every version it announces", async () => {
    await start()
    await waitForTag("a")
    bench.source.publish(people(10, 5, "b"))
    await waitForTag("b")
    bench.source.publish(people(10, 5, "c"))
    await waitForTag("c")
    // A file that is put back is an earlier version again.
    bench.source.publish(people(10, 5, "a"))
    await waitForTag("a")
    expect(await publications()).toBe(4)
    expect(bench.log.events("version.announced").length).toBeGreaterThanOrEqual(3)
  })

  test("is told apart from one that does not", async () => {
    await start({
      pipelines: { people: pipelineOf({ follow: true }), other: pipelineOf({ table: "other" }) },
    })
    await waitForTag("a")
    expect(bench.log.events("loader.started")).toMatchObject([{ scheduled: 0, following: 1 }])
    expect(await bench.query("select to_regclass('public.other') as other")).toEqual([{ other: null }])
  })

  test("asks for nothing when no pipeline follows", async () => {
    await start({ pipelines: { people: pipelineOf() } })
    expect(bench.source.requests()).toEqual([])
  })

  test("says up to date when the newest version is there already, and fetches no chunk", async () => {
    await bench.createLoader().load()
    bench.source.forgetRequests()
    await start()
    await waitFor(() => finished().includes("up-to-date"))
    expect(bench.source.chunksAsked()).toEqual([])
  })

  test("runs once after the run under way, however much was announced meanwhile", async () => {
    await start()
    await waitForTag("a")
    bench.source.fault(/\/chunks\/1$/, { kind: "delay", ms: 500 })
    bench.source.publish(people(10, 5, "b"))
    await waitFor(() => bench.source.chunksAsked().length > 2)
    for (const tag of ["c", "d", "e", "f"]) bench.source.publish(people(10, 5, tag))
    await waitForTag("f")
    await waitFor(() => finished().length === 3)
    expect(await publications()).toBe(3)
  })

  test("serves two pipelines of one dataset", async () => {
    const pipelines = {
      people: pipelineOf({ follow: true }),
      again: pipelineOf({ follow: true, table: "again" }),
    }
    await start({ pipelines })
    await waitForTag("a")
    await waitForTag("a", "again")
    bench.source.publish(people(10, 5, "b"))
    await waitForTag("b")
    await waitForTag("b", "again")
  })
})

describe("when the line breaks", () => {
  test("it is taken up again, and what was published meanwhile is loaded", async () => {
    await start()
    await waitForTag("a")
    await waitFor(() => bench.source.events.open() === 1)
    bench.source.fault("/v1/events", ...Array.from({ length: 8 }, () => ({ kind: "reset" as const })))
    bench.source.events.drop()
    bench.source.publish(people(10, 5, "b"))
    await waitForTag("b")
    // One warning for the outage, not one per try; the pauses grow up to their limit.
    expect(bench.log.events("follow.disconnected")).toHaveLength(1)
    expect(bench.log.events("follow.connected")).toHaveLength(2)
    const tries = bench.log.lines.filter(
      ({ event, pipeline }) =>
        /^follow.(disconnected|retried)$/.test(String(event)) && pipeline === undefined,
    )
    expect(tries.map(({ pause_ms }) => pause_ms)).toEqual([
      250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
    ])
  })

  test("taking it up again runs nothing when nothing was published", async () => {
    await start()
    await waitFor(() => finished().length === 1)
    for (let outage = 2; outage <= 4; outage++) {
      await waitFor(() => bench.source.events.open() === 1)
      bench.source.events.drop()
      await waitFor(() => bench.log.events("follow.connected").length === outage)
    }
    bench.source.publish(people(10, 5, "b"))
    await waitFor(() => finished().length === 2)
    expect(finished()).toEqual(["published", "published"])
  })

  test("in the middle of an announcement, the announcement is not lost", async () => {
    await start()
    await waitForTag("a")
    await waitFor(() => bench.source.events.open() === 1)
    bench.source.events.write("event: version.published\ndata: {")
    bench.source.events.drop()
    bench.source.publish(people(10, 5, "b"))
    await waitForTag("b")
  })

  test("a stream of nonsense is left, and another one is opened", async () => {
    await start()
    await waitForTag("a")
    await waitFor(() => bench.source.events.open() === 1)
    bench.source.events.write("event: version.published\ndata: nonsense\n\n")
    await waitFor(() => bench.log.events("follow.disconnected").length === 1)
    bench.source.publish(people(10, 5, "b"))
    await waitForTag("b")
    expect(bench.log.events("follow.disconnected")).toMatchObject([{ code: "chunk-damaged" }])
  })

  test("a source that is away when the loader starts is waited for", async () => {
    bench.source.fault("/v1/events", ...Array.from({ length: 5 }, () => ({ kind: "reset" as const })))
    await start()
    await waitForTag("a")
    expect(bench.log.events("follow.disconnected")).toMatchObject([{ code: "source-unreachable" }])
  })
})

test("a source without events is asked every half a minute instead, which is told once", async () => {
  const without = { kind: "answer", answer: problemAnswer("route-not-found", "no events") } as const
  bench.source.fault("/v1/events", without, without, without)
  await start()
  await waitForTag("a")
  bench.source.publish(people(10, 5, "b"))
  await waitForTag("b")
  expect(pauses).toContain(askEveryMs)
  expect(askEveryMs).toBe(30_000)
  // The line breaks while it asks; then the events route is tried again, and is still not there.
  bench.source.fault("/v1/datasets/people", { kind: "reset" }, { kind: "reset" })
  await waitFor(() => bench.log.events("follow.connected").length >= 2)
  bench.source.publish(people(10, 5, "c"))
  await waitForTag("c")
  expect(bench.log.events("follow.without_events")).toHaveLength(1)
})

test("a dataset that the source does not offer fails loudly, and is loaded when it appears", async () => {
  const unknown = { kind: "answer", answer: problemAnswer("dataset-not-found", "no people here") } as const
  bench.source.fault("/v1/datasets/people", unknown)
  await start({ retries: { attempts: 1, cap: 1 } })
  await waitFor(() => bench.log.events("run.failed").some(({ code }) => code === "dataset-not-found"))
  await waitForTag("a")
})

test("a run that only another version can mend waits for it", async () => {
  await bench.query("create table public.people (id integer, name text, born date, extra text)")
  await start()
  await waitFor(() => bench.log.events("run.failed").length >= 1)
  const failed = bench.log.events("run.failed").length
  await bench.query("alter table public.people drop column extra")
  bench.source.publish(people(10, 5, "b"))
  await waitForTag("b")
  expect(bench.log.events("run.failed").length - failed).toBeLessThanOrEqual(1)
  expect(bench.log.events("run.failed")[0]).toMatchObject({ code: "columns-differ" })
})

test("a run that failed on its way is tried again without a new announcement", async () => {
  bench.source.fault(/\/chunks\//, ...Array.from({ length: 3 }, () => ({ kind: "reset" as const })))
  await start({ retries: { attempts: 1, cap: 1 } })
  await waitForTag("a")
  expect(bench.log.events("follow.retried").length).toBeGreaterThanOrEqual(1)
})

test("two loaders that follow load a version once; the other one sees up to date", async () => {
  const logs = [createTestLog(), createTestLog()]
  for (const { log } of logs) await start({}, log)
  await waitForTag("a")
  await waitFor(() => bench.source.events.open() === 2)
  for (const tag of ["b", "c", "d"]) {
    const { version } = bench.source.publish(people(10, 5, tag))
    for (const { lines } of logs) {
      await waitFor(() =>
        lines.some(
          (line) => line.version === version && /^(run.finished|follow.up_to_date)$/.test(String(line.event)),
        ),
      )
    }
  }
  expect(await publications()).toBe(4)
  for (const { events } of logs) expect(events("run.failed")).toEqual([])
})

test("a loader that stops while it listens, waits or runs leaves nothing open", async () => {
  const loader = await start()
  await waitForTag("a")
  await waitFor(() => bench.source.events.open() === 1)
  bench.source.fault(/\/chunks\/1$/, { kind: "hang" })
  bench.source.publish(people(10, 5, "b"))
  await waitFor(() => bench.source.chunksAsked().length > 2)
  await loader.stop()
  await waitFor(() => bench.source.events.open() === 0)
  await waitFor(async () => (await bench.sessions()) === 0)
  expect(bench.log.events("run.stopped")).toHaveLength(1)
})
