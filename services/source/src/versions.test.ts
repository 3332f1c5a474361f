import { execFileSync } from "node:child_process"
import {
  appendFile,
  copyFile,
  mkdir,
  open as openFile,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises"
import { join } from "node:path"
import { paths } from "@flatbed/contract"
import { waitFor } from "@flatbed/testing"
import { afterEach, describe, expect, it } from "vitest"
import { openTestFolder, type TestFolder, type TestSource } from "./source.test-kit.ts"

const csv = "id,name\n1,Ann\n2,Bob\n3,Cid\n4,Dan\n"
const open: TestFolder[] = []

/** So that the file system tells: two writes within a tick of its clock are one to it, where the size is the same. */
async function rewrite(file: string, content: string): Promise<void> {
  const changedAt = async () => (await stat(file, { bigint: true })).ctimeNs
  const before = await changedAt()
  do await writeFile(file, content)
  while ((await changedAt()) === before)
}

async function setup(content: string | Buffer = csv) {
  const folder = await openTestFolder(content)
  open.push(folder)
  return { folder, file: join(folder.folder.path, "t.csv") }
}

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close()
})

const versionOf = async (source: TestSource) => (await source.manifest()).version
const count = (folder: TestFolder, event: string) =>
  folder.logged.filter((line) => line.event === event).length
const dataset = (settings: Record<string, unknown>) => ({ datasets: { t: { files: "t.csv", ...settings } } })

describe("a version's name", () => {
  it("stays when the file is touched, copied or read from another place", async () => {
    const { folder, file } = await setup()
    const source = await folder.open()
    const before = await versionOf(source)
    await utimes(file, new Date(), new Date(2020, 1))
    expect(await versionOf(source)).toBe(before)
    await copyFile(file, `${file}.new`)
    await rename(`${file}.new`, file)
    expect(await versionOf(source)).toBe(before)
    await folder.folder.write("sub/other.csv", csv)
    const other = await folder.open({ datasets: { t: { files: "sub/other.csv", chunk: { rows: 2 } } } })
    expect(await versionOf(other)).toBe(before)
  })

  it("changes with one byte of the header, of a cell, of a dropped column, or of the last newline", async () => {
    const { folder, file } = await setup()
    const source = await folder.open(dataset({ columns: { drop: ["name"] } }))
    const names = new Set([await versionOf(source)])
    const changed = [
      csv.replace("id", "iD"),
      csv.replace("Ann", "Anm"),
      csv.replace("3,", "8,"),
      csv.trimEnd(),
    ]
    for (const content of changed) {
      await rewrite(file, content)
      names.add(await versionOf(source))
    }
    expect(names.size).toBe(5)
  })

  it("changes with every setting that shapes rows, and with the dataset's name", async () => {
    const { folder } = await setup()
    const written = [
      dataset({}),
      dataset({ chunk: { rows: 2 } }),
      dataset({ chunk: { rows: 3 } }),
      dataset({ chunk: { bytes: "1KiB" } }),
      dataset({ dialect: { quote_char: "'" } }),
      dataset({ dialect: { quote_char: "" } }),
      dataset({ dialect: { double_quote: false } }),
      dataset({ dialect: { escape_char: "\\" } }),
      dataset({ dialect: { comment_char: "#" } }),
      dataset({ dialect: { skip_lines: 1 } }),
      dataset({ dialect: { header: false } }),
      dataset({ dialect: { ragged: "pad" } }),
      dataset({ dialect: { ragged: "truncate" } }),
      dataset({ dialect: { nul: "strip" } }),
      { ...dataset({}), record_limit: "1MiB" },
      dataset({ columns: { drop: ["id"] } }),
      dataset({ columns: { select: ["name"] } }),
      dataset({ columns: { select: ["name", "id"] } }),
      dataset({ columns: { rename: { id: "nr" } } }),
      dataset({ columns: { types: { id: "bigint" } } }),
    ]
    const names = new Set<string>()
    for (const settings of written) names.add(await versionOf(await folder.open(settings)))
    const renamed = await folder.open({ datasets: { u: { files: "t.csv" } } })
    names.add((await renamed.manifest("u")).version)
    expect(names.size).toBe(written.length + 1)
  })

  it("stays when a default is written out, keys change places or other settings change", async () => {
    const { folder } = await setup()
    const rename1 = { rename: { id: "a", name: "b" }, types: {}, drop: [] }
    const rename2 = { rename: { name: "b", id: "a" } }
    const first = await folder.open(dataset({ columns: rename1, chunk: { bytes: "1MiB" } }))
    const second = await folder.open({
      ...dataset({
        columns: rename2,
        dialect: {
          ...{
            delimiter: ",",
            quote_char: '"',
            double_quote: true,
            escape_char: '"',
            header: true,
            skip_lines: 0,
          },
          ...{ line_terminator: "auto", ragged: "reject", nul: "reject", strict: true, reader: "csv-parse" },
        },
      }),
      keep_versions: "1m",
      record_limit: "16MiB",
    })
    expect(await versionOf(second)).toBe(await versionOf(first))
  })
})

describe("a file that changes", () => {
  it("is served whole from the version before when it was replaced by rename", async () => {
    const { folder, file } = await setup()
    const source = await folder.open()
    const before = await versionOf(source)
    const first = await source.get(paths.chunk("t", before, 1))
    await writeFile(`${file}.new`, "id,name\n9,Zoe\n")
    await rename(`${file}.new`, file)
    const after = await versionOf(source)
    expect(after).not.toBe(before)
    const second = await source.get(paths.chunk("t", before, 2))
    expect([...first.json(), ...second.json()].map(({ name }) => name)).toEqual(["Ann", "Bob", "Cid", "Dan"])
    expect((await source.get(paths.currentChunk("t", 1))).json()).toEqual([{ id: 9, name: "Zoe" }])
  })

  it("lets a replaced version go after keep_versions", async () => {
    const { folder, file } = await setup()
    const source = await folder.open({ keep_versions: "50ms" })
    const before = await versionOf(source)
    await writeFile(`${file}.new`, "id,name\n9,Zoe\n")
    await rename(`${file}.new`, file)
    await versionOf(source)
    await waitFor(() => count(folder, "version.gone") === 1)
    const answer = await source.get(paths.chunk("t", before, 2))
    expect(answer.json()).toMatchObject({ code: "version-gone", status: 410 })
  })

  it("makes the version gone when it was edited in place, and never mixes", async () => {
    const { folder, file } = await setup()
    const source = await folder.open()
    const before = await versionOf(source)
    await patch(file, csv.indexOf("Cid"), "Kid")
    const changed = await source.get(paths.chunk("t", before, 2))
    expect(changed.json()).toMatchObject({ code: "version-gone", status: 410 })
    expect(changed.headers["cache-control"]).toBe("no-store")
    expect((await source.get(paths.chunk("t", before, 1))).json()).toMatchObject({ code: "version-gone" })
    const after = await versionOf(source)
    expect(after).not.toBe(before)
    expect((await source.get(paths.chunk("t", after, 2))).json()[0]).toEqual({ id: 3, name: "Kid" })
    expect((await source.get(paths.chunk("t", before, 2))).json()).toMatchObject({ code: "version-gone" })
  })

  it("finds a rewrite of the same size behind restored times", async () => {
    const { folder, file } = await setup()
    const source = await folder.open()
    const before = await versionOf(source)
    const { atime, mtime } = await stat(file)
    await patch(file, csv.indexOf("Ann"), "Eve")
    await utimes(file, atime, mtime)
    expect((await source.get(paths.chunk("t", before, 1))).json()).toMatchObject({ code: "version-gone" })
    const after = await versionOf(source)
    expect((await source.get(paths.chunk("t", after, 1))).json()[0]).toEqual({ id: 1, name: "Eve" })
  })

  it("serves the version before after an append, and refuses what was cut off", async () => {
    const { folder, file } = await setup()
    const source = await folder.open()
    const before = await versionOf(source)
    await appendFile(file, "5,Eve\n")
    expect((await source.get(paths.chunk("t", before, 2))).json()).toHaveLength(2)
    expect((await source.manifest()).rows).toBe(5)
    expect((await source.get(paths.chunk("t", before, 2))).json()).toHaveLength(2)
    await truncate(file, csv.indexOf("4,"))
    expect((await source.get(paths.chunk("t", before, 2))).json()).toMatchObject({ code: "version-gone" })
    expect((await source.manifest()).rows).toBe(3)
  })

  it("keeps the version before served while the new content is refused or missing", async () => {
    const { folder, file } = await setup()
    const source = await folder.open()
    const before = await versionOf(source)
    await writeFile(`${file}.new`, 'id,"name\n1,x\n')
    await rename(`${file}.new`, file)
    expect(await source.settled()).toMatchObject({
      state: "failed",
      version: before,
      problem: { code: "record-malformed" },
    })
    expect((await source.get(paths.currentChunk("t", 2))).json()).toHaveLength(2)
    await rm(file)
    expect(await source.settled()).toMatchObject({ version: before, problem: { code: "file-missing" } })
    expect((await source.get(paths.currentChunk("t", 2))).json()).toHaveLength(2)
    await writeFile(file, csv)
    expect(await source.settled()).toMatchObject({ state: "ready", version: before })
  })

  it("reads a refused content once, and says so once", async () => {
    const { folder } = await setup('id,"name\n1,x\n')
    const source = await folder.open({ scan_interval: "5ms" })
    await source.settled()
    for (let i = 0; i < 5; i++) await source.settled()
    expect(count(folder, "version.failed")).toBe(1)
  })

  it("is found by the scan when nobody asks", async () => {
    const { folder, file } = await setup()
    const source = await folder.open({ scan_interval: "20ms" })
    await versionOf(source)
    await writeFile(file, "id,name\n9,Zoe\n")
    await waitFor(() => count(folder, "version.published") === 2)
  })

  it("waits until nobody has touched it for the settle window, showing its progress", async () => {
    const { folder, file } = await setup()
    const source = await folder.open({ settle: "1h" })
    const answer = await source.get(paths.currentChunk("t", 1))
    expect(answer.json()).toMatchObject({
      code: "indexing",
      status: 503,
      facts: { bytes: 0, of: csv.length },
    })
    expect(answer.headers["retry-after"]).toBe("1")
    expect((await source.get(paths.dataset("t"))).json()).toMatchObject({
      state: "indexing",
      version: null,
      progress: { bytes: 0, of: csv.length },
    })
    // As a loader sees it that comes back after a restart of the source.
    expect((await source.get(paths.chunk("t", "a".repeat(64), 1))).json()).toMatchObject({ code: "indexing" })
    expect(await readFile(file, "utf8")).toBe(csv)
  })

  it("settles by the file's own age, without waiting", async () => {
    const { folder, file } = await setup()
    await waitFor(async () => Date.now() - (await stat(file)).ctimeMs > 50)
    const source = await folder.open({ settle: "50ms" })
    await waitFor(() => count(folder, "version.published") === 1)
    expect((await source.get(paths.currentChunk("t", 1))).statusCode).toBe(200)
  })
})

describe("what is served", () => {
  it.each([
    ["a missing file", async () => {}, "file-missing"],
    ["a folder without files", (path: string) => mkdir(path), "file-missing"],
    [
      "a FIFO, without hanging",
      async (path: string) => void execFileSync("mkfifo", [path]),
      "file-forbidden",
    ],
    ["a link out of the root", (path: string) => symlink("/etc/passwd", path), "file-forbidden"],
    ["a link to a dot-folder", hiddenBehindLink, "file-forbidden"],
    ["a link to itself", (path: string) => symlink(path, path), "file-forbidden"],
    ["a device", (path: string) => symlink("/dev/zero", path), "file-forbidden"],
  ])("is not %s", async (_, make, code) => {
    const { folder, file } = await setup()
    await rm(file)
    await make(file)
    const source = await folder.open()
    expect(await source.settled()).toMatchObject({ state: "failed", problem: { code } })
    const answer = await source.get(paths.currentChunk("t", 1))
    expect(answer.json().code).toBe(code)
    // Whoever asks over HTTP learns nothing of this server's folders; its log says where the file was looked for.
    expect(answer.body).not.toContain(folder.folder.path)
    expect((await source.get(paths.dataset("t"))).body).not.toContain(folder.folder.path)
    const failed = folder.logged.find(({ event }) => event === "version.failed")
    expect(failed?.detail).toContain(`; looked at ${file}.`)
  })

  it.each([["../t.csv"], ["/etc/passwd"], [".hidden/t.csv"], ["sub/.t.csv"], ["sub/../../t.csv"]])(
    "is not %s",
    async (files) => {
      const { folder } = await setup()
      await folder.folder.write(".hidden/t.csv", csv)
      await folder.folder.write("sub/.t.csv", csv)
      const source = await folder.open({ datasets: { t: { files } } })
      expect(await source.settled()).toMatchObject({ state: "failed", problem: { code: "file-forbidden" } })
    },
  )

  it("is a link that stays in the root", async () => {
    const { folder, file } = await setup()
    await symlink(file, join(folder.folder.path, "link.csv"))
    const source = await folder.open({ datasets: { t: { files: "link.csv" } } })
    expect((await source.manifest()).rows).toBe(4)
  })
})

describe("a source that starts again", () => {
  it("serves an unchanged file at once, without reading it", async () => {
    const { folder } = await setup()
    const before = await folder.open()
    const manifest = await before.manifest()
    await before.close()
    const after = await folder.open({ settle: "1h" })
    await waitFor(() => count(folder, "version.published") === 2)
    expect(folder.logged.filter(({ event }) => event === "version.published")).toMatchObject([
      { cached: false, rows: 4, rejects: 0, chunks: 2, columns: ["id integer", "name text"] },
      { cached: true },
    ])
    expect((await after.get(paths.version("t", manifest.version))).json()).toEqual(manifest)
    expect((await after.get(paths.chunk("t", manifest.version, 2))).json()).toHaveLength(2)
  })

  it("reads the file anew when the index is damaged, of other settings, or of another file", async () => {
    const { folder, file } = await setup()
    const first = await folder.open()
    const { version } = await first.manifest()
    const cache = join(first.settings.cache, "t")
    await first.close()
    const [name = ""] = await readdir(cache)
    expect(name).toBe(`${version}.json`)
    const bytes = await readFile(join(cache, name))
    bytes.writeUInt8(bytes.readUInt8(200) ^ 1, 200)
    await writeFile(join(cache, name), bytes)
    const second = await folder.open()
    expect(await versionOf(second)).toBe(version)
    await second.close()
    const third = await folder.open(dataset({ chunk: { rows: 3 } }))
    expect(await versionOf(third)).not.toBe(version)
    await third.close()
    await utimes(file, new Date(), new Date(2020, 1))
    const fourth = await folder.open()
    expect(await versionOf(fourth)).toBe(version)
    const published = folder.logged.filter(({ event }) => event === "version.published")
    expect(published.map(({ cached }) => cached)).toEqual([false, false, false, false])
  })

  it("still knows which versions it had", async () => {
    const { folder, file } = await setup()
    const first = await folder.open()
    const before = await versionOf(first)
    await first.close()
    await writeFile(file, "id,name\n9,Zoe\n")
    const second = await folder.open()
    await second.settled()
    expect((await second.get(paths.chunk("t", before, 1))).json()).toMatchObject({ code: "version-gone" })
    expect((await second.get(paths.chunk("t", "a".repeat(64), 1))).json()).toMatchObject({
      code: "version-not-found",
    })
  })

  it("goes on without an index when the cache cannot be written, and says so", async () => {
    const { folder } = await setup()
    await folder.folder.write("cache", "not a folder")
    const source = await folder.open({ cache: "cache" })
    expect((await source.manifest()).rows).toBe(4)
    expect(count(folder, "cache.failed")).toBe(1)
  })

  it("keeps a bounded number of indexes", async () => {
    const { folder, file } = await setup()
    const source = await folder.open()
    for (let i = 0; i < 36; i++) {
      // Of another length each: within a tick of the clock nothing else tells them apart.
      await writeFile(file, `id,name\n${i},${"x".repeat(i + 1)}\n`)
      await versionOf(source)
    }
    expect(await readdir(join(source.settings.cache, "t"))).toHaveLength(32)
  })
})

async function patch(file: string, offset: number, text: string): Promise<void> {
  const handle = await openFile(file, "r+")
  await handle.write(text, offset)
  await handle.close()
}

async function hiddenBehindLink(path: string): Promise<void> {
  await mkdir(join(path, "..", ".hidden"), { recursive: true })
  await writeFile(join(path, "..", ".hidden", "x.csv"), csv)
  await symlink(join(path, "..", ".hidden", "x.csv"), path)
}
