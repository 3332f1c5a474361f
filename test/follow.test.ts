// If this fails, a changed file shows in the table only when somebody asks for it.
import { rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { waitFor } from "@flatbed/testing"
import { afterEach, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

let installation: Installation

afterEach(() => installation.close())

async function setup() {
  installation = await createInstallation({
    source: "datasets:\n  shops: { files: shops.csv }\n  other: { files: other.csv }",
    loader: "pipelines:\n  shops: { dataset: shops, table: shops, follow: true }",
  })
  await installation.write("shops.csv", "id,name\n1,Ada\n2,Bob\n")
  await installation.write("other.csv", "id\n1\n")
}

const names = async () =>
  (await installation.query<{ name: string }>("select name from public.shops order by id")).map(
    ({ name }) => name,
  )

const shows = (...expected: string[]) =>
  waitFor(async () => JSON.stringify(await names()) === JSON.stringify(expected), {
    what: `${expected} in the table`,
  })

test("an edit, a file renamed into place and a file put back each show in the table, one run each", async () => {
  await setup()
  await installation.startSource()
  const loader = installation.loader(["start"])
  await shows("Ada", "Bob")
  await installation.write("shops.csv", "id,name\n1,Ada\n2,Bea\n")
  await shows("Ada", "Bea")
  const aside = join(installation.folder, "files", "shops.csv.new")
  await writeFile(aside, "id,name\n1,Ada\n2,Cid\n3,Dot\n")
  await rename(aside, join(installation.folder, "files", "shops.csv"))
  await shows("Ada", "Cid", "Dot")
  await installation.write("shops.csv", "id,name\n1,Ada\n2,Bob\n")
  await shows("Ada", "Bob")
  await installation.write("other.csv", "id\n1\n2\n")
  await waitFor(() => loader.events().filter(({ event }) => event === "run.finished").length >= 4)
  const announced = loader.events().filter(({ event }) => event === "version.announced")
  expect(new Set(announced.map(({ dataset }) => dataset))).toEqual(new Set(["shops"]))
})

test("a file that comes into a folder, or into one that was not there, changes or goes, shows without being looked for", async () => {
  installation = await createInstallation({
    // Nothing but what the source hears of by itself makes a version in time.
    source:
      "scan_interval: 1h\ndatasets:\n  days: { files: 'days/**/*.json' }\n  tags: { files: 'days/**/*.json', explode: tags }",
    loader:
      "pipelines:\n  days: { dataset: days, table: days, follow: true }\n  tags: { dataset: tags, table: tags, follow: true }",
  })
  const day = (id: number, ...tags: string[]) => JSON.stringify({ id, tags })
  await installation.write("days/1.json", day(1, "a"))
  await installation.startSource()
  const loader = installation.loader(["start"])
  await loader.waitForEvent("follow.connected")
  const column = async (sql: string) =>
    (await installation.query<{ found: string }>(sql)).map(({ found }) => found).join()
  const showsDays = (ids: string, tags: string) =>
    waitFor(
      async () =>
        (await column("select id::text as found from public.days order by id")) === ids &&
        (await column("select tags as found from public.tags order by 1")) === tags,
      { what: `${ids} and ${tags} in the tables` },
    )
  await showsDays("1", "a")
  await installation.write("days/2.json", day(2, "b", "c"))
  await showsDays("1,2", "a,b,c")
  await installation.write("days/2026/11/3.json", day(3))
  await waitFor(
    async () => (await column("select id::text as found from public.days order by id")) === "1,2,3",
  )
  await installation.write("days/2026/12/4.json.part", day(4, "d"))
  const files = join(installation.folder, "files")
  await rename(join(files, "days/2026/12/4.json.part"), join(files, "days/2026/12/4.json"))
  await rm(join(files, "days/2026/11"), { recursive: true })
  await installation.write("days/1.json", day(1, "z"))
  await showsDays("1,2,4", "b,c,d,z")
})

test("a source that was away is heard again, with what changed meanwhile", async () => {
  await setup()
  const first = await installation.startSource()
  const loader = installation.loader(["start"])
  await shows("Ada", "Bob")
  first.kill("SIGKILL")
  await loader.waitForEvent("follow.disconnected")
  await installation.write("shops.csv", "id,name\n1,Eve\n")
  await installation.startSource()
  await shows("Eve")
  const outages = loader.events().filter(({ event }) => event === "follow.disconnected")
  expect(outages).toHaveLength(1)
})

test("two loaders that follow one source publish a version once", async () => {
  await setup()
  await installation.startSource()
  const loaders = [installation.loader(["start"]), installation.loader(["start"])]
  for (const loader of loaders) await loader.waitForEvent("follow.connected")
  await shows("Ada", "Bob")
  await installation.write("shops.csv", "id,name\n1,Fay\n")
  await shows("Fay")
  const [{ version } = { version: "" }] = await installation.query<{ version: string }>(
    "select version from flatbed.publications order by publication_id desc limit 1",
  )
  for (const loader of loaders) {
    await waitFor(() =>
      loader
        .events()
        .some(
          (line) => line.version === version && /^(run.finished|follow.up_to_date)$/.test(String(line.event)),
        ),
    )
  }
  expect(await installation.query("select count(*)::int as n from flatbed.publications")).toEqual([{ n: 2 }])
})
