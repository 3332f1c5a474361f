// If this fails, a refused row is shown with another record's line and bytes.
import { type Manifest, paths, type RowOrigin, requestLimits } from "@flatbed/contract"
import { afterEach, expect, it } from "vitest"
import { openTestFolder, type TestFolder } from "../source.test-kit.ts"

const open: TestFolder[] = []

async function setup(content: string | Buffer, written?: Record<string, unknown>) {
  const folder = await openTestFolder(content)
  open.push(folder)
  const source = await folder.open(written)
  const manifest: Manifest = await source.manifest()
  const path = paths.rows("t", manifest.version)
  return { ...source, manifest, ask: async (rows: string) => await source.get(`${path}?rows=${rows}`) }
}

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close()
})

const lines = ["1,Ann", '2,""', "x", '4,"a\nb"', "5,e", '"6"', "7,\u00e4"]
const csv = `id,name\n${lines.join("\n")}\n`

it("several rows are where each of them is alone, wherever their chunks end", async () => {
  for (const rows of [1, 2, 3, 100]) {
    const { get, ask, manifest } = await setup(csv, { datasets: { t: { files: "t.csv", chunk: { rows } } } })
    for (const asked of [[1], [3, 4], [1, 2, 3, 4, 5, 6, 7], [2, 7], [6]]) {
      const answer = await ask(asked.join(","))
      const alone = await Promise.all(
        asked.map(async (row) => (await get(paths.row("t", manifest.version, row))).json<RowOrigin>()),
      )
      expect(answer.json()).toEqual({ rows: alone })
      expect(alone.map(({ raw }) => Buffer.from(raw, "base64").toString())).toEqual(
        asked.map((row) => `${lines[row - 1]}\n`),
      )
      // The header is one line, and the fourth record is two.
      expect(alone.map(({ line }) => line)).toEqual(asked.map((row) => row + (row > 4 ? 2 : 1)))
      expect(answer.headers["cache-control"]).toContain("immutable")
    }
  }
})

it("rows of a file in another encoding are told with its own bytes", async () => {
  const { ask } = await setup(Buffer.from("a\n\u00e4\n\u00f6\n\u00fc\n", "latin1"), {
    datasets: { t: { files: "t.csv", chunk: { rows: 2 }, dialect: { encoding: "windows-1252" } } },
  })
  const { rows } = (await ask("2,3")).json<{ rows: RowOrigin[] }>()
  expect(rows.map(({ byte_from, byte_to, raw, encoding }) => [byte_from, byte_to, raw, encoding])).toEqual([
    [4, 6, Buffer.from("\u00f6\n", "latin1").toString("base64"), "windows-1252"],
    [6, 8, Buffer.from("\u00fc\n", "latin1").toString("base64"), "windows-1252"],
  ])
})

it("records that the filter leaves out are not counted", async () => {
  const { ask } = await setup("n\n1\n2\n3\n4\n5\n6\n", {
    datasets: { t: { files: "t.csv", columns: { types: { n: "integer" } }, filter: { n: { ne: 3 } } } },
  })
  const { rows } = (await ask("2,3,5")).json<{ rows: RowOrigin[] }>()
  expect(rows.map(({ row, line }) => [row, line])).toEqual([
    [2, 3],
    [3, 5],
    [5, 7],
  ])
})

it.each([
  ["8", 404, "row-out-of-range"],
  ["1,8", 404, "row-out-of-range"],
  ["0", 404, "row-out-of-range"],
  ["", 400, "request-invalid"],
  ["1,", 400, "request-invalid"],
  ["2,1", 400, "request-invalid"],
  ["1,1", 400, "request-invalid"],
  ["1&rows=2", 400, "request-invalid"],
  ["1-3", 400, "request-invalid"],
])("?rows=%s of seven is refused: %i %s", async (rows, status, code) => {
  const { ask } = await setup(csv)
  const answer = await ask(rows)
  expect([answer.statusCode, answer.json().code]).toEqual([status, code])
})

it("more rows than the limit are refused by its name, and so are too many bytes of chunks", async () => {
  const { rows: most, bytes } = requestLimits
  const many = await setup(`n\n${"1\n".repeat(most + 1)}`, {
    datasets: { t: { files: "t.csv", chunk: { rows: 10_000 } } },
  })
  const list = (to: number) => Array.from({ length: to }, (_, i) => i + 1).join(",")
  expect((await many.ask(list(most))).json().rows).toHaveLength(most)
  expect((await many.ask(list(most + 1))).json()).toMatchObject({
    code: "request-invalid",
    facts: { rows: most + 1, most_rows: most },
  })
  const half = "x".repeat(bytes / 2)
  const wide = await setup(`a\n${half}\n${half}\n`, {
    datasets: { t: { files: "t.csv", chunk: { rows: 1 } } },
  })
  expect((await wide.ask("1,2")).json()).toMatchObject({
    code: "request-invalid",
    facts: { chunks: 2, most_bytes: bytes },
  })
  expect((await wide.ask("2")).statusCode).toBe(200)
})
