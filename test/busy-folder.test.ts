// If this fails, a folder that keeps filling makes a version that never was: a file half written, one of two that were
// there together, or one that was gone already.
import { createHash } from "node:crypto"
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import type { Dataset, Manifest } from "@flatbed/contract"
import { paths } from "@flatbed/contract"
import { createRandom, waitFor } from "@flatbed/testing"
import { afterEach, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

let installation: Installation

afterEach(() => installation.close())

const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
const files = 1000
const bursts = 14

/** A folder that a program fills, with a journal of every state that stood at one moment: path and SHA-256 of each file. */
function createBusyFolder(folder: string) {
  const random = createRandom(seed)
  const state = new Map<string, { readonly sha256: string; readonly rows: readonly string[] }>()
  const journal = new Set<string>()
  let written = 0

  const keyOf = (set: Iterable<readonly [string, string]>) => JSON.stringify([...set].sort())
  const note = () => {
    journal.add(keyOf([...state].map(([file, { sha256 }]) => [file, sha256] as const)))
  }

  function contentOf() {
    written += 1
    const rows = Array.from(
      { length: random.between(1, 5) },
      (_, i) => `${written},${i + 1},row ${random.between(1, 9999)}`,
    )
    const text = `file,n,word\n${rows.map((row) => `${row}\n`).join("")}`
    return { text, rows, sha256: createHash("sha256").update(text).digest("hex") }
  }

  const newName = () =>
    `busy/${random.pick(["", "a/", "b/", "b/c/", `x${random.between(1, 9)}/`])}${random.between(1, 400)}.csv`
  const someName = () => random.pick([...state.keys()])

  function place(file: string): string {
    const path = join(folder, file)
    mkdirSync(dirname(path), { recursive: true })
    return path
  }

  // So that the source looks, reads and publishes in between; far less than the settle window.
  const pause = () => wait(random.between(0, 6))

  function renameIn(file: string): void {
    const { text, rows, sha256 } = contentOf()
    const aside = place("aside/part")
    writeFileSync(aside, text)
    renameSync(aside, place(file))
    state.set(file, { rows, sha256 })
    note()
  }

  /** In place, and for a while half of it is there. */
  async function writeIn(file: string): Promise<void> {
    const { text, rows, sha256 } = contentOf()
    const half = Math.floor(text.length / 2)
    const open = openSync(place(file), "w")
    writeSync(open, text.slice(0, half))
    await pause()
    writeSync(open, text.slice(half))
    closeSync(open)
    state.set(file, { rows, sha256 })
    note()
  }

  async function step(onlyAdds: boolean): Promise<void> {
    if (random.chance(0.5)) await pause()
    const kind = onlyAdds || state.size < 20 ? random.between(1, 2) : random.between(1, 6)
    const fresh = newName()
    if (onlyAdds && state.has(fresh)) return
    if (kind === 1) return renameIn(fresh)
    if (kind === 2) return await writeIn(fresh)
    if (kind === 3) return renameIn(someName())
    if (kind === 4) return await writeIn(someName())
    const old = someName()
    const content = state.get(old)
    if (kind === 5 && content !== undefined && old !== fresh) {
      renameSync(join(folder, old), place(fresh))
      state.set(fresh, content)
    } else rmSync(join(folder, old))
    state.delete(old)
    note()
  }

  return {
    random,
    step,
    stood: (manifest: Manifest) =>
      journal.has(keyOf(manifest.files.map(({ file, sha256 }) => [file, sha256] as const))),
    written: () => written,
    rows: () => [...state.values()].flatMap(({ rows }) => rows).sort(),
    size: () => state.size,
  }
}

test(`each version of a folder that 1,000 files pass through stood at one moment, and the table is the folder in the end (seed ${seed})`, async () => {
  installation = await createInstallation({
    source: "scan_interval: 1s\ndatasets:\n  busy: { files: 'busy/**/*.csv', chunk: { rows: 3 } }",
    loader: "pipelines:\n  busy: { dataset: busy, table: busy, follow: true }",
    settle: "400ms",
  })
  const folder = createBusyFolder(join(installation.folder, "files"))
  for (let i = 0; i < 30; i += 1) await folder.step(true)
  const source = await installation.startSource()
  const loader = installation.loader(["start"])
  const published = () => source.events().filter(({ event }) => event === "version.published")
  const get = async <T>(path: string) => (await (await fetch(installation.sourceUrl + path)).json()) as T

  // At once: a version one of whose files is written over may be gone soon.
  const manifests: Manifest[] = []
  let isOver = false
  const watching = (async () => {
    for (let seen = 0; !isOver; ) {
      const one = published()[seen]
      if (one === undefined) await waitFor(() => isOver || published().length > seen, { limitMs: 60_000 })
      else {
        seen += 1
        const manifest = await get<Partial<Manifest>>(paths.version("busy", String(one.version)))
        if (manifest.files !== undefined) manifests.push(manifest as Manifest)
      }
    }
  })()

  const perBurst = Math.ceil((files - folder.written()) / bursts)
  for (let burst = 1; burst <= bursts; burst += 1) {
    const before = published().length
    const until = folder.written() + perBurst
    // Some do nothing but add, so that versions are made while more comes.
    const onlyAdds = folder.random.chance(0.3)
    while (folder.written() < until) {
      await folder.step(onlyAdds)
      if (folder.random.chance(0.02)) await get(paths.dataset("busy"))
    }
    if (folder.random.chance(0.7))
      await waitFor(() => published().length > before, { limitMs: 30_000, what: "a version after a burst" })
  }

  const expected = folder.rows()
  const inTable = async () =>
    (
      await installation.query<{ row: string }>(
        `select concat(file, ',', n, ',', word) as row from public.busy order by 1`,
      )
    ).map(({ row }) => row)
  await waitFor(async () => JSON.stringify((await inTable()).sort()) === JSON.stringify(expected), {
    limitMs: 60_000,
    what: "the table to be the folder",
  })

  isOver = true
  await watching
  const strangers = manifests.filter((manifest) => !folder.stood(manifest)).map(({ version }) => version)
  expect(strangers).toEqual([])
  expect(manifests.length).toBeGreaterThan(3)
  const final = await get<Dataset>(paths.dataset("busy"))
  expect(final.files).toHaveLength(folder.size())
  expect(readdirSync(join(installation.folder, "files"))).toContain("busy")
  const loads = loader.events().filter(({ event }) => event === "run.published")
  console.log(
    `${folder.written()} files written, ${manifests.length} versions seen, all of one moment; ${loads.length} loaded; ${folder.size()} files, ${expected.length} rows in the end`,
  )
})
