// If this fails, `verify` compares a table with something else than what the source serves.
import { createHash } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type Digests, type Manifest, paths, requestLimits } from "@flatbed/contract"
import { afterEach, expect, it } from "vitest"
import { openTestFolder, type TestFolder } from "../source.test-kit.ts"

const open: TestFolder[] = []

async function setup(content: string, dataset: Record<string, unknown> = {}) {
  const folder = await openTestFolder(content)
  open.push(folder)
  const source = await folder.open({ datasets: { t: { files: "t.csv", chunk: { rows: 2 }, ...dataset } } })
  const manifest: Manifest = await source.manifest()
  const path = paths.digests("t", manifest.version)
  return { ...source, folder, manifest, ask: async (query = "") => await source.get(path + query) }
}

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close()
})

/** In the plainest words: SHA-256's first 8 bytes of each row's text, summed modulo 2^64. */
function digestOf(...rows: (string | null)[][]): string {
  const digests = rows.map((row) => createHash("sha256").update(JSON.stringify(row)).digest("hex"))
  const sum = digests.reduce((sum, hex) => sum + BigInt(`0x${hex.slice(0, 16)}`), 0n)
  return (sum % 2n ** 64n).toString(16).padStart(16, "0")
}

const csv = 'n,t,b\n1.50,a,True\n-0,"",\nx,c,true\n2e1,"d ""\n\\",FALSE\n.5,,true\n'
const typed = { columns: { types: { n: "numeric", b: "boolean" } } }

it("tells of each chunk the digest of its rows in one spelling, rejects left out, for ever", async () => {
  const { ask, manifest } = await setup(csv, typed)
  const answer = await ask()
  const chunks = [
    { chunk: 1, first_row: 1, rows: 2, digest: digestOf(["1.5", "a", "true"], ["0", "", null]) },
    { chunk: 2, first_row: 3, rows: 1, digest: digestOf(["20", 'd "\n\\', "false"]) },
    { chunk: 3, first_row: 5, rows: 1, digest: digestOf(["0.5", null, "true"]) },
  ]
  const { version } = manifest
  expect(answer.json()).toEqual({ dataset: "t", version, columns: ["n", "t", "b"], chunks })
  expect(answer.headers["cache-control"]).toContain("immutable")
  expect((await ask("?chunks=2-3")).json<Digests>().chunks).toEqual(chunks.slice(1))
  expect((await ask("?chunks=2")).json<Digests>().chunks).toEqual(chunks.slice(1, 2))
})

it("takes columns as they are written, or leaves them out, where it is asked to", async () => {
  const { ask } = await setup(csv, typed)
  const answer = (await ask("?chunks=1&text=1,3&without=2")).json<Digests>()
  expect(answer.columns).toEqual(["n", "b"])
  expect(answer.chunks.map(({ digest }) => digest)).toEqual([digestOf(["1.50", "True"], ["-0", null])])
})

it("tells the same of rows that are cleaned, and of those of a file in JSON", async () => {
  const cleaned = await setup("a,b\n x ,1\n y,2\n", { columns: { clean: { a: ["trim"] }, drop: ["b"] } })
  expect((await cleaned.ask()).json<Digests>().chunks[0]?.digest).toBe(digestOf(["x"], ["y"]))
  const json = await setup('{"a":{"k":[1.50,{"bb":1,"c":"\\u00e9"}]},"b":"x\\ny"}\n{"b":"z"}\n', {
    format: "ndjson",
    flatten: false,
  })
  expect((await json.ask()).json<Digests>().chunks[0]?.digest).toBe(
    digestOf(['{"k": [1.50, {"c": "é", "bb": 1}]}', "x\ny"], [null, "z"]),
  )
})

it("has no chunks of a file without rows", async () => {
  const { ask } = await setup("a,b\n")
  expect((await ask()).json<Digests>().chunks).toEqual([])
})

it("never hashes bytes that are not the version's", async () => {
  const { ask, folder } = await setup("a\n1\n2\n3\n4\n")
  await writeFile(join(folder.folder.path, "t.csv"), "a\n1\n2\n3\n5\n")
  const answer = await ask()
  expect([answer.statusCode, answer.json().code]).toEqual([410, "version-gone"])
})

it("asks for fewer chunks where it would take too long", async () => {
  const rows = requestLimits.chunks + 1
  const { ask } = await setup(`a\n${"1\n".repeat(rows)}`, { chunk: { rows: 1 } })
  const answer = await ask()
  expect([answer.statusCode, answer.json()]).toMatchObject([
    400,
    { facts: { chunks: rows, most_chunks: 1000 } },
  ])
  expect((await ask("?chunks=2-1001")).json<Digests>().chunks).toHaveLength(1000)
})

it("refuses what it cannot understand, or does not have", async () => {
  const { ask } = await setup(csv, typed)
  for (const [query, status, code] of [
    ["?chunks=0", 404, "chunk-out-of-range"],
    ["?chunks=2-9", 404, "chunk-out-of-range"],
    ["?chunks=2-1", 400, "request-invalid"],
    ["?chunks=1-2-3", 400, "request-invalid"],
    ["?chunks=a", 400, "request-invalid"],
    ["?text=4", 400, "request-invalid"],
    ["?text=0", 400, "request-invalid"],
    ["?without=2,1", 400, "request-invalid"],
  ]) {
    const answer = await ask(String(query))
    expect([query, answer.statusCode, answer.json().code]).toEqual([query, status, code])
  }
})
