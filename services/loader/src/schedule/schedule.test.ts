// If this file fails, a schedule runs twice, not at all, or for ticks long past.
import { createTestDatabase, type TestDatabase, testLedger, waitFor } from "@flatbed/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { createTestLog, openBench, people, pipelineOf } from "../loader.test-kit.ts"
import { openDatabase } from "../postgres/database.ts"
import { patience } from "../retry.ts"
import { listPipelines } from "../settings/pipeline-settings.ts"
import { findCronError, findDueTick, findNextTick } from "./due-ticks.ts"
import { createSchedule } from "./schedule.ts"
import { claimTick, findLastTick, recordFirstTick } from "./ticks.ts"

const at = (time: string) => new Date(time)

describe("the due tick", () => {
  test("is the latest one, the present moment included", () => {
    expect(findDueTick("*/15 * * * *", "UTC", at("2026-01-01T12:14:59Z"))).toEqual(at("2026-01-01T12:00:00Z"))
    expect(findDueTick("*/15 * * * *", "UTC", at("2026-01-01T12:15:00Z"))).toEqual(at("2026-01-01T12:15:00Z"))
    expect(findNextTick("*/15 * * * *", "UTC", at("2026-01-01T12:15:00Z"))).toEqual(
      at("2026-01-01T12:30:00Z"),
    )
  })

  test("keeps the zone's own time", () => {
    expect(findDueTick("0 9 * * *", "Europe/Berlin", at("2026-07-01T12:00:00Z"))).toEqual(
      at("2026-07-01T07:00:00Z"),
    )
    expect(findDueTick("0 9 * * *", "Asia/Tokyo", at("2026-07-01T12:00:00Z"))).toEqual(
      at("2026-07-01T00:00:00Z"),
    )
  })

  // Clocks in Berlin go from 02:00 to 03:00 on 29 March 2026, and from 03:00 back to 02:00 on 25 October.
  test("of a local time that a clock change leaves out comes after the change", () => {
    expect(findDueTick("30 2 * * *", "Europe/Berlin", at("2026-03-29T10:00:00Z"))).toEqual(
      at("2026-03-29T01:30:00Z"),
    )
  })

  test.each([["Europe/Berlin"], ["Australia/Lord_Howe"], ["Pacific/Chatham"], ["America/New_York"], ["UTC"]])(
    "of a daily schedule comes once on each of the days of three years in %s",
    (zone) => {
      const days = new Set<string>()
      let tick = at("2026-01-01T00:00:00Z")
      let ticks = 0
      while (tick < at("2029-01-01T00:00:00Z")) {
        tick = findNextTick("15 2 * * *", zone, tick) ?? at("2099-01-01T00:00:00Z")
        days.add(new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(tick))
        ticks += 1
      }
      expect(days.size).toBe(ticks)
      expect(ticks).toBeGreaterThanOrEqual(1096)
      expect(ticks).toBeLessThanOrEqual(1097)
    },
  )
})

test.each([
  ["* * * *", "4 field"],
  ["0 0 0 * * * *", "7 field"],
  ["61 * * * *", "cron"],
  ["often * * * *", "cron"],
  ["0 0 30 2 *", "cron"],
])("%s is no schedule", (expression, words) => {
  expect(findCronError(expression)).toContain(words)
})

test.each(["*/15 * * * *", "0 6 * * 1-5", "0 0 1 jan,jul *", "*/10 * * * * *"])(
  "%s is a schedule",
  (expression) => {
    expect(findCronError(expression)).toBeUndefined()
  },
)

describe("a schedule", () => {
  let database: TestDatabase
  let now: Date
  let runs: string[]
  let closing: (() => Promise<void>)[]

  beforeEach(async () => {
    database = await createTestDatabase()
    now = at("2026-01-01T12:07:00Z")
    runs = []
    closing = []
  })

  afterEach(async () => {
    for (const close of closing.reverse()) await close()
    await database.drop()
  })

  // `* * * * *` is what node-cron fires for every pipeline; here the looks are made by `start`, under a set time.
  function open(name: string, run: () => Promise<void> = async () => undefined) {
    const pool = openDatabase(
      {
        url: database.url,
        ledgerSchema: testLedger,
        connectTimeoutMs: 5000,
        statementTimeoutMs: 5000,
        lockTimeoutMs: 5000,
        retries: { attempts: 1, capMs: 1 },
      },
      { name, connections: 2, patience },
    )
    const transaction = pool.transaction
    let claims = 0
    const schedule = createSchedule(
      listPipelines({
        pipelines: {
          people: pipelineOf({ schedule: "*/15 * * * *" }),
        },
      }),
      {
        timezone: "UTC",
        log: createTestLog().log,
        now: () => now,
        ticks: {
          claim: (p, tick) =>
            transaction((s) => claimTick(s, p, tick, `${name} ${claims++}`), { doing: "claiming" }),
          findLast: (p) => transaction((s) => findLastTick(s, p), { doing: "looking" }),
          recordFirst: (p, tick) =>
            transaction((s) => recordFirstTick(s, p, tick, name), { doing: "noting" }),
        },
        run: async (_pipeline, tick) => {
          runs.push(`${name} ${tick.toISOString()}`)
          await run()
        },
      },
    )
    closing.push(pool.close, schedule.stop)
    return schedule
  }

  test("that never ran does not run for its past", async () => {
    await open("a").start()
    expect(runs).toEqual([])
  })

  test("that was away for many ticks is caught up by one run, of the latest", async () => {
    const first = open("a")
    await first.start()
    await first.stop()
    now = at("2026-01-03T09:31:00Z")
    await open("b").start()
    await open("c").start()
    expect(runs).toEqual(["b 2026-01-03T09:30:00.000Z"])
  })

  test("kept by many loaders runs each tick once", async () => {
    await open("first").start()
    const loaders = Array.from({ length: 6 }, (_, i) => open(`loader ${i}`))
    now = at("2026-01-01T12:15:00Z")
    await Promise.all(loaders.map((loader) => loader.start()))
    expect(runs).toHaveLength(1)
    expect(runs[0]).toContain("2026-01-01T12:15:00.000Z")
  })

  test("that stops waits for the run under way", async () => {
    await open("first").start()
    now = at("2026-01-01T12:15:00Z")
    let end: () => void = () => undefined
    const schedule = open(
      "a",
      () =>
        new Promise<void>((resolve) => {
          end = resolve
        }),
    )
    await schedule.start()
    let stopped = false
    const stopping = schedule.stop().then(() => {
      stopped = true
    })
    expect(stopped).toBe(false)
    end()
    await stopping
  })

  test("whose claim was answered once is not claimed again by the next look", async () => {
    await open("first").start()
    now = at("2026-01-01T12:15:00Z")
    const names = ["x", "x", "y"]
    const pool = openDatabase(
      {
        url: database.url,
        ledgerSchema: testLedger,
        connectTimeoutMs: 5000,
        statementTimeoutMs: 5000,
        lockTimeoutMs: 5000,
        retries: { attempts: 1, capMs: 1 },
      },
      { name: "t", connections: 1, patience },
    )
    closing.push(pool.close)
    const claimed: boolean[] = []
    for (const name of names)
      claimed.push(await pool.transaction((s) => claimTick(s, "people", now, name), { doing: "claiming" }))
    // The same claimant hears the same answer again, which settles a claim whose answer was lost.
    expect(claimed).toEqual([true, true, false])
  })
})

test("two loaders started on one schedule load a tick once", async () => {
  const bench = await openBench(people(5, 2))
  const pipelines = {
    people: pipelineOf({ schedule: "* * * * *" }),
  }
  const loaders = [bench.createLoader({ pipelines }), bench.createLoader({ pipelines })]
  // A tick long past stands in the ledger, so both have the same one to catch up.
  await bench.query(
    "insert into flatbed.ticks (pipeline, tick, claimed_by) values ('people', '2020-01-01', 'before')",
  )
  await Promise.all(loaders.map((loader) => loader.start()))
  await waitFor(() => bench.log.events("run.finished").length >= 1)
  for (const loader of loaders) await loader.stop()
  const published = await bench.query("select count(*)::integer as n from flatbed.publications")
  expect(published).toEqual([{ n: 1 }])
  expect(bench.log.events("schedule.next").length).toBeGreaterThanOrEqual(2)
  await bench.close()
})
