// If this fails, a large file's digests are those of other bytes, or a thread outlives the pass it worked for.
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { promisify } from "node:util"
import { temporaryFolder } from "@flatbed/testing"
import { expect, test } from "vitest"
import { readers } from "./formats/readers.ts"
import { openHashing } from "./hashing.ts"
import { passOverFile } from "./version-pass.ts"

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex")

/** Records of one to 60,000 bytes, so that some lie over several reads and some chunks over several of those. */
function makeFile(bytes: number): Buffer {
  const parts = ["id,note\n"]
  let length = 0
  for (let id = 1; length < bytes; id += 1) {
    const record = `${id},"${"x\n".repeat((id * id * 7_919) % 30_000)}"\n`
    parts.push(record)
    length += record.length
  }
  return Buffer.from(parts.join(""))
}

function pass(bytes: Buffer, signal: AbortSignal, onProgress: (read: number) => void = () => {}) {
  return passOverFile({
    dataset: "d",
    file: "f.csv",
    open: {
      identity: { dev: "1", ino: "1", bytes: bytes.length, mtimeNs: "0", ctimeNs: "0" },
      read: async (buffer, offset) => bytes.copy(buffer, 0, offset),
    },
    reader: readers.bytes,
    shape: {
      chunk: { bytes: 1 << 20 },
      dialect: { delimiter: ",", quote: '"' },
      columns: { drop: [], rename: {}, types: {} },
    },
    maxRecordBytes: 1 << 20,
    signal,
    onProgress,
  })
}

test.each([
  ["here", 3_000_000],
  ["beside", 20_000_000],
])(
  "hashed %s, the digests of a file of %d bytes and of its chunks are those of the bytes",
  async (_where, size) => {
    const bytes = makeFile(size)
    const { manifest } = await pass(bytes, new AbortController().signal)
    expect(manifest.files[0]?.sha256).toBe(sha256(bytes))
    const found = manifest.chunks.map((chunk) => chunk.sha256)
    expect(found).toEqual(
      manifest.chunks.map(({ byte_from, byte_to }) => sha256(bytes.subarray(byte_from, byte_to))),
    )
    expect(manifest.chunks.at(-1)?.byte_to).toBe(bytes.length)
  },
)

test("a pass that is given up in the middle ends its thread", async () => {
  const bytes = makeFile(20_000_000)
  const stop = new AbortController()
  const onProgress = (read: number) => {
    if (read > 5_000_000) stop.abort(new Error("enough"))
  }
  await expect(pass(bytes, stop.signal, onProgress)).rejects.toThrow("enough")
  expect(process.getActiveResourcesInfo()).not.toContain("MessagePort")
})

test("a thread that ends before its time fails the pass instead of keeping it waiting", async () => {
  const hashing = openHashing(20_000_000)
  await hashing.room()
  await hashing.end()
  const marks = { headerEnd: undefined, chunkEnds: [], settledTo: 0 }
  await expect(hashing.finish(marks)).rejects.toThrow("has ended")
})

// Each in a process of its own, as the program starts: here the heap may have grown before.
const dist = new URL("../dist/", import.meta.url).href

async function runAfterAThread(churn: string): Promise<number> {
  const folder = await temporaryFolder()
  const script = await folder.write(
    "churn.mjs",
    `
    import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8"
    import { openHashing } from "${dist}hashing.js"
    import { keepHeapSmall } from "${dist}small-heap.js"
    keepHeapSmall()
    const hashing = openHashing(20_000_000)
    await hashing.room()
    await hashing.finish({ headerEnd: undefined, chunkEnds: [], settledTo: 0 })
    ${churn}
    process.exit()
    `,
  )
  const { stdout } = await promisify(execFile)(process.execPath, [script])
  await folder.remove()
  return Number(stdout)
}

test("a thread that hashes does not let the nursery grow, which would cost the source up to 30 MiB", async () => {
  const megabytes = await runAfterAThread(`
    const young = []
    for (let i = 0; i < 3_000_000; i += 1) young[i % 50_000] = { i, list: [i] }
    const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")
    console.log(space.physical_space_size / 2 ** 20)
  `)
  expect(megabytes).toBeGreaterThan(0)
  expect(megabytes).toBeLessThanOrEqual(4)
})

test("what outlives the nursery is collected before it is several times what is needed", async () => {
  // 30 MiB are needed; V8 by itself takes 100.
  const megabytes = await runAfterAThread(`
    const needed = Array.from({ length: 150_000 }, (_, i) => ({ i, list: [i] }))
    const passing = []
    let most = 0
    for (let i = 0; i < 4_000_000; i += 1) {
      passing[i % 60_000] = { i, list: [i] }
      if (i % 20_000 === 0) most = Math.max(most, getHeapStatistics().total_physical_size)
    }
    console.log(needed.length > 0 ? most / 2 ** 20 : 0)
  `)
  expect(megabytes).toBeGreaterThan(10)
  expect(megabytes).toBeLessThan(64)
})
