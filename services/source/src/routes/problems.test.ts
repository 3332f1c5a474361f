import { gzipSync } from "node:zlib"
import { type ProblemDocument, paths } from "@flatbed/contract"
import { afterEach, describe, expect, it } from "vitest"
import { openTestFolder, type TestFolder } from "../source.test-kit.ts"

const open: TestFolder[] = []

async function setup(content = "id,name\n1,Ann\n", dataset = {}) {
  const folder = await openTestFolder(content)
  open.push(folder)
  const datasets = { t: { files: "t.csv", chunk: { rows: 2 }, ...dataset } }
  return { ...(await folder.open({ datasets })), folder }
}

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close()
})

describe("what goes wrong", () => {
  it.each([
    ["/v1/datasets/tt", 404, "dataset-not-found", "There are: t."],
    ["/v1/datasets/tt/chunks/1", 404, "dataset-not-found", "t"],
    ["/v1/datasets/..%2f..%2fetc%2fpasswd", 404, "dataset-not-found", "t"],
    [`/v1/datasets/t/versions/${"0".repeat(64)}`, 404, "version-not-found", "current version"],
    [`/v1/datasets/t/versions/x/chunks/1`, 404, "version-not-found", "current version"],
    ["/v1/datasets/t/chunks/2", 404, "chunk-out-of-range", "from 1 to 1"],
    ["/v1/datasets/t/chunks/0", 404, "chunk-out-of-range", "from 1 to 1"],
    ["/v1/datasets/t/chunks/x", 400, "request-invalid", "digits"],
    ["/v1/datasets/t/chunks/-1", 400, "request-invalid", "digits"],
    ["/v1/datasets/t/chunks/01", 400, "request-invalid", "digits"],
    ["/v1/datasets/t/chunks/1e3", 400, "request-invalid", "digits"],
    ["/v1/datasets/t/versions/{version}/rows/2", 404, "row-out-of-range", "from 1 to 1"],
    ["/v1/datasets/t/versions/{version}/rows/0", 404, "row-out-of-range", "from 1 to 1"],
    ["/v1/datasets/t/versions/{version}/rows/x", 400, "request-invalid", "digits"],
    ["/v1/datasets/%zz", 400, "request-invalid", "GET /v1/datasets"],
    [`/v1/datasets/${"a".repeat(300)}`, 400, "request-invalid", "GET /v1/datasets"],
    ["/", 404, "route-not-found", "GET /v1/datasets"],
    ["/v1/datasets/", 404, "dataset-not-found", "t"],
  ])("GET %s is %i %s with what to do", async (url, status, code, hint) => {
    const { get, manifest } = await setup()
    const { version } = await manifest()
    const answer = await get(url.replace("{version}", version))
    expect(answer.statusCode).toBe(status)
    expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8")
    expect(answer.headers["cache-control"]).toBe("no-store")
    expect(answer.headers.etag).toBeUndefined()
    const document = answer.json<ProblemDocument>()
    expect(document).toMatchObject({ type: "about:blank", status, code })
    expect(document.hint).toContain(hint)
  })

  it("names the number of chunks", async () => {
    const { get, settled } = await setup()
    await settled()
    const answer = await get("/v1/datasets/t/chunks/99")
    expect(answer.json()).toMatchObject({ facts: { chunk: 99, chunks: 1 } })
    expect(answer.json().detail).toContain("The version has 1 chunk;")
  })

  it.each(["POST", "PUT", "DELETE", "OPTIONS"] as const)("refuses %s, whatever it brings", async (method) => {
    const { app } = await setup()
    for (const url of ["/v1/datasets", "/nowhere"]) {
      const answer = await app.inject({
        method,
        url,
        payload: "{",
        headers: { "content-type": "application/json" },
      })
      expect(answer.json()).toMatchObject({ code: "route-not-found", hint: "Only GET and HEAD are served." })
    }
  })

  it("refuses forms and codings that are not offered, naming those that are", async () => {
    const { get, settled } = await setup()
    await settled()
    const form = await get("/v1/datasets/t/chunks/1", { accept: "text/html" })
    expect(form.json()).toMatchObject({ code: "not-acceptable", status: 406 })
    expect(form.json().hint).toContain("application/x-ndjson")
    const coding = await get("/v1/datasets/t/chunks/1", { "accept-encoding": "br, identity;q=0" })
    expect(coding.json()).toMatchObject({ code: "not-acceptable", status: 406 })
  })

  it.each<[string, string | Buffer, object, object?]>([
    [
      "file-encoding",
      Buffer.from("a,M\u00fcller\n1,x\n", "latin1"),
      { file: "t.csv", line: 1, byte: 3, value: "0xfc", row: 0 },
    ],
    ["file-nul", "a,b\0\n1,2\n", { line: 1, byte: 3, row: 0 }],
    ["header-invalid", "a,a\n", { line: 1, column: 2 }, { strict: true }],
    ["file-empty", "", { file: "t.csv" }],
    ["file-compression", gzipSync("a,b\n1,2\n").subarray(0, 25), { file: "t.csv", byte: 25 }],
    ["record-malformed", 'a,"b\n1,2\n', { line: 1, byte: 2 }],
  ])(
    "says %s of a file it refuses, in the dataset and instead of any chunk",
    async (code, content, facts, dialect) => {
      const { get, settled, folder } = await setup(content as string, { dialect })
      expect(await settled()).toMatchObject({
        state: "failed",
        version: null,
        columns: null,
        problem: { code },
      })
      for (const url of [paths.currentChunk("t", 1), paths.version("t", "0".repeat(64))]) {
        const answer = await get(url)
        expect(answer.statusCode).toBe(409)
        expect(answer.json()).toMatchObject({ code, facts })
        expect(answer.json().hint).toBeTruthy()
      }
      expect(folder.logged.filter(({ event }) => event === "version.failed")).toMatchObject([
        { dataset: "t", code },
      ])
    },
  )

  it("says format-ambiguous of dates that no row explains, and what to write", async () => {
    const { get, settled } = await setup("a\n03/04/2024\n05/06/2024\n", { columns: { types: { a: "date" } } })
    expect(await settled()).toMatchObject({ state: "failed", problem: { code: "format-ambiguous" } })
    const answer = await get(paths.currentChunk("t", 1))
    expect(answer.json()).toMatchObject({
      ...{ code: "format-ambiguous", status: 409 },
      facts: { file: "t.csv", column: "a", line: 2, value: "03/04/2024" },
    })
    expect(answer.json().hint).toContain("dd/MM/yyyy")
  })

  it("reports the first problem of a file, wherever its buffers end", async () => {
    const good = `a,b\n${"1,2\n".repeat(100_000)}`
    const { get, settled } = await setup(`${good}x,y,1\n${good}z`, { dialect: { ragged: "error" } })
    await settled()
    expect((await get(paths.currentChunk("t", 1))).json()).toMatchObject({
      code: "record-malformed",
      facts: { row: 100_001, line: 100_002, byte: good.length, value: "1" },
    })
  })
})
