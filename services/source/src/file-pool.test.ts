// If this fails, a source runs out of descriptors over a folder of many files, or answers from another file than it was
// asked for.
import { readdir, readlink } from "node:fs/promises"
import { join } from "node:path"
import { paths } from "@flatbed/contract"
import { waitFor } from "@flatbed/testing"
import { afterEach, describe, expect, it } from "vitest"
import { createFilePool, type PooledFile } from "./file-pool.ts"
import { openTestFolder, type TestFolder } from "./source.test-kit.ts"

/** A pool of at most two open files, each of which holds nothing but its key; and what is open. */
function setup() {
  const opened: string[] = []
  const open = new Set<string>()
  const gone = new Set<string>()
  const pool = createFilePool(2)
  function openOne(key: string): PooledFile {
    const bytes = Buffer.from(key)
    const token = `${key} ${opened.push(key)}`
    open.add(token)
    return {
      read: async (into, offset) => {
        if (!open.has(token)) throw Object.assign(new Error("closed"), { code: "EBADF" })
        return bytes.copy(into, 0, offset)
      },
      close: async () => void open.delete(token),
    }
  }
  const entryOf = (key: string) => ({
    key,
    open: async () => (gone.has(key) ? undefined : openOne(key)),
  })
  const read = async (key: string) => {
    const into = Buffer.alloc(10)
    return into.toString("utf8", 0, await pool.read(key, into, 0))
  }
  return { pool, opened, open, gone, entryOf, openOne, read }
}

describe("a pool", () => {
  it("keeps open what was read last, and opens the others again", async () => {
    const { pool, opened, open, entryOf, read } = setup()
    for (const key of ["a", "b", "c"]) pool.hold(entryOf(key))
    expect(opened).toEqual([])
    for (const key of ["a", "b", "a", "c", "a", "b"]) expect(await read(key)).toBe(key)
    expect(opened).toEqual(["a", "b", "c", "b"])
    await waitFor(() => open.size === 2)
  })

  it("reads on from a file that is closed under way, since others are read meanwhile", async () => {
    const { pool, open, entryOf, read } = setup()
    const keys = Array.from({ length: 20 }, (_, i) => `f${i}`)
    for (const key of keys) pool.hold(entryOf(key))
    expect(await Promise.all([...keys, ...keys].map(read))).toEqual([...keys, ...keys])
    await waitFor(() => open.size <= 2)
  })

  it("uses a file that is open already, and closes one that it does not need", async () => {
    const { pool, opened, open, entryOf, openOne, read } = setup()
    pool.hold(entryOf("a"), openOne("a"))
    pool.hold(entryOf("a"), openOne("a"))
    expect(await read("a")).toBe("a")
    expect(opened).toHaveLength(2)
    expect(open.size).toBe(1)
  })

  it("lets a file go with its last holder, and says so to whoever reads it then", async () => {
    const { pool, open, entryOf, read } = setup()
    pool.hold(entryOf("a"))
    pool.hold(entryOf("a"))
    await read("a")
    await pool.release("a")
    expect(await read("a")).toBe("a")
    await pool.release("a")
    expect(open.size).toBe(0)
    await expect(read("a")).rejects.toThrow("a was let go")
  })

  it("has no bytes of a file that is gone, and has them again when it is back", async () => {
    const { pool, gone, entryOf, read } = setup()
    gone.add("a")
    pool.hold(entryOf("a"))
    await pool.open("a")
    expect(await read("a")).toBe("")
    gone.delete("a")
    expect(await read("a")).toBe("a")
  })
})

describe("a source over more files than it keeps open", () => {
  let folder: TestFolder

  afterEach(() => folder.close())

  it("has 256 of them open at the most, reads all, and has none open when it is closed", async () => {
    folder = await openTestFolder("unused\n1\n")
    const names = Array.from({ length: 400 }, (_, i) => `d/${String(i).padStart(3, "0")}.csv`)
    await Promise.all(names.map((name, i) => folder.folder.write(name, `id\n${i}\n`)))
    const countOpen = async () => {
      const all = await readdir("/proc/self/fd")
      const targets = await Promise.all(all.map((fd) => readlink(join("/proc/self/fd", fd)).catch(() => "")))
      return targets.filter((target) => target.startsWith(join(folder.folder.path, "d/"))).length
    }
    const source = await folder.open({ datasets: { t: { files: "d/*.csv" } } })
    const { version } = await source.manifest()
    for (let n = 1; n <= names.length; n += 1) {
      const answer = await source.get(paths.chunk("t", version, n))
      expect(answer.json()).toEqual([{ id: n - 1 }])
    }
    if (process.platform === "linux") {
      const open = await waitFor(async () => {
        const count = await countOpen()
        return count <= 256 && count
      })
      expect(open).toBeGreaterThan(200)
    }
    await source.close()
    if (process.platform === "linux") expect(await countOpen()).toBe(0)
  })
})
