// If this file fails, a script cannot tell from the exit code what went wrong, or a problem code is a dead letter.
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { ProblemCode } from "@flatbed/contract"
import {
  makeCertificate,
  problemAnswer,
  startProcess,
  startTlsFront,
  type TemporaryFolder,
  type TestProcess,
  temporaryFolder,
} from "@flatbed/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type Bench, openBench, people } from "./loader.test-kit.ts"

const script = fileURLToPath(new URL("../bin/flatbed-loader.mjs", import.meta.url))
let bench: Bench
let folder: TemporaryFolder
let closing: (() => Promise<unknown>)[]

beforeEach(async () => {
  bench = await openBench(people(10, 3))
  folder = await temporaryFolder()
  closing = [bench.close, folder.remove]
  await configure("pipelines:\n  people: { dataset: people, table: people }\n")
})

afterEach(async () => {
  for (const close of closing.reverse()) await close()
})

async function configure(rest: string): Promise<void> {
  const yaml = `source: { url: "${bench.source.url}" }\ndatabase: { url: "\${DATABASE_URL}" }\nadmin: { port: 0 }\n`
  const quick = "retries: { attempts: 2, cap: 10ms }\ndeadlines: { idle: 500ms, indexing: 500ms }\n"
  await writeFile(join(folder.path, "loader.yaml"), yaml + quick + rest)
}

function start(args: readonly string[], env: Record<string, string> = {}): TestProcess {
  return startProcess({ script, args, cwd: folder.path, env: { DATABASE_URL: bench.databaseUrl, ...env } })
}

type Told = { problem: { code: string } | null }

/** The exit code, and the problem codes that `--json` tells on stdout, or on stderr when it came to no run. */
async function end(program: TestProcess) {
  const { code } = await program.end()
  const [line = ""] = program.stdout().split("\n")
  const { runs = [], models = [] } = (line === "" ? {} : JSON.parse(line)) as Record<string, Told[]>
  const early = program
    .stderr()
    .split("\n")
    .filter((text) => text.startsWith("{") && !text.includes('"event"'))
    .map((text) => JSON.parse(text).code)
  return { code, problems: [...[...runs, ...models].flatMap(({ problem }) => problem?.code ?? []), ...early] }
}

const load = async (env: Record<string, string> = {}) => await end(start(["load", "--json"], env))

/** What the source may answer; `loader`: the code that comes out of it here. */
const told = {
  "dataset-not-found": {},
  "route-not-found": {},
  "row-out-of-range": {},
  "chunk-out-of-range": {},
  unauthorized: {},
  "request-invalid": {},
  "not-acceptable": {},
  indexing: {},
  "too-busy": {},
  stopping: {},
  "file-missing": {},
  "file-forbidden": {},
  "file-empty": {},
  "file-encoding": {},
  "file-compression": {},
  "text-over-limit": {},
  "cache-unusable": {},
  "file-nul": {},
  "file-unsettled": {},
  "files-differ": {},
  "format-unknown": {},
  "checksum-mismatch": {},
  "record-malformed": {},
  "header-invalid": {},
  "format-ambiguous": {},
  "json-invalid": {},
  "records-not-found": {},
  "column-unknown": {},
  internal: {},
  // A version that is gone is not the end: the run starts over, until it has had enough of it.
  "version-gone": { loader: "version-unstable" },
  "version-not-found": { loader: "version-unstable" },
} satisfies Partial<Record<ProblemCode, { loader?: ProblemCode }>>

test("every problem that the source may answer comes out under its own code", async () => {
  const codes = Object.keys(told) as (keyof typeof told)[]
  const pipelines = codes.map((code) => `  ${code}: { dataset: ${code}, table: "t_${code}" }\n`)
  await configure(`pipelines:\n${pipelines.join("")}`)
  for (const code of codes) {
    const answer = { kind: "answer", answer: problemAnswer(code, "So it is.") } as const
    bench.source.publish({ ...people(1, 1), name: code })
    bench.source.fault(`/v1/datasets/${code}`, ...Array.from({ length: 8 }, () => answer))
  }
  const { code, problems } = await load()
  expect(problems).toEqual(codes.map((one) => ("loader" in told[one] ? told[one].loader : one)))
  // The first failure's.
  expect(code).toBe(3)
})

type Scenario = {
  readonly exit: number
  /** Makes it happen; answers how the program ended. */
  readonly run: () => Promise<{ code: number | null; problems: string[] }>
}

const always = <T>(fault: T): T[] => Array.from({ length: 40 }, () => fault)

const own = {
  "source-unreachable": { exit: 3, run: () => load({ FLATBED_LOADER__SOURCE__URL: "http://127.0.0.1:1" }) },
  "source-refused": {
    exit: 3,
    run: () => {
      bench.source.fault(/datasets/, { kind: "answer", answer: { status: 403 } })
      return load()
    },
  },
  "source-untrusted": {
    exit: 3,
    run: async () => {
      const front = await startTlsFront(makeCertificate({ names: ["localhost"] }), bench.source.url)
      closing.push(front.close)
      return await load({ FLATBED_LOADER__SOURCE__URL: front.url })
    },
  },
  "chunk-damaged": {
    exit: 3,
    run: () => {
      bench.source.fault(/chunks/, ...always({ kind: "flip-body", bit: 77 } as const))
      return load()
    },
  },
  "deadline-exceeded": {
    exit: 3,
    run: () => {
      bench.source.fault(/datasets/, ...always({ kind: "hang" } as const))
      return load()
    },
  },
  "database-unreachable": { exit: 4, run: () => load({ DATABASE_URL: "postgres://nobody@127.0.0.1:1/x" }) },
  "database-refused": {
    exit: 4,
    run: () => {
      const wrong = new URL(bench.databaseUrl)
      wrong.password = "not-the-password"
      return load({ DATABASE_URL: wrong.href })
    },
  },
  "database-failed": { exit: 4, run: () => withTrigger("raise exception using errcode = '0A000'") },
  "rejects-over-limit": {
    exit: 5,
    run: () => {
      bench.source.publish(withReject())
      return load()
    },
  },
  "rows-unexpected": {
    exit: 5,
    run: async () => {
      await configure('pipelines:\n  people: { dataset: people, table: people, expect_rows: ">10" }\n')
      return await load()
    },
  },
  "check-failed": {
    exit: 5,
    run: async () => {
      await configure(
        "pipelines:\n  people: { dataset: people, table: people, checks: [{ sql: id < 10 }] }\n",
      )
      return await load()
    },
  },
  "migration-failed": {
    exit: 4,
    run: async () => {
      await folder.write("own/0001_broken.sql", "create table public.x (a integer);\nselect 1 / 0;\n")
      await configure("pipelines: {}\nmigrations: own\n")
      return await load()
    },
  },
  "report-failed": {
    exit: 4,
    run: async () => {
      await folder.write("broken.sql", "select 1 / 0 as zero")
      await configure("pipelines: {}\nreports:\n  broken: { sql: broken.sql }\n")
      return await end(start(["report", "broken", "--json"]))
    },
  },
  "chunks-lost": {
    exit: 4,
    run: async () => {
      // What a crash of the server would do, at every try: the receipt is gone once its commit is answered.
      await bench.query(
        `create function public.forget() returns trigger language plpgsql as
           'begin delete from flatbed.chunks where run_id = new.run_id; return null; end';
         create constraint trigger forget after insert on flatbed.chunks deferrable initially deferred
           for each row execute function public.forget()`,
      )
      return await load()
    },
  },
  "columns-differ": {
    exit: 5,
    run: async () => {
      await bench.query("create table public.people (id integer, name text)")
      return await load()
    },
  },
  "table-unsuitable": {
    exit: 5,
    run: async () => {
      await bench.query("create view public.people as select 1 as id, 'a' as name, current_date as born")
      return await load()
    },
  },
  "key-repeated": {
    exit: 5,
    run: async () => {
      await bench.query(
        "create table public.people (id integer, name text, born date); insert into public.people values (1, 'a'), (1, 'b')",
      )
      await configure("pipelines:\n  people: { dataset: people, table: people, mode: upsert, key: [id] }\n")
      return await load()
    },
  },
  "deletes-refused": {
    exit: 5,
    run: async () => {
      await bench.query(
        "create table public.people (id integer, name text, born date); insert into public.people values (1000, 'a')",
      )
      await configure("pipelines:\n  people: { dataset: people, table: people, mode: mirror, key: [id] }\n")
      return await load()
    },
  },
  "file-changed": {
    exit: 5,
    run: async () => {
      await configure("pipelines:\n  people: { dataset: people, table: people, mode: append }\n")
      await load()
      bench.source.publish(people(5, 3, "b"))
      return await load()
    },
  },
  "version-unstable": {
    exit: 5,
    run: () => {
      bench.source.forget(bench.source.publish(people(10, 3, "b")).version)
      return load()
    },
  },
  "data-refused": {
    exit: 5,
    run: async () => {
      await bench.query("create table public.people (id integer, name text, born date unique)")
      return await load()
    },
  },
  "receipt-unbalanced": { exit: 7, run: () => withTrigger("return null") },
  "verify-failed": {
    exit: 7,
    run: async () => {
      const verify = start(["verify", "--json"])
      const { code } = await verify.end()
      const { pipelines } = JSON.parse(verify.stdout()) as { pipelines: { problem: { code: string } }[] }
      return { code, problems: pipelines.map(({ problem }) => problem.code) }
    },
  },
  "lease-held": {
    exit: 8,
    run: async () => {
      bench.source.fault(/chunks/, { kind: "hang" })
      const holder = start(["load"], { FLATBED_LOADER__DEADLINES__IDLE: "60s" })
      closing.push(holder.close)
      await holder.waitForEvent("run.started")
      return await load()
    },
  },
  "lease-lost": {
    exit: 8,
    run: async () => {
      bench.source.fault(/chunks/, { kind: "delay", ms: 400 })
      const loader = start(["load", "--json"], { FLATBED_LOADER__LEASE__EXPIRES: "300ms" })
      await loader.waitForEvent("run.started")
      await bench.query("update flatbed.leases set epoch = epoch + 1, owner = 'somebody'")
      return await end(loader)
    },
  },
  "model-failed": {
    exit: 9,
    run: async () => {
      await writeFile(join(folder.path, "broken.sql"), "select nmae from public.people")
      await configure(
        "pipelines:\n  people: { dataset: people, table: people }\nmodels:\n  broken: { sql: broken.sql, needs: [people] }\n",
      )
      return await load()
    },
  },
  "settings-invalid": { exit: 2, run: () => load({ FLATBED_LOADER__CONECTIONS: "3" }) },
  "usage-invalid": { exit: 2, run: () => end(start(["load", "peeple", "--json"])) },
  "file-exists": { exit: 2, run: () => end(start(["init", "--json"])) },
  "port-in-use": {
    exit: 2,
    run: () => {
      const { port } = new URL(bench.source.url)
      return end(start(["start", "--json"], { FLATBED_LOADER__ADMIN__PORT: port }))
    },
  },
  internal: {
    exit: 1,
    run: () => {
      const answer = { kind: "answer", answer: problemAnswer("internal", "A bug of the source's.") } as const
      bench.source.fault(/datasets/, ...always(answer))
      return load()
    },
  },
} satisfies Partial<Record<ProblemCode, Scenario>>

/** Does not compile while a code of the contract is reached by neither table. */
type Unreached = Exclude<ProblemCode, keyof typeof told | keyof typeof own>
const everyCodeIsReached: [Unreached] extends [never] ? true : Unreached = true

/** Ten people, of whom the source sets the fifth aside. */
function withReject() {
  const why = { code: "missing-cell", column: null, value: null, reason: "2 cells, expected 3" } as const
  return { ...people(10, 3, "r"), setAside: new Map([[5, why]]) }
}

async function withTrigger(body: string) {
  await bench.query("create table public.people (id integer, name text, born date)")
  await bench.query(
    `create function public.meddle() returns trigger language plpgsql as 'begin ${body.replaceAll("'", "''")}; end'`,
  )
  await bench.query(
    "create trigger meddle before insert on public.people for each row when (new.id = 3) execute function public.meddle()",
  )
  return await load()
}

describe("a problem of the loader's own ends it with its exit code", () => {
  test.each(Object.entries(own))("%s", async (problem, { exit, run }) => {
    const { code, problems } = await run()
    expect({ code, problems }).toEqual({ code: exit, problems: [problem] })
  })
})

test("no code of the contract is left out", () => {
  expect(everyCodeIsReached).toBe(true)
})

test("0: published, and up to date", async () => {
  expect(await load()).toEqual({ code: 0, problems: [] })
  expect(await load()).toEqual({ code: 0, problems: [] })
})

test("6: published, with rejects under the declared limit", async () => {
  bench.source.publish(withReject())
  await configure("pipelines:\n  people: { dataset: people, table: people, max_rejects: 1 }\n")
  expect(await load()).toEqual({ code: 6, problems: [] })
  expect(await bench.query("select count(*)::integer as n from public.people")).toEqual([{ n: 9 }])
})

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s ends load and start with %i", async (signal, exit) => {
  bench.source.fault(/chunks/, { kind: "hang" })
  const loading = start(["load"])
  await loading.waitForEvent("run.started")
  loading.kill(signal)
  expect((await loading.end()).code).toBe(exit)
  const started = start(["start"])
  await started.waitForEvent("loader.started")
  started.kill(signal)
  expect((await started.end()).code).toBe(exit)
})
