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

// In a process of its own, as the program starts: here the nursery may have grown before.
const dist = new URL("../dist/", import.meta.url).href
const churn = `
  import { getHeapSpaceStatistics } from "node:v8"
  import { openHashing } from "${dist}hashing.js"
  import { keepNursery } from "${dist}nursery.js"
  keepNursery()
  const hashing = openHashing(20_000_000)
  await hashing.room()
  await hashing.finish({ headerEnd: undefined, chunkEnds: [], settledTo: 0 })
  const young = []
  for (let i = 0; i < 3_000_000; i += 1) young[i % 50_000] = { i, list: [i] }
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")
  console.log(space.physical_space_size / 2 ** 20)
  process.exit()
`

test("a thread that hashes does not let the nursery grow, which would cost the source up to 30 MiB", async () => {
  const folder = await temporaryFolder()
  const script = await folder.write("churn.mjs", churn)
  const { stdout } = await promisify(execFile)(process.execPath, [script])
  await folder.remove()
  expect(Number(stdout)).toBeGreaterThan(0)
  expect(Number(stdout)).toBeLessThanOrEqual(4)
})
