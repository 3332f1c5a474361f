import { paths } from "@flatbed/contract"
import { afterEach, describe, expect, it } from "vitest"
import { openTestFolder, type TestFolder } from "../source.test-kit.ts"

const csv = 'id,name\n1,Ann\n2,""\n3\n4,\n5,"x,\ny"\n'
const open: TestFolder[] = []

async function setup(content = csv, written?: Record<string, unknown>) {
  const folder = await openTestFolder(content)
  open.push(folder)
  const source = await folder.open(written)
  await source.settled()
  return source
}

const preview = (rows: number) => `${paths.preview("t")}?rows=${rows}`

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close()
})

describe("a preview", () => {
  it("is the first rows as objects, across chunks, without what is set aside", async () => {
    const { get, manifest } = await setup()
    const { version } = await manifest()
    const answer = await get("/v1/datasets/t/preview")
    expect(answer.json()).toEqual([
      { id: 1, name: "Ann" },
      { id: 2, name: "" },
      { id: 4, name: null },
      { id: 5, name: "x,\ny" },
    ])
    expect(answer.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-cache",
      "flatbed-version": version,
      "flatbed-rows": "5",
      "flatbed-rejects": "1",
    })
  })

  it("counts records, those set aside among them", async () => {
    const { get } = await setup()
    const ids = async (rows: number) =>
      (await get(preview(rows))).json<{ id: number }[]>().map(({ id }) => id)
    expect(await ids(1)).toEqual([1])
    expect(await ids(3)).toEqual([1, 2])
    expect(await ids(4)).toEqual([1, 2, 4])
    expect(await ids(1000)).toEqual([1, 2, 4, 5])
  })

  it("has twenty rows unless told", async () => {
    const { get } = await setup(`id\n${Array.from({ length: 30 }, (_, i) => `${i}\n`).join("")}`)
    expect((await get("/v1/datasets/t/preview")).json()).toHaveLength(20)
    expect((await get(preview(21))).json()).toHaveLength(21)
  })

  it("is CSV when asked for, and has a tag of its own for each form and number", async () => {
    const { get } = await setup()
    const answer = await get(preview(2), { accept: "text/csv" })
    expect(answer.headers["content-type"]).toBe("text/csv; charset=utf-8; header=present")
    expect(answer.body).toBe('id,name\r\n1,Ann\r\n2,""\r\n')
    const other = await get(preview(3), { accept: "text/csv" })
    const json = await get(preview(2))
    expect(new Set([answer, other, json].map(({ headers }) => headers.etag)).size).toBe(3)
    const again = await get(preview(2), { "if-none-match": String(json.headers.etag) })
    expect(again.statusCode).toBe(304)
  })

  it("is no chunk, so it is not offered as NDJSON", async () => {
    const { get } = await setup()
    const answer = await get(preview(2), { accept: "application/x-ndjson" })
    expect(answer.json()).toMatchObject({ code: "not-acceptable", status: 406 })
  })

  it("is empty for a header alone", async () => {
    const { get } = await setup("id,name\n")
    expect((await get(preview(5))).json()).toEqual([])
    expect((await get(preview(5), { accept: "text/csv" })).body).toBe("id,name\r\n")
  })

  it.each(["0", "1001", "x", "", "01", "-1", "1e2", "5&rows=6"])("refuses rows=%s", async (rows) => {
    const { get } = await setup()
    const answer = await get(`/v1/datasets/t/preview?rows=${rows}`)
    expect(answer.json()).toMatchObject({ code: "request-invalid", status: 400 })
    expect(answer.json().detail).toContain("1 to 1000")
  })

  it("of an unknown dataset is refused as elsewhere", async () => {
    const { get } = await setup()
    expect((await get(`${paths.preview("tt")}?rows=2`)).json()).toMatchObject({ code: "dataset-not-found" })
  })

  it("waits its turn when no memory is left", async () => {
    const { get } = await setup(csv, { buffer_budget: "1B" })
    const answers = await Promise.all(Array.from({ length: 20 }, () => get("/v1/datasets/t/preview")))
    const codes = new Set(answers.map(({ statusCode }) => statusCode))
    expect(codes).toContain(200)
    expect(codes).toContain(503)
  })
})
