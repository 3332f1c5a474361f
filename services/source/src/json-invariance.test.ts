// If this fails, what a JSON file says depends on how the disk hands it over, or on where its chunks are cut.
import { describe, expect, test } from "vitest"
import type { ChunkRule } from "./chunk-cut.ts"
import { type ReadJson, readJson } from "./json-file.test-kit.ts"
import { jsonFiles } from "./json-files.test-kit.ts"

const whole: ChunkRule = { rows: 1_000 }

describe.each(Object.entries(jsonFiles))("%s", (_name, file) => {
  test("cut at any byte into two reads is the same version", async () => {
    const once = await readJson(file, whole)
    for (let cut = 1; cut < file.bytes.length; cut += 1) {
      expect(await readJson(file, whole, [cut]), `cut at ${cut}`).toEqual(once)
    }
    const everywhere = Array.from(file.bytes, (_, i) => i)
    expect(await readJson(file, whole, everywhere), "one byte a read").toEqual(once)
  })

  test("has the same rows in chunks of any size", async () => {
    const once = await readJson(file, whole)
    const rules: ChunkRule[] = [1, 2, 3, 7].map((rows) => ({ rows }))
    for (let bytes = 1; bytes <= file.bytes.length; bytes += 1) rules.push({ bytes })
    for (const rule of rules) {
      const read = await readJson(file, rule)
      const told = `chunks of ${JSON.stringify(rule)}`
      if ("code" in once || "code" in read) {
        expect(read, told).toEqual(once)
        continue
      }
      expect(read.index.evidence, told).toEqual(once.index.evidence)
      expect(read.columns, told).toEqual(once.columns)
      const { chunks } = read.manifest
      chunks.forEach((chunk, i) => {
        const before = chunks[i - 1]
        expect(chunk.chunk, told).toBe(i + 1)
        expect(chunk.byte_from, told).toBe(before?.byte_to ?? once.manifest.chunks[0]?.byte_from)
        expect(chunk.first_row, told).toBe(before === undefined ? 1 : before.first_row + before.rows)
      })
      expect(chunks.at(-1)?.byte_to, told).toBe(once.manifest.chunks.at(-1)?.byte_to)
      expect(joined(read), told).toEqual(joined(once))
    }
  })
})

/** The bodies of all chunks as one, in each form. */
function joined({ bodies }: ReadJson): Record<string, string> {
  return {
    ndjson: bodies.ndjson.join(""),
    csv: bodies.csv.join(""),
    json: bodies.json.filter((body) => body !== "").join(",\n"),
  }
}

test("the files are of all kinds: served whole, with rejects, and refused", async () => {
  const said = await Promise.all(Object.values(jsonFiles).map((file) => readJson(file, whole)))
  const refused = said.filter((one) => "code" in one)
  const rejecting = said.filter((one) => !("code" in one) && one.manifest.rejects > 0)
  const codes = new Set(refused.map((one) => ("code" in one ? one.code : "")))
  expect(said.length).toBeGreaterThanOrEqual(80)
  expect(said.length - refused.length - rejecting.length).toBeGreaterThanOrEqual(30)
  expect(rejecting.length).toBeGreaterThanOrEqual(15)
  expect([...codes].sort()).toEqual([
    "file-empty",
    "header-invalid",
    "json-invalid",
    "record-malformed",
    "records-not-found",
  ])
})
