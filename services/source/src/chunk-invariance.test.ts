// If this fails, what a file says depends on how the disk hands it over, or on where its chunks are cut.
import { createHash } from "node:crypto"
import { Problem } from "@flatbed/contract"
import { describe, expect, test } from "vitest"
import { chunkForms, encodeRecords } from "./chunk-body.ts"
import type { ChunkRule } from "./chunk-cut.ts"
import type { ChunkIndex } from "./chunk-index.ts"
import { type CorpusFile, corpus, corpusRecordLimit } from "./formats/corpus.test-kit.ts"
import type { Reader } from "./formats/format.ts"
import { readers } from "./formats/readers.ts"
import { passOverFile } from "./version-pass.ts"

const whole: ChunkRule = { rows: 1_000 }

/** One pass; `cuts` are offsets at which a read ends although more bytes are there. */
async function pass(
  { bytes, dialect, types }: CorpusFile,
  reader: Reader,
  chunk: ChunkRule,
  cuts: number[] = [],
) {
  const identity = { dev: "1", ino: "1", bytes: bytes.length, mtimeNs: "0", ctimeNs: "0" }
  const read = async (buffer: Buffer, offset: number) => {
    const end = cuts.find((cut) => cut > offset) ?? bytes.length
    return bytes.copy(buffer, 0, offset, Math.min(end, offset + buffer.length))
  }
  try {
    return await passOverFile({
      dataset: "d",
      file: "f.csv",
      open: { identity, read },
      reader,
      shape: { chunk, dialect, columns: { drop: [], rename: {}, types } },
      maxRecordBytes: corpusRecordLimit,
      signal: new AbortController().signal,
      onProgress: () => {},
    })
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    // What is shown around a fault is as much as had been read.
    return {
      code: error.code,
      message: error.message,
      hint: error.hint,
      facts: { ...error.facts, value: null },
    }
  }
}

/** The bodies of all chunks in each form, without what surrounds them. */
function readBodies({ bytes }: CorpusFile, reader: Reader, index: ChunkIndex): Record<string, string[]> {
  const bodies = chunkForms.map(({ name }) => [
    name,
    index.manifest.chunks.map((chunk) => {
      const inFile = bytes.subarray(chunk.byte_from, chunk.byte_to)
      expect(createHash("sha256").update(inFile).digest("hex")).toBe(chunk.sha256)
      const { body, rows, rejects } = encodeRecords(reader, index, chunk, inFile, name)
      expect({ rows, rejects }).toEqual({ rows: chunk.rows, rejects: chunk.rejects })
      return body.toString()
    }),
  ])
  return Object.fromEntries(bodies)
}

describe.each(Object.entries(corpus))("%s", (_name, file) => {
  test.each(Object.entries(readers))(
    "cut at any byte into two reads is the same version: %s",
    async (_reader, reader) => {
      const once = await pass(file, reader, whole)
      for (let cut = 1; cut < file.bytes.length; cut += 1) {
        expect(await pass(file, reader, whole, [cut]), `cut at ${cut}`).toEqual(once)
      }
      const everywhere = Array.from(file.bytes, (_, i) => i)
      expect(await pass(file, reader, whole, everywhere), "one byte a read").toEqual(once)
    },
  )

  test("is the same version by both readers", async () => {
    expect(await pass(file, readers.bytes, whole)).toEqual(await pass(file, readers["csv-parse"], whole))
  })

  test.each(Object.entries(readers))(
    "has the same rows in chunks of any size: %s",
    async (_reader, reader) => {
      const once = await pass(file, reader, whole)
      const rules: ChunkRule[] = [1, 2, 3].map((rows) => ({ rows }))
      for (let bytes = 1; bytes <= file.bytes.length; bytes += 1) rules.push({ bytes })
      for (const rule of rules) {
        const index = await pass(file, reader, rule)
        const told = `chunks of ${JSON.stringify(rule)}`
        if ("code" in once || "code" in index) {
          expect(index, told).toEqual(once)
          continue
        }
        const { chunks } = index.manifest
        expect(index.evidence, told).toEqual(once.evidence)
        expect(index.manifest.columns, told).toEqual(once.manifest.columns)
        chunks.forEach((chunk, i) => {
          const before = chunks[i - 1]
          expect(chunk.chunk, told).toBe(i + 1)
          expect(chunk.byte_from, told).toBe(before?.byte_to ?? once.manifest.chunks[0]?.byte_from)
          expect(chunk.first_row, told).toBe(before === undefined ? 1 : before.first_row + before.rows)
        })
        expect(chunks.at(-1)?.byte_to, told).toBe(once.manifest.chunks.at(-1)?.byte_to)
        const bodies = readBodies(file, reader, index)
        const expected = readBodies(file, reader, once)
        expect(bodies.ndjson?.join(""), told).toBe(expected.ndjson?.join(""))
        expect(bodies.csv?.join(""), told).toBe(expected.csv?.join(""))
        const objects = bodies.json?.filter((body) => body !== "").join(",\n")
        expect(objects, told).toBe(expected.json?.join(",\n"))
      }
    },
  )
})

test("the corpus holds files that are served whole, files with rejects and files that are refused", async () => {
  const said = await Promise.all(Object.values(corpus).map((file) => pass(file, readers.bytes, whole)))
  const refused = said.filter((one) => "code" in one)
  const rejecting = said.filter((one) => !("code" in one) && one.manifest.rejects > 0)
  expect(said.length).toBeGreaterThanOrEqual(40)
  expect(refused.length).toBeGreaterThanOrEqual(5)
  expect(rejecting.length).toBeGreaterThanOrEqual(7)
})
