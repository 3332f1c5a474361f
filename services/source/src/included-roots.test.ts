// If this file fails, a folder's settings mean something else when another file includes them, or let it out of its folder.
import { join } from "node:path"
import { paths } from "@flatbed/contract"
import { type TemporaryFolder, temporaryFolder, waitFor } from "@flatbed/testing"
import { afterEach, beforeEach, expect, test } from "vitest"
import { buildApp } from "./app.ts"
import { readSourceSettings } from "./settings.ts"
import { createTestLog } from "./source.test-kit.ts"

let folder: TemporaryFolder
const ends: (() => Promise<unknown>)[] = []
const quick = "listen: { port: 0 }\nadmin: { port: 0 }\nsettle: 0ms\ncache: ../.cache\nroot: ./\n"

beforeEach(async () => {
  folder = await temporaryFolder()
  for (const [name, id] of [
    ["movies", 1],
    ["music", 2],
  ] as const) {
    await folder.write(`${name}/people.csv`, `id\n${id}\n`)
    const dataset = `  ${name}: { files: people.csv, columns: { add: [_file] } }\n`
    const stray = `  ${name}_stray: { files: ../secret.csv }\n`
    await folder.write(`${name}/source.yaml`, `${quick}datasets:\n${dataset}${stray}`)
  }
  await folder.write("secret.csv", "id\n3\n")
  await folder.write(
    "source.yaml",
    `include: [movies/source.yaml, music/source.yaml]\n${quick.replace("..", ".")}datasets:\n  top: { files: secret.csv }\n`,
  )
})

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
  await folder.remove()
})

/** What each dataset shows: its rows, or the code of what it is refused for; and its version. */
async function serve(file: string, env: Record<string, string> = {}) {
  const { settings } = await readSourceSettings({ file: join(folder.path, file), env })
  const { app, catalog } = buildApp(settings, { log: createTestLog().log })
  ends.push(() => app.close())
  await app.ready()
  const get = async (url: string) => (await app.inject({ method: "GET", url })).json()
  const shown: Record<string, unknown> = {}
  const versions: Record<string, unknown> = {}
  for (const { name } of catalog.datasets) {
    const dataset = await waitFor(
      async () => {
        const now = await get(paths.dataset(name))
        return now.state !== "indexing" && now.code !== "indexing" && now
      },
      { what: `${name} to be read` },
    )
    const rows = await get(paths.preview(name))
    shown[name] = Array.isArray(rows) ? rows : rows.code
    versions[name] = dataset.version
  }
  return { shown, versions }
}

test("datasets of an included file are those of its own root, alone and together", async () => {
  const movies = { movies: [{ id: 1, _file: "people.csv" }], movies_stray: "file-forbidden" }
  const music = { music: [{ id: 2, _file: "people.csv" }], music_stray: "file-forbidden" }
  const alone = await serve("movies/source.yaml")
  expect(alone.shown).toEqual(movies)
  const together = await serve("source.yaml")
  expect(together.shown).toEqual({ top: [{ id: 3 }], ...movies, ...music })
  // A version is the content's, wherever its folder is named.
  expect(together.versions).toMatchObject(alone.versions)
})

test("the same settings are tried on another folder by naming its root", async () => {
  await folder.write("theirs/people.csv", "id\n7\n")
  const { shown } = await serve("movies/source.yaml", { FLATBED_SOURCE__ROOT: join(folder.path, "theirs") })
  expect(shown).toMatchObject({ movies: [{ id: 7, _file: "people.csv" }] })
  const one = await serve("source.yaml", {
    FLATBED_SOURCE__DATASETS__MOVIES__ROOT: join(folder.path, "theirs"),
  })
  expect(one.shown).toMatchObject({ movies: [{ id: 7 }], music: [{ id: 2 }], top: [{ id: 3 }] })
})
