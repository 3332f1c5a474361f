// If this fails, a cron job or a systemd unit takes a failed load for a good one, or the other way round.
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type TestProcess, waitFor } from "@flatbed/testing"
import { afterEach, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

let installation: Installation

afterEach(() => installation.close())

async function setup(options: { csv?: string; loader?: string; sourceUp?: boolean } = {}) {
  installation = await createInstallation({
    source: "datasets:\n  ids: { files: ids.csv, chunk: { rows: 2 } }",
    loader:
      options.loader ??
      "connections: 1\nread_ahead: 0\ngroup: 0B\npipelines:\n  ids: { dataset: ids, table: ids }",
  })
  await installation.write("ids.csv", options.csv ?? "id\n1\n2\n3\n4\n5\n6\n7\n8\n")
  if (options.sourceUp ?? true) await installation.startSource()
}

/** The exit code, and what was printed for a person. */
async function outcome(loader: TestProcess): Promise<{ code: number | null; said: string }> {
  const { code } = await loader.end(60_000)
  return { code, said: `${loader.stdout()}${loader.stderr()}` }
}

test("0: a load, and a second one that finds nothing new", async () => {
  await setup()
  expect(await outcome(installation.loader(["load"]))).toMatchObject({ code: 0 })
  const again = await outcome(installation.loader(["load"]))
  expect(again).toMatchObject({ code: 0, said: expect.stringContaining("up to date") })
})

test("0: a file with only a header makes an empty table", async () => {
  await setup({ csv: "id,name\n" })
  expect(await outcome(installation.loader(["load"]))).toMatchObject({ code: 0 })
  expect(await installation.query("select id, name from public.ids")).toEqual([])
})

test("2: settings that cannot be used, every problem at once, with the nearest known key", async () => {
  await setup({
    sourceUp: false,
    loader: "conections: 1\npipelines:\n  ids: { dataset: ids, table: ids, mode: replase }",
  })
  const { code, said } = await outcome(installation.loader(["load"]))
  expect(code).toBe(2)
  expect(said).toContain("connections")
  expect(said).toContain("replase")
})

test("2: an unknown pipeline, an unknown command, a broken file", async () => {
  await setup({ sourceUp: false })
  const pipeline = await outcome(installation.loader(["load", "idz"]))
  expect(pipeline).toMatchObject({ code: 2, said: expect.stringContaining("ids") })
  const command = await outcome(installation.loader(["lode"]))
  expect(command).toMatchObject({ code: 2, said: expect.stringContaining("load") })
  await writeFile(join(installation.folder, "loader.yaml"), "source: { url: [\n")
  expect(await outcome(installation.loader(["load"]))).toMatchObject({ code: 2 })
})

test("3: a source that does not answer, after bounded retries", async () => {
  await setup({ sourceUp: false })
  const { code, said } = await outcome(installation.loader(["load"]))
  expect(code).toBe(3)
  expect(said).toContain("source-unreachable")
})

test("4: a wrong password, and no server at all", async () => {
  await setup({ sourceUp: false })
  const wrong = new URL(installation.databaseUrl)
  wrong.password = "not-the-password"
  const refused = await outcome(installation.loader(["load"], { databaseUrl: wrong.href }))
  expect(refused).toMatchObject({ code: 4, said: expect.stringContaining("database-refused") })
  expect(refused.said).not.toContain("not-the-password")
  const nobody = new URL(installation.databaseUrl)
  nobody.port = "1"
  expect(await outcome(installation.loader(["load"], { databaseUrl: nobody.href }))).toMatchObject({
    code: 4,
  })
})

test("5: a file that breaks the contract says where, and the table stays as it was", async () => {
  await setup()
  expect(await installation.load()).toBe(0)
  await installation.write("ids.csv", "id\n1\n2,3\n")
  const { code, said } = await outcome(installation.loader(["load"]))
  expect(code).toBe(5)
  expect(said).toContain("ids.csv")
  expect(said).toMatch(/line\W+3/)
  expect(await installation.query("select count(*)::int as n from public.ids")).toEqual([{ n: 8 }])
})

test("5: a table with other columns is named with its difference, before a row moves", async () => {
  await setup()
  await installation.query("create table public.ids (id integer, extra text)")
  const { code, said } = await outcome(installation.loader(["load"]))
  expect(code).toBe(5)
  expect(said).toContain("columns-differ")
  expect(said).toContain("extra")
})

test("7: a load that does not add up is not published", async () => {
  await setup()
  await installation.query("create table public.ids (id integer)")
  await installation.query(
    `create function public.swallow() returns trigger language plpgsql as
     'begin if new.id = 3 then return null; end if; return new; end'`,
  )
  await installation.query(
    "create trigger swallow before insert on public.ids for each row execute function public.swallow()",
  )
  const { code, said } = await outcome(installation.loader(["load"]))
  expect(code).toBe(7)
  expect(said).toContain("receipt-unbalanced")
  expect(await installation.query("select * from public.ids")).toEqual([])
})

test("8: another run holds the pipeline", async () => {
  await setup()
  const first = installation.loader(["load"])
  await first.waitForEvent("chunk.loaded")
  first.kill("SIGSTOP")
  const { code, said } = await outcome(installation.loader(["load"]))
  first.kill("SIGCONT")
  expect(code).toBe(8)
  expect(said).toContain("lease-held")
  expect(await outcome(first)).toMatchObject({ code: 0 })
})

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s ends a waiting loader with %i, and the next load goes on at once", async (signal, exit) => {
  await setup()
  const loader = installation.loader(["load"])
  await loader.waitForEvent("chunk.loaded")
  loader.kill(signal)
  expect(await outcome(loader)).toMatchObject({ code: exit })
  await waitFor(async () => (await installation.load()) === 0)
  expect(await installation.query("select count(*)::int as n from public.ids")).toEqual([{ n: 8 }])
})
