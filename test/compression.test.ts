// If this fails, a setting that is to save the network changes rows, or saves nothing.
import zlib from "node:zlib"
import { afterAll, beforeAll, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

const chunks = 4
// Two chunks each, by their bytes in the file.
const groups = 2
const rows = 2000
const csv = `id,word,note\n${Array.from({ length: rows }, (_, i) => `${i},"Zoë, ""${i * 7919}""",line\\${i}\n`).join("")}`

let installation: Installation
let source: Awaited<ReturnType<Installation["startSource"]>>

beforeAll(async () => {
  installation = await createInstallation({
    source: `datasets:\n  words: { files: words.csv, chunk: { rows: ${rows / chunks} } }`,
    loader: `group: ${Math.ceil(csv.length / groups / 1000)}KiB
pipelines:
  default: { dataset: words, table: by_default }
  none: { dataset: words, table: by_none }
  gzip: { dataset: words, table: by_gzip }
  zstd: { dataset: words, table: by_zstd }`,
  })
  await installation.write("words.csv", csv)
  source = await installation.startSource()
})

afterAll(() => installation.close())

/** Loads one pipeline; answers the loader, and how the source says its chunks travelled. */
async function load(pipeline: string, compression?: string) {
  const before = source.events().filter(({ event }) => event === "chunk.served").length
  const env = compression === undefined ? {} : { FLATBED_LOADER__SOURCE__COMPRESSION: compression }
  const loader = installation.loader(["load", pipeline], { env })
  const { code } = await loader.end()
  if (code !== 0) return { code, loader, codings: new Set<unknown>(), bytes: 0 }
  await source.waitForEvent("chunk.served", { count: before + groups })
  const served = source
    .events()
    .filter(({ event }) => event === "chunk.served")
    .slice(before)
  return {
    code,
    loader,
    codings: new Set(served.map(({ coding }) => coding)),
    bytes: served.reduce((sum, { bytes }) => sum + Number(bytes), 0),
  }
}

async function expectRows(table: string): Promise<void> {
  const answer = await installation.query(`
    select count(*)::int as n from public.${table}
    where word = 'Zoë, "' || id * 7919 || '"' and note = 'line\\' || id`)
  expect(answer).toEqual([{ n: rows }])
}

test("on one machine chunks travel as they are", async () => {
  const { code, loader, codings } = await load("default")
  expect(code).toBe(0)
  expect(codings).toEqual(new Set(["identity"]))
  expect(loader.events()).toContainEqual(
    expect.objectContaining({ event: "run.started", coding: "identity" }),
  )
  await expectRows("by_default")
})

test("as gzip the same rows arrive over a smaller wire", async () => {
  const plain = await load("none", "none")
  const packed = await load("gzip", "gzip")
  expect([plain.code, packed.code]).toEqual([0, 0])
  expect(packed.codings).toEqual(new Set(["gzip"]))
  expect(packed.bytes).toBeLessThan(plain.bytes / 2)
  expect(packed.loader.events()).toContainEqual(
    expect.objectContaining({ event: "run.started", coding: "gzip" }),
  )
  await expectRows("by_gzip")
})

test("as zstd too where Node has it; elsewhere the setting is refused before anything is asked", async () => {
  const packed = await load("zstd", "zstd")
  if ("zstdDecompress" in zlib) {
    expect(packed).toMatchObject({ code: 0, codings: new Set(["zstd"]) })
    await expectRows("by_zstd")
  } else {
    expect(packed.code).toBe(2)
    expect(packed.loader.stderr()).toContain("source.compression")
    expect(packed.loader.stderr()).toContain("expected gzip or none")
  }
})
