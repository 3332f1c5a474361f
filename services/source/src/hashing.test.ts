// If this fails, a large file's digests are those of other bytes, or a thread outlives the pass it worked for.
import { createHash } from "node:crypto"
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
