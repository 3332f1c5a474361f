// If this fails, a folder that keeps filling makes a version that never was: a file half written, one of two that were
// there together, one that was gone already, or one that was another before the version was made known.
import { createHash } from "node:crypto"
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import type { Dataset, Manifest } from "@flatbed/contract"
import { paths } from "@flatbed/contract"
import { createRandom, type LogLine, type TestProcess, waitFor } from "@flatbed/testing"
import { afterEach, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

let installation: Installation

afterEach(() => installation.close())

const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
// A thousand files pass through, in bursts; the last take the source a while to read.
const bursts = [30, 50, 80, 100, 120, 170, 200, 250]
const settleMs = 700
// So long a half is left to be found: enough to be published by who does not wait, and never to settle.
const straddleMs = 350

type Content = { readonly text: string; readonly sha256: string }

const digestOf = (text: string | Buffer) => createHash("sha256").update(text).digest("hex")
const contentOf = (text: string): Content => ({ text, sha256: digestOf(text) })
const keyOf = (files: Iterable<readonly [string, string]>) => digestOf(JSON.stringify([...files].sort()))

/** A folder that a program fills, and what stood in it: every state, and until when each file was what it was. */
function createBusyFolder(folder: string) {
  const random = createRandom(seed)
  const state = new Map<string, Content>()
  const states = new Map<string, ReadonlyMap<string, string>>()
  const ended = new Map<string, number>()
  let written = 0

  const setOf = () => new Map([...state].map(([file, { sha256 }]) => [file, sha256] as const))

  /** All at one moment; undefined is gone. */
  function change(...changes: readonly (readonly [string, Content | undefined])[]): void {
    for (const [file, content] of changes) {
      const before = state.get(file)
      if (before !== undefined) ended.set(`${file} ${before.sha256}`, Date.now())
      if (content === undefined) state.delete(file)
      else {
        state.set(file, content)
        ended.delete(`${file} ${content.sha256}`)
      }
    }
    note(setOf())
  }

  function note(files: ReadonlyMap<string, string>): void {
    states.set(keyOf(files), files)
  }

  const rowsOf = (count: number) =>
    Array.from({ length: count }, (_, i) => `${written},${i + 1},row ${random.between(1, 9999)}\n`).join("")

  function fresh(): Content {
    written += 1
    return contentOf(`file,n,word\n${rowsOf(random.between(1, 5))}`)
  }

  const newName = () =>
    `busy/${random.pick(["", "a/", "b/", "b/c/", `x${random.between(1, 9)}/`])}${random.between(1, 400)}.csv`
  const someName = () => random.pick([...state.keys()])
  const textOf = (file: string) => state.get(file)?.text ?? ""

  function place(file: string): string {
    const path = join(folder, file)
    mkdirSync(dirname(path), { recursive: true })
    return path
  }

  // So that the source looks, reads and publishes in between; far less than the settle window.
  const pause = () => wait(random.between(0, 6))

  function renameIn(file: string): void {
    const content = fresh()
    const aside = place("aside/part")
    writeFileSync(aside, content.text)
    renameSync(aside, place(file))
    change([file, content])
  }

  function linkIn(file: string): void {
    if (state.has(file)) {
      renameIn(file)
      return
    }
    const content = fresh()
    const aside = place("aside/part")
    writeFileSync(aside, content.text)
    linkSync(aside, place(file))
    rmSync(aside)
    change([file, content])
  }

  /** From this byte on, or emptied first; through this name of it; and for a while only half of that is there. */
  async function writeIn(
    file: string,
    content: Content,
    {
      from,
      through = file,
      halfway = pause,
    }: { from?: number; through?: string; halfway?: typeof pause } = {},
  ): Promise<void> {
    const begin = from ?? 0
    const half = begin + Math.floor((content.text.length - begin) / 2)
    const open = openSync(place(through), from === undefined ? "w" : "r+")
    writeSync(open, content.text.slice(begin, half), begin)
    const begun = Date.now()
    await halfway()
    // Kept waiting for as long as a file may take to settle, it is a state like any other.
    if (Date.now() - begun > settleMs - 100) note(setOf().set(file, digestOf(readFileSync(place(file)))))
    writeSync(open, content.text.slice(half), half)
    closeSync(open)
    change([file, content])
  }

  /** As many bytes as before, others among them. */
  function rewritten(file: string): Content {
    written += 1
    return contentOf(
      textOf(file).replaceAll(/[0-9]+$/gm, (digits) =>
        digits.replaceAll(/[0-9]/g, () => String(random.between(1, 9))),
      ),
    )
  }

  async function writeInPlace(file: string, halfway = pause): Promise<void> {
    const kind = random.between(1, 4)
    if (kind === 1) {
      written += 1
      return writeIn(file, contentOf(textOf(file) + rowsOf(3)), { from: textOf(file).length, halfway })
    }
    if (kind === 2) return writeIn(file, rewritten(file), { from: 0, halfway })
    if (kind === 3) return writeIn(file, fresh(), { halfway })
    const through = "aside/other"
    linkSync(join(folder, file), place(through))
    await writeIn(file, rewritten(file), { from: 0, through, halfway })
    rmSync(join(folder, through))
  }

  async function step(onlyAdds: boolean): Promise<void> {
    if (random.chance(0.5)) await pause()
    const kind = onlyAdds || state.size < 20 ? random.between(1, 3) : random.between(1, 8)
    const name = newName()
    if (onlyAdds && state.has(name)) return
    if (kind === 1) return renameIn(name)
    if (kind === 2) return linkIn(name)
    if (kind === 3) return writeIn(name, fresh())
    if (kind === 4) return renameIn(someName())
    if (kind <= 6) return writeInPlace(someName())
    const old = someName()
    const content = state.get(old)
    if (kind === 7 && content !== undefined && old !== name) {
      renameSync(join(folder, old), place(name))
      change([old, undefined], [name, content])
    } else {
      rmSync(join(folder, old))
      change([old, undefined])
    }
  }

  return {
    random,
    step,
    /** One half of a file stands there until it is found, if it is. */
    straddle: (isFound: () => boolean) =>
      writeInPlace(someName(), async () => {
        const end = Date.now() + straddleMs
        while (!isFound() && Date.now() < end) await wait(5)
      }),
    /** All at once: files that were read are no longer what was read. */
    changeLate(): void {
      for (let i = 0; i < 5; i += 1) {
        const file = someName()
        const content = rewritten(file)
        const open = openSync(join(folder, file), "r+")
        writeSync(open, content.text, 0)
        closeSync(open)
        change([file, content])
      }
    },
    /** Whether these files stood there at one moment, with nothing beside them but what was said to be still written. */
    stood({ files }: Manifest, written: ReadonlySet<string>): boolean {
      const found = new Map(files.map(({ file, sha256 }) => [file, sha256]))
      const key = keyOf(found)
      const without = (state: ReadonlyMap<string, string>) =>
        keyOf([...state].filter(([file]) => found.has(file) || !written.has(file)))
      return states.has(key) || (written.size > 0 && [...states.values()].some((one) => without(one) === key))
    },
    /** Those of them that were others already at this time. */
    gone: ({ files }: Manifest, at: number) =>
      files.filter(({ file, sha256 }) => (ended.get(`${file} ${sha256}`) ?? Number.POSITIVE_INFINITY) < at),
    written: () => written,
    rows: () => [...state.values()].flatMap(({ text }) => text.trimEnd().split("\n").slice(1)).sort(),
    size: () => state.size,
  }
}

/** The events of a log that grows, each line read once. */
function followLog(program: TestProcess): () => readonly LogLine[] {
  const events: LogLine[] = []
  let at = 0
  return () => {
    const text = program.stderr()
    const end = text.lastIndexOf("\n") + 1
    if (end > at) {
      const lines = text.slice(at, end).split("\n")
      for (const line of lines) if (line.startsWith("{")) events.push(JSON.parse(line))
      at = end
    }
    return events
  }
}

test(`each version of a folder that 1,000 files pass through stood at one moment, and the table is the folder in the end (seed ${seed})`, async () => {
  installation = await createInstallation({
    source:
      "scan_interval: 1s\nlog: { level: debug }\ndatasets:\n  busy: { files: 'busy/**/*.csv', chunk: { rows: 3 } }",
    loader: "pipelines:\n  busy: { dataset: busy, table: busy, follow: true }",
    settle: `${settleMs}ms`,
  })
  const folder = createBusyFolder(join(installation.folder, "files"))
  for (let i = 0; i < 30; i += 1) await folder.step(true)
  const source = await installation.startSource()
  const loader = installation.loader(["start"])
  const log = followLog(source)
  const count = (event: string) => log().filter((line) => line.event === event).length
  const get = async <T>(path: string) => (await (await fetch(installation.sourceUrl + path)).json()) as T

  // At once: a version one of whose files is written over may be gone soon.
  const seen: {
    readonly manifest: Manifest
    readonly readAt: number
    /** Left out, as a new file is that changes again and again. */
    readonly written: ReadonlySet<string>
  }[] = []
  let isOver = false
  const watching = (async () => {
    let readAt = 0
    const waits = new Set<string>()
    for (let next = 0; !isOver; next += 1) {
      await waitFor(() => isOver || log().length > next, { limitMs: 60_000 })
      const line = log()[next]
      if (line?.event === "file.read") readAt = Date.parse(String(line.time))
      if (line?.event === "file.waits") waits.add(String(line.file))
      if (line?.event !== "version.published") continue
      const manifest = await get<Partial<Manifest>>(paths.version("busy", String(line.version)))
      const written = new Set(Number(line.waiting) > 0 ? waits : [])
      if (manifest.files !== undefined) seen.push({ manifest: manifest as Manifest, readAt, written })
    }
  })()

  for (const [i, size] of bursts.entries()) {
    const until = folder.written() + size
    // Some do nothing but add, so that versions are made while more comes.
    const onlyAdds = folder.random.chance(0.3)
    while (folder.written() < until) {
      await folder.step(onlyAdds)
      if (folder.random.chance(0.02)) await get(paths.dataset("busy"))
    }
    const before = count("version.published")
    const isPublished = () => count("version.published") > before
    if (i < 5) await folder.straddle(isPublished)
    else {
      const read = count("file.read")
      const end = Date.now() + 5000
      while (count("file.read") === read && !isPublished() && Date.now() < end) await wait(2)
      folder.changeLate()
    }
    // After every other one for certain: a folder that never rests shows few versions.
    if (i % 2 === 0 || folder.random.chance(0.7))
      await waitFor(isPublished, { limitMs: 30_000, what: "a version after a burst" })
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
  const strangers = seen.filter(({ manifest, written }) => !folder.stood(manifest, written))
  expect(strangers.map(({ manifest }) => manifest.version)).toEqual([])
  const late = seen.flatMap(({ manifest, readAt }) => folder.gone(manifest, readAt))
  expect(late.map(({ file }) => file)).toEqual([])
  expect(seen.length).toBeGreaterThan(3)
  const final = await get<Dataset>(paths.dataset("busy"))
  expect(final.files).toHaveLength(folder.size())
  const loads = loader.events().filter(({ event }) => event === "run.published")
  console.log(
    `${folder.written()} files written, ${seen.length} versions seen, all of one moment; ${loads.length} loaded; ${folder.size()} files, ${expected.length} rows in the end`,
  )
})
