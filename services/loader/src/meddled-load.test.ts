// If this file fails, something inside Postgres takes rows away or adds some, and the load says that all is well.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { type Bench, openBench, people, pipelineOf } from "./loader.test-kit.ts"
import type { RunOutcome } from "./summary.ts"

const modes = {
  replace: {},
  "replace with a key": { key: ["id"] },
  append: { mode: "append" },
  upsert: { mode: "upsert", key: ["id"] },
  mirror: { mode: "mirror", key: ["id"] },
} satisfies Record<string, Parameters<typeof pipelineOf>[0]>
type Mode = keyof typeof modes
const every = Object.keys(modes) as Mode[]

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
  await bench.query(`create schema meddling;
    create table meddling.seen (id integer);
    create function meddling.skip() returns trigger language plpgsql as 'begin return null; end';
    create function meddling.remove() returns trigger language plpgsql as
      'begin delete from public.people where id = 2; return null; end';
    create function meddling.add() returns trigger language plpgsql as
      'begin if pg_trigger_depth() = 1 then insert into public.people (id, name) values (99, ''new''); end if; return null; end';
    create function meddling.note() returns trigger language plpgsql as
      'begin insert into meddling.seen values (new.id); return new; end'`)
})
afterAll(() => bench.close())

let load: () => Promise<RunOutcome>
const rows = async () => await bench.query("select id, name, xmin::text from public.people order by id")

/** A table that shows a version of three people, whose next version has five. */
async function begin(mode: Mode): Promise<void> {
  bench.source.publish(people(3, 3))
  const loader = bench.createLoader({ connections: 1, pipelines: { people: pipelineOf(modes[mode]) } })
  load = async () => {
    const [outcome] = await loader.load()
    return outcome as RunOutcome
  }
  expect((await load()).outcome).toBe("published")
  bench.source.publish(people(5, 3))
}

beforeEach(async () => {
  await bench.query("truncate meddling.seen")
})
afterEach(async () => {
  await bench.query("drop table if exists public.people")
})

async function expectRed(words: string): Promise<void> {
  const before = await rows()
  expect(await load()).toMatchObject({
    outcome: "failed",
    receipt: undefined,
    problem: { code: "receipt-unbalanced", exitCode: 7, message: expect.stringContaining(words) },
  })
  expect(await rows()).toEqual(before)
}

describe.each(every)("by %s", (mode) => {
  test("a trigger that leaves a row out", async () => {
    await begin(mode)
    await bench.query(
      "create trigger meddle before insert on public.people for each row when (new.id = 5) execute function meddling.skip()",
    )
    await expectRed("rows")
  })

  test("a rule that leaves a row out", async () => {
    await begin(mode)
    await bench.query("create rule meddle as on insert to public.people where new.id = 5 do instead nothing")
    await expectRed("rows")
  })

  test("a trigger and a rule that only look are no harm", async () => {
    await begin(mode)
    await bench.query(
      `create trigger look before insert on public.people for each row execute function meddling.note();
       create rule look as on insert to public.people do also notify somebody`,
    )
    expect((await load()).outcome).toBe("published")
    expect((await rows()).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5])
    expect(
      (await bench.query("select id from meddling.seen where id > 3 order by id")).map(({ id }) => id),
    ).toEqual([4, 5])
  })
})

// Beside an append others may write, so its table is not counted.
describe.each(every.filter((mode) => mode !== "append"))("by %s", (mode) => {
  test.each([
    ["removes a row behind the load", "remove"],
    ["adds a row of its own", "add"],
  ])("a trigger that %s", async (_what, how) => {
    await begin(mode)
    await bench.query(
      `create trigger meddle after insert on public.people for each statement execute function meddling.${how}()`,
    )
    await expectRed("behind the load, expected 5")
  })
})

describe("staging", () => {
  /** A load that is interrupted before its last chunk; something happens to staging, and the load goes on. */
  async function meddle(text: (staging: string) => string): Promise<RunOutcome> {
    await begin("replace")
    bench.source.fault(/\/chunks\/2$/, ...Array.from({ length: 4 }, () => ({ kind: "reset" }) as const))
    expect((await load()).problem?.code).toBe("source-unreachable")
    const [staging] = await bench.query<{ name: string }>(
      "select format('flatbed.%I', tablename) as name from pg_tables where schemaname = 'flatbed' and tablename ~ '^staging_'",
    )
    await bench.query(text(staging?.name ?? ""))
    return await load()
  }

  test.each([
    [
      "a row is deleted from it",
      (table: string) => `delete from ${table} where id = 1`,
      "staging holds 4 rows",
    ],
    [
      "a row is put into it",
      (table: string) => `insert into ${table} select * from ${table} where id = 1`,
      "staging holds 6 rows",
    ],
    [
      "a trigger on it leaves a row out",
      (table: string) =>
        `create trigger meddle before insert on ${table} for each row when (new.id = 5) execute function meddling.skip()`,
      "COPY counted 1 rows",
    ],
  ])("%s", async (_name, text, words) => {
    const outcome = await meddle(text)
    expect(outcome).toMatchObject({ outcome: "failed", problem: { code: "receipt-unbalanced" } })
    expect(outcome.problem?.message).toContain(words)
    expect((await rows()).map(({ id }) => id)).toEqual([1, 2, 3])
  })
})
