// If this fails, a file that changes while it travels ends as a mixture of two versions in the table.
import { rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

let installation: Installation

afterEach(() => installation.close())

const csv = (word: string) =>
  `id,word\n${Array.from({ length: 30 }, (_, i) => `${i + 1},${word}\n`).join("")}`

/** A load that is stopped in its tracks after two of six chunks. */
async function setup() {
  installation = await createInstallation({
    source: "datasets:\n  words: { files: words.csv, chunk: { rows: 5 } }",
    loader: "connections: 1\nread_ahead: 0\ngroup: 0B\npipelines:\n  words: { dataset: words, table: words }",
  })
  const file = await installation.write("words.csv", csv("old"))
  const source = await installation.startSource()
  const loader = installation.loader(["load"])
  await loader.waitForEvent("chunk.loaded", { count: 2 })
  loader.kill("SIGSTOP")
  return { file, source, loader }
}

const words = () => installation.query("select word, count(*)::int as n from public.words group by word")

test("replaced by rename during a transfer: the old version arrives whole, the next load brings the new", async () => {
  const { file, loader } = await setup()
  await installation.write("words.csv.part", csv("new"))
  await rename(join(installation.folder, "files/words.csv.part"), file)
  loader.kill("SIGCONT")

  expect((await loader.end()).code).toBe(0)
  expect(await words()).toEqual([{ word: "old", n: 30 }])

  expect(await installation.load()).toBe(0)
  expect(await words()).toEqual([{ word: "new", n: 30 }])
})

test("edited in place during a transfer: version-gone, and the run starts afresh with the new version", async () => {
  const { file, source, loader } = await setup()
  await writeFile(file, csv("new"))
  loader.kill("SIGCONT")

  expect((await loader.end()).code).toBe(0)
  expect(loader.events().map(({ event }) => event)).toContain("run.restarted")
  expect(source.events().map(({ event }) => event)).toContain("version.gone")
  expect(await words()).toEqual([{ word: "new", n: 30 }])
})
