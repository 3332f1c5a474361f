import { createHash } from "node:crypto"
import { appendFile, mkdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setInterval } from "node:timers/promises"
import { gzipSync } from "node:zlib"
import { type Dataset, type Manifest, paths } from "@flatbed/contract"
import { waitFor } from "@flatbed/testing"
import { afterEach, describe, expect, it } from "vitest"
import { openTestFolder, type TestFolder, type TestSource } from "./source.test-kit.ts"

const open: TestFolder[] = []

async function setup(files: Readonly<Record<string, string>>, dataset: object = {}, settle = "0ms") {
  const folder = await openTestFolder("unused\n1\n")
  open.push(folder)
  const write = (file: string, content: string | Buffer) => folder.folder.write(file, content)
  for (const [file, content] of Object.entries(files)) await write(file, content)
  const path = (file: string) => join(folder.folder.path, file)
  const serve = () => folder.open({ settle, datasets: { t: { files: "d/*.csv", ...dataset } } })
  return { folder, write, path, serve }
}

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close()
})

const documentOf = async (source: TestSource) => (await source.get(paths.dataset("t"))).json<Dataset>()
const namesOf = ({ files }: Pick<Manifest, "files">) => files.map(({ file }) => file)

/** The dataset once it is as asked. */
const until = (source: TestSource, isSo: (dataset: Dataset) => boolean, what: string): Promise<Dataset> =>
  waitFor(
    async () => {
      const dataset = await documentOf(source)
      return isSo(dataset) && dataset
    },
    { what },
  )

/** Until the file system's clock has moved on: its ticks are milliseconds long, and two writes may fall into one. */
async function tick(): Promise<void> {
  const before = Date.now()
  await waitFor(() => Date.now() > before + 20, { what: "the clock to move on" })
}

/** Adds a line now and again, until it is stopped. */
function keepWriting(file: string): () => Promise<void> {
  const stop = new AbortController()
  const writing = (async () => {
    for await (const _ of setInterval(5, undefined, { signal: stop.signal })) await appendFile(file, "3\n")
  })().catch(() => {})
  return () => {
    stop.abort()
    return writing
  }
}

const readTwice = (folder: TestFolder, file: string) =>
  folder.logged.filter((line) => line.event === "file.read" && line.file === file).length

describe("a file is known by its content and not by its times (AC-23)", () => {
  it("new content under the same name, the same size and the same mtime is read", async () => {
    const { serve, path } = await setup({ "d/a.csv": "id\n1\n", "d/b.csv": "id\n2\n" })
    const source = await serve()
    const { version } = await source.manifest()
    const { atime, mtime } = await stat(path("d/b.csv"))
    await writeFile(path("d/b.csv"), "id\n3\n")
    await utimes(path("d/b.csv"), atime, mtime)
    await until(source, (now) => now.version !== version && now.state === "ready", "the new content")
    expect((await source.get(paths.currentChunk("t", 2))).json()).toEqual([{ id: 3 }])
  })

  it("content with an older mtime than the one before is read", async () => {
    const { serve, path, write } = await setup({ "d/a.csv": "id\n1\n" })
    const source = await serve()
    const { version } = await source.manifest()
    await write("old", "id\n7\n")
    await utimes(path("old"), new Date(2001, 1), new Date(2001, 1))
    await rename(path("old"), path("d/a.csv"))
    await until(source, (now) => now.version !== version && now.state === "ready", "the old file")
    expect((await source.get(paths.currentChunk("t", 1))).json()).toEqual([{ id: 7 }])
  })

  it("a touch makes no other version, and no announcement", async () => {
    const { folder, serve, path } = await setup({ "d/a.csv": "id\n1\n", "d/b.csv": "id\n2\n" })
    const source = await serve()
    const { version } = await source.manifest()
    await utimes(path("d/a.csv"), new Date(), new Date(2030, 1))
    await waitFor(() => readTwice(folder, "d/a.csv") === 2, { what: "the touched file to be looked at" })
    expect((await source.settled()).version).toBe(version)
    expect(readTwice(folder, "d/b.csv")).toBe(1)
  })

  it("a file that is renamed and keeps its place has no other rows: the version stays", async () => {
    const { serve, path } = await setup({ "d/a.csv": "id\n1\n", "d/b.csv": "id\n2\n" })
    const source = await serve()
    const { version } = await source.manifest()
    await rename(path("d/b.csv"), path("d/c.csv"))
    const now = await until(source, (one) => one.files?.[1]?.file === "d/c.csv", "the new name")
    expect(now.version).toBe(version)
  })

  it("log rotation loses no row and doubles none: what was a.csv is b.csv now, and a.csv is new (D11)", async () => {
    const { serve, path, write } = await setup({ "d/a.csv": "id\n1\n" })
    const source = await serve()
    await source.manifest()
    await rename(path("d/a.csv"), path("d/b.csv"))
    await write("d/a.csv", "id\n2\n")
    const now = await until(source, ({ rows, state }) => rows === 2 && state === "ready", "both files")
    expect(now.files?.map(({ file }) => file)).toEqual(["d/a.csv", "d/b.csv"])
    const rows = [1, 2].map(async (n) => (await source.get(paths.currentChunk("t", n))).json())
    expect(await Promise.all(rows)).toEqual([[{ id: 2 }], [{ id: 1 }]])
  })
})

describe("a file that is still being written (AC-22)", () => {
  it("is served without its last bytes until they have come: the version before stays as it is (D5, D6)", async () => {
    const { serve, path } = await setup(
      { "d/a.csv": "id,n\n1,one\n", "d/b.csv": "id,n\n2,two\n" },
      {},
      "300ms",
    )
    const source = await serve()
    const { version } = await source.manifest()
    await appendFile(path("d/b.csv"), '3,"thr')
    await appendFile(path("d/b.csv"), 'ee"\n')
    const during = await source.get(paths.chunk("t", version, 2))
    expect(during.json()).toEqual([{ id: 2, n: "two" }])
    await until(source, ({ rows }) => rows === 3, "the whole file")
    expect((await source.get(paths.chunk("t", version, 2))).json()).toEqual([{ id: 2, n: "two" }])
  })

  it("waits for its marker, is named with it, and is read when that is there", async () => {
    const { folder, serve, write } = await setup(
      { "d/a.csv": "id\n1\n", "d/a.csv.done": "", "d/b.csv": "id\n2\n" },
      { done_marker: "{name}.done" },
    )
    const source = await serve()
    const before = await source.settled()
    expect(before).toMatchObject({
      state: "ready",
      rows: 1,
      waiting: [{ file: "d/b.csv", reason: "waits for d/b.csv.done" }],
    })
    expect(folder.logged.filter(({ event }) => event === "file.waits")).toMatchObject([
      { dataset: "t", file: "d/b.csv", reason: "waits for d/b.csv.done" },
    ])
    await write("d/b.csv.done", "")
    const after = await until(source, ({ rows, state }) => rows === 2 && state === "ready", "the second file")
    expect(after.waiting).toBeUndefined()
  })

  it("waits for one marker for a whole folder, which is no data itself", async () => {
    const { serve, write } = await setup(
      { "d/x/a.csv": "id\n1\n", "d/x/_SUCCESS.csv": "", "d/y/b.csv": "id\n2\n" },
      { files: "d/**/*.csv", done_marker: "_SUCCESS.csv" },
    )
    const source = await serve()
    expect(namesOf(await source.manifest())).toEqual(["d/x/a.csv"])
    await write("d/y/_SUCCESS.csv", "")
    await until(source, ({ rows }) => rows === 2, "the second folder")
  })

  it("makes the dataset wait when the version before has it: its rows do not go away meanwhile", async () => {
    const { serve, path, write } = await setup(
      { "d/a.csv": "id\n1\n", "d/a.csv.done": "", "d/b.csv": "id\n2\n", "d/b.csv.done": "" },
      { done_marker: "{name}.done" },
    )
    const source = await serve()
    const { version } = await source.manifest()
    await rm(path("d/b.csv.done"))
    await write("d/c.csv", "id\n3\n")
    await write("d/c.csv.done", "")
    const waits = await until(
      source,
      ({ problem }) => problem?.code === "file-unsettled",
      "the dataset to wait",
    )
    expect(waits).toMatchObject({ version, rows: 2 })
    expect(waits.problem?.detail).toBe("d/b.csv waits for d/b.csv.done.")
    expect(waits.problem?.hint).toContain("write it when this one is whole")
    await write("d/b.csv.done", "")
    await until(source, ({ rows }) => rows === 3, "all three")
  })

  it("is left out by name when it was never served and changes again and again, and the others are served", async () => {
    const { folder, serve, path } = await setup({ "d/a.csv": "id\n1\n", "d/b.csv": "id\n2\n" }, {}, "60ms")
    const stop = keepWriting(path("d/b.csv"))
    const source = await serve()
    const reason = "is being written: it keeps changing"
    await waitFor(() => folder.logged.some((line) => line.event === "version.published"))
    const during = await documentOf(source)
    expect(during.files?.map(({ file }) => file)).toEqual(["d/a.csv"])
    expect(during.waiting).toEqual([{ file: "d/b.csv", reason }])
    await stop()
    await until(source, ({ files }) => files?.length === 2, "the file that is whole now")
  })

  it("of the version before is named while what came beside it waits for it, and no progress is told", async () => {
    const { folder, serve, path, write } = await setup({ "d/a.csv": "id\n1\n" }, {}, "500ms")
    const source = await serve()
    const { version } = await source.manifest()
    const stop = keepWriting(path("d/a.csv"))
    await write("d/b.csv", "id\n2\n")
    const reason = "is still being written: it changed within the settle window of 500ms"
    const waits = await until(source, ({ waiting }) => waiting !== undefined, "the file to be named")
    expect(waits).toMatchObject({ state: "indexing", version, waiting: [{ file: "d/a.csv", reason }] })
    expect(waits.progress).toBeUndefined()
    await stop()
    const whole = await until(
      source,
      ({ files, state }) => files?.length === 2 && state === "ready",
      "both files",
    )
    expect(whole.waiting).toBeUndefined()
    expect(folder.logged.filter(({ event }) => event === "file.waits")).toMatchObject([
      { dataset: "t", file: "d/a.csv", reason },
    ])
  })

  it("alone in its dataset is named by the dataset, its chunks and, once, the log, until it is whole", async () => {
    const { folder, serve, path } = await setup({ "d/a.csv": "id\n1\n" }, { files: "d/a.csv" }, "500ms")
    const stop = keepWriting(path("d/a.csv"))
    const source = await serve()
    const reason = "is still being written: it changed within the settle window of 500ms"
    const waits = await until(source, ({ waiting }) => waiting !== undefined, "the file to be named")
    expect(waits).toMatchObject({ state: "indexing", version: null, waiting: [{ file: "d/a.csv", reason }] })
    expect(waits.progress).toBeUndefined()
    const chunk = await source.get(paths.currentChunk("t", 1))
    expect(chunk.json()).toMatchObject({
      code: "indexing",
      detail: `t is not read yet: d/a.csv ${reason}.`,
    })
    await stop()
    const whole = await until(source, ({ state }) => state === "ready", "the file that is whole now")
    expect(whole.waiting).toBeUndefined()
    expect(folder.logged.filter(({ event }) => event === "file.waits")).toMatchObject([
      { level: 30, dataset: "t", file: "d/a.csv", reason },
    ])
  })

  it("holds up no other dataset, however many are being written", async () => {
    const growing = ["a", "b", "c"]
    const { folder, path } = await setup(
      Object.fromEntries(growing.map((name) => [`${name}.csv`, "id\n1\n"])),
    )
    const stops = growing.map((name) => keepWriting(path(`${name}.csv`)))
    const datasets = Object.fromEntries([...growing, "t"].map((name) => [name, { files: `${name}.csv` }]))
    const source = await folder.open({ settle: "500ms", datasets })
    await until(source, ({ state }) => state === "ready", "the file that is whole")
    for (const name of growing)
      expect((await source.get(paths.dataset(name))).json()).toMatchObject({
        state: "indexing",
        version: null,
      })
    await Promise.all(stops.map((stop) => stop()))
  })

  it("that is taken away and written again within the settle window is never missing from a version", async () => {
    const { folder, serve, path, write } = await setup(
      { "d/a.csv": "id\n1\n", "d/b.csv": "id\n2\n" },
      {},
      "150ms",
    )
    const source = await serve()
    const { version } = await source.manifest()
    await rm(path("d/b.csv"))
    await source.get(paths.dataset("t"))
    await write("d/b.csv", "id\n22\n")
    await until(source, (now) => now.version !== version && now.state === "ready", "the file written again")
    const published = folder.logged.filter(({ event }) => event === "version.published")
    expect(published.map(({ files }) => files)).toEqual([2, 2])
  })
})

describe("a file with a checksum beside it (D13)", () => {
  const sum = (content: string) => createHash("sha256").update(content).digest("hex")
  const checked = { checksum: "{name}.sha256" }

  it("is served when it is what that says, waits while it is missing, and is refused when it is another", async () => {
    const [a, b] = ["id\n1\n", "id\n2\n"]
    const { serve, write } = await setup(
      { "d/a.csv": a, "d/a.csv.sha256": `${sum(a)}  a.csv\n`, "d/b.csv": b },
      checked,
    )
    const source = await serve()
    expect(await source.settled()).toMatchObject({
      rows: 1,
      waiting: [{ file: "d/b.csv", reason: "waits for d/b.csv.sha256" }],
    })
    await write("d/b.csv.sha256", sum("other"))
    const refused = await until(source, ({ problem }) => problem !== undefined, "the refusal")
    expect(refused.problem).toMatchObject({ code: "checksum-mismatch" })
    for (const word of ["d/b.csv", "d/b.csv.sha256", sum("other"), sum(b)])
      expect(refused.problem?.detail).toContain(word)
    expect(refused.rows).toBe(1)
    await write("d/b.csv.sha256", sum(b).toUpperCase())
    await until(source, ({ rows, state }) => rows === 2 && state === "ready", "the right checksum")
  })

  it("in a list for the whole folder is found by its name", async () => {
    const files = { "d/a.csv": "id\n1\n", "d/b.csv": "id\n2\n" }
    const list = Object.entries(files).map(([file, content]) => `${sum(content)} *${file.slice(2)}\n`)
    const { serve, write } = await setup(
      { ...files, "d/SHA256SUMS": list.join("") },
      { checksum: "SHA256SUMS" },
    )
    const source = await serve()
    expect((await source.settled()).rows).toBe(2)
    await write("d/c.csv", "id\n3\n")
    const refused = await until(source, ({ problem }) => problem !== undefined, "the refusal")
    expect(refused.problem?.detail).toBe(
      "d/c.csv is not what its checksum says: d/SHA256SUMS names no SHA-256 of it.",
    )
  })
})

describe("what stands beside files", () => {
  const sum = (content: string) => createHash("sha256").update(content).digest("hex")

  it("that lies there before its file is no data, and marks the file once it is written again", async () => {
    const { serve, write } = await setup(
      { "d/a.csv": "id\n1\n", "d/a.csv.done": "", "d/b.csv.gz.done": "" },
      { files: "d/*", done_marker: "{name}.done" },
    )
    const source = await serve()
    const before = await source.settled()
    expect({ rows: before.rows, files: before.files?.map(({ file }) => file) }).toEqual({
      rows: 1,
      files: ["d/a.csv"],
    })
    await tick()
    await write("d/b.csv.gz", gzipSync("id\n2\n"))
    await write("d/b.csv.gz.done", "")
    const after = await until(source, ({ rows, state }) => rows === 2 && state === "ready", "the packed file")
    expect(after.files?.map(({ file }) => file)).toEqual(["d/a.csv", "d/b.csv.gz"])
    expect(after.waiting).toBeUndefined()
  })

  it("of the file that lay there before marks nothing: half of a new one is not served", async () => {
    const { serve, write, path } = await setup(
      { "d/a.csv": "id\n1\n", "d/a.csv.done": "", "d/b.csv": "id\n2\n", "d/b.csv.done": "" },
      { done_marker: "{name}.done" },
    )
    const source = await serve()
    const { version } = await source.manifest()
    await tick()
    await write("d/b.csv", "id\n3\n")
    const waits = await until(
      source,
      ({ problem }) => problem?.code === "file-unsettled",
      "the dataset to wait",
    )
    expect(waits).toMatchObject({ version, rows: 2 })
    expect(waits.problem?.detail).toBe(
      "d/b.csv waits for d/b.csv.done to be written again: that is older than the file.",
    )
    await appendFile(path("d/b.csv"), "4\n")
    await utimes(path("d/b.csv.done"), new Date(), new Date(2100, 1))
    const after = await until(source, ({ rows, state }) => rows === 3 && state === "ready", "the whole file")
    expect(after.files?.map(({ file }) => file)).toEqual(["d/a.csv", "d/b.csv"])
  })

  it("has to be a file: a folder of its name marks nothing", async () => {
    const { serve, path } = await setup(
      { "d/a.csv": "id\n1\n", "d/a.csv.done": "", "d/b.csv": "id\n2\n" },
      { done_marker: "{name}.done" },
    )
    await mkdir(path("d/b.csv.done"))
    expect(await (await serve()).settled()).toMatchObject({
      rows: 1,
      waiting: [{ file: "d/b.csv", reason: "waits for d/b.csv.done" }],
    })
  })

  it("is waited for one after the other, and a new content under an old checksum is refused until that is new too", async () => {
    const [old, next] = ["id\n1\n", "id\n9\n"]
    const { serve, write, path } = await setup(
      { "d/a.csv": old, "d/a.csv.sha256": `${sum(old)}  a.csv\n` },
      { checksum: "{name}.sha256", done_marker: "{name}.done" },
    )
    const source = await serve()
    const waits = await until(source, ({ problem }) => problem !== undefined, "the marker to be missed")
    expect(waits.problem?.detail).toContain("d/a.csv waits for d/a.csv.done")
    await write("d/a.csv.done", "")
    const { version } = await until(source, ({ rows, state }) => rows === 1 && state === "ready", "the file")
    await write("aside", next)
    await rename(path("aside"), path("d/a.csv"))
    await write("d/a.csv.done", "")
    const refused = await until(source, ({ problem }) => problem?.code === "checksum-mismatch", "the refusal")
    expect(refused).toMatchObject({ version, rows: 1 })
    expect((await source.get(paths.chunk("t", version ?? "", 1))).json()).toEqual([{ id: 1 }])
    await write("d/a.csv.sha256", `${sum(next)}  a.csv\n`)
    await until(source, (now) => now.version !== version && now.state === "ready", "the new content")
    expect((await source.get(paths.currentChunk("t", 1))).json()).toEqual([{ id: 9 }])
  })
})

describe("what may not be read (D8)", () => {
  it("refuses the dataset by its name, and never serves what lies outside the root", async () => {
    const { serve, path } = await setup({ "d/a.csv": "id\n1\n" })
    const { symlink } = await import("node:fs/promises")
    await symlink("/etc/passwd", path("d/b.csv"))
    const refused = await (await serve()).settled()
    expect(refused.problem).toMatchObject({
      code: "file-forbidden",
      detail: "d/b.csv lies outside the root.",
    })
  })

  it.each([["../*.csv"], ["/etc/*"], [".hidden/*.csv"], ["d/../../*.csv"]])(
    "serves nothing of %s",
    async (files) => {
      const { serve } = await setup({ ".hidden/a.csv": "id\n1\n" }, { files })
      const refused = await (await serve()).settled()
      expect(["file-forbidden", "file-missing"]).toContain(refused.problem?.code)
      expect(refused.version).toBeNull()
    },
  )

  it("a link to a file inside the root is served as that file", async () => {
    const { serve, path } = await setup({ "e/a.csv": "id\n1\n", "d/b.csv": "id\n2\n" })
    const { symlink } = await import("node:fs/promises")
    await symlink("../e/a.csv", path("d/a.csv"))
    expect((await (await serve()).settled()).rows).toBe(2)
  })
})
