// If this fails, a folder of a thousand small files takes a thousand commits, or a bad record in one of them stops the
// others or is told under another file's name.
import { afterEach, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

let installation: Installation

afterEach(() => installation.close())

const files = 1_200
const bad = new Set([7, 700, 1_150])
const nameOf = (id: number) => `people/p${String(id).padStart(5, "0")}.csv`
const ids = Array.from({ length: files }, (_, i) => i + 1)

test(`${files} files of one row are two commits, each file with its receipt and its bad rows under its name`, async () => {
  installation = await createInstallation({
    source: `datasets: { people: { files: "people/*.csv" } }`,
    loader: "pipelines: { people: { dataset: people, table: people, max_rejects: 3 } }",
  })
  await installation.query("create table public.people (id integer, note text check (note <> 'bad'))")
  for (const id of ids) {
    await installation.write(nameOf(id), `id,note\n${id},${bad.has(id) ? "bad" : "good"}\n`)
  }
  const source = await installation.startSource()
  await source.waitForEvent("version.published", { limitMs: 120_000 })
  const loader = installation.loader(["load"])
  expect((await loader.end(120_000)).code, loader.stderr()).toBe(6)

  const loaded = loader.events().filter(({ event }) => event === "chunk.loaded")
  expect(loaded.map(({ chunk, chunks, rejects }) => [chunk, chunks, rejects])).toEqual(
    expect.arrayContaining([
      [1, 1_000, 2],
      [1_001, 200, 1],
    ]),
  )
  expect(loaded).toHaveLength(2)
  const [receipts] = await installation.query(
    "select count(*)::integer as chunks, count(distinct xmin::text)::integer as commits, sum(refused)::integer as refused from flatbed.chunks",
  )
  expect(receipts).toEqual({ chunks: files, commits: 2, refused: bad.size })
  expect(
    await installation.query(
      "select row::integer, chunk::integer, file, line::integer, byte::integer from flatbed.rejects order by row",
    ),
  ).toEqual([...bad].map((id) => ({ row: id, chunk: id, file: nameOf(id), line: 2, byte: 8 })))
  const table = await installation.query<{ id: number }>("select id from public.people order by id")
  expect(table.map(({ id }) => id)).toEqual(ids.filter((id) => !bad.has(id)))
}, 240_000)
