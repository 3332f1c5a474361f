// If this file fails, a loader that is killed while it makes a model leaves a table that is neither old nor new, or one
// that no later load finishes.
import { join } from "node:path"
import { startProcess, type TestProcess, waitFor } from "@flatbed/testing"
import pg from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { people } from "../loader.test-kit.ts"
import { type ModelBench, openModelBench } from "./models.test-kit.ts"

const script = join(import.meta.dirname, "..", "..", "bin", "flatbed-loader.mjs")
/** Whoever asks for it waits while the test holds it. */
const gate = 4711

let bench: ModelBench
let keeper: pg.Client
let started: TestProcess[]

beforeAll(async () => {
  bench = await openModelBench()
  keeper = new pg.Client({ connectionString: bench.databaseUrl })
  await keeper.connect()
})

afterAll(async () => {
  await keeper.end()
  await bench.close()
})

beforeEach(async () => {
  started = []
  await bench.clear()
  await bench.query(
    `create schema shop;
     create function shop.wait() returns boolean language plpgsql as
       'begin perform pg_catalog.pg_advisory_xact_lock_shared(${gate}); return true; end';
     create function shop.wait_row() returns trigger language plpgsql as
       'begin perform shop.wait(); return null; end'`,
  )
})

afterEach(async () => {
  await keeper.query("select pg_advisory_unlock_all()")
  await Promise.all(started.map((one) => one.close()))
})

function startLoad(): TestProcess {
  const env = { DATABASE_URL: bench.databaseUrl }
  const program = startProcess({ script, args: ["load", "--json"], cwd: bench.folder.path, env })
  started.push(program)
  return program
}

/** Ends with its exit code; what it printed of the models. */
async function load() {
  const program = startLoad()
  const { code } = await program.end(60_000)
  const [line = "{}"] = program.stdout().split("\n")
  return { code, models: (JSON.parse(line).models ?? []) as Record<string, unknown>[] }
}

const waits = async () =>
  (
    await bench.query(
      "select pid from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())",
    )
  ).length

const forms = [
  { as: "table", settings: "", where: "" },
  { as: "table with a key", settings: ", key: [id]", where: "" },
  { as: "upsert", settings: ", as: upsert, key: [id]", where: "and _flatbed_version = any(:new_versions)" },
  { as: "append", settings: ", as: append", where: "and _flatbed_version = any(:new_versions)" },
]

const cuts = [
  { at: "in the select", condition: "shop.wait()", check: "", trigger: "" },
  {
    at: "behind the select, in a check",
    condition: "true",
    check: ", checks: [{ sql: shop.wait() }]",
    trigger: "",
  },
  {
    at: "behind the rows, at the commit",
    condition: "true",
    check: "",
    trigger:
      "create constraint trigger wait after insert on shop.made deferrable initially deferred for each row execute function shop.wait_row()",
  },
]

// Checks are asked in the same way whatever becomes of the rows.
const cases = forms.flatMap((form) =>
  cuts.filter(({ check }) => check === "" || form.as === "table").map((cut) => ({ ...form, ...cut })),
)

describe("killed while it makes a model", () => {
  test.each(cases)("as: $as, $at", async ({ settings, where, condition, check, trigger }) => {
    const config = `source: { url: "${bench.source.url}" }
database: { url: "\${DATABASE_URL}" }
pipelines:
  people: { dataset: people, table: people, mode: append, lineage: true }
models:
  made: { sql: made.sql, table: shop.made, needs: [people]${settings}${check} }
  after: { sql: after.sql, table: shop.after, needs: [made] }
`
    await bench.folder.write("loader.yaml", config)
    await bench.folder.write("made.sql", `select id, name from public.people where ${condition} ${where}`)
    await bench.folder.write("after.sql", "select count(*)::integer as n from shop.made")
    expect((await load()).code).toBe(0)
    if (trigger !== "") await bench.query(trigger)
    const old = { ...(await rows()), people: 7 }

    bench.source.publish(people(7, 7))
    await keeper.query(`select pg_advisory_lock(${gate})`)
    const killed = startLoad()
    await waitFor(async () => (await waits()) === 1, { what: "the loader at the gate", limitMs: 30_000 })
    expect(await rows()).toEqual(old)
    killed.kill("SIGKILL")
    expect(await killed.end()).toMatchObject({ signal: "SIGKILL" })
    expect(await rows()).toEqual(old)

    // The session of the one that is gone still waits at the gate, and the next load waits for it: both go on now.
    const next = startLoad()
    await keeper.query("select pg_advisory_unlock_all()")
    expect(await next.end(60_000)).toMatchObject({ code: 0 })
    expect(await rows()).toEqual({
      people: 7,
      made: [1, 2, 3, 4, 5, 6, 7],
      after: [{ n: 7 }],
    })
    const left =
      "select relname from pg_class where relnamespace = 'flatbed'::regnamespace and relname ~ '^model_[0-9a-f]{16}'"
    expect(await bench.query(left)).toEqual([])
  })

  async function rows() {
    const [count] = await bench.query("select count(*)::integer as n from public.people")
    const made = await bench.query("select id from shop.made order by id")
    const after = await bench.query("select n from shop.after")
    // The people are loaded before the model is made, whatever becomes of that.
    return { people: count?.n, made: made.map(({ id }) => id), after }
  }
})
