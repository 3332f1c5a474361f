import { createHash } from "node:crypto"
import { rename } from "node:fs/promises"
import { join } from "node:path"
import {
  datasetSchema,
  datasetsSchema,
  manifestSchema,
  servedVersionsSchema,
  versionEvidenceSchema,
} from "@flatbed/contract"
import { Check } from "@flatbed/typebox"
import { afterEach, describe, expect, it } from "vitest"
import { openTestFolder, type TestFolder } from "../source.test-kit.ts"

const csv = "id,zip,on\n1,02134,True\n2,10115,false\n3,,False\n"
const open: TestFolder[] = []

async function setup(content = csv) {
  const folder = await openTestFolder(content)
  open.push(folder)
  return { ...(await folder.open()), folder }
}

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close()
})

describe("the catalog", () => {
  it("lists what is served, in the contract's form", async () => {
    const { get, manifest } = await setup()
    const { version } = await manifest()
    const answer = await get("/v1/datasets")
    expect(Check(datasetsSchema, answer.json())).toBe(true)
    expect(answer.headers["cache-control"]).toBe("no-cache")
    expect(answer.json()).toEqual({
      datasets: [
        {
          name: "t",
          state: "ready",
          version,
          rows: 3,
          bytes: csv.length,
          chunks: 2,
          links: {
            self: "/v1/datasets/t",
            version: `/v1/datasets/t/versions/${version}`,
            first_chunk: `/v1/datasets/t/versions/${version}/chunks/1`,
          },
        },
      ],
    })
  })

  it("describes a dataset with its columns, and why they have these types", async () => {
    const { get, settled } = await setup()
    const dataset = await settled()
    expect(Check(datasetSchema, dataset)).toBe(true)
    expect(dataset.columns).toEqual([
      { name: "id", type: "integer", nullable: false },
      { name: "zip", type: "text", nullable: true },
      { name: "on", type: "boolean", nullable: false },
    ])
    expect(dataset.evidence?.[1]).toMatchObject({
      column: "zip",
      nulls: 1,
      ruled_out: { type: "integer", row: 1, line: 2, value: "02134" },
    })
    const answer = await get("/v1/datasets/t")
    const again = await get("/v1/datasets/t", { "if-none-match": String(answer.headers.etag) })
    expect(again.statusCode).toBe(304)
  })

  it("describes a version by its manifest, digests and all", async () => {
    const { manifest } = await setup()
    const found = await manifest()
    expect(Check(manifestSchema, found)).toBe(true)
    const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")
    expect(found.files).toEqual([{ file: "t.csv", bytes: csv.length, sha256: sha256(csv) }])
    expect(found.rows).toBe(3)
    expect(found.chunks).toEqual([
      {
        chunk: 1,
        first_row: 1,
        rows: 2,
        rejects: 0,
        filtered: 0,
        file: "t.csv",
        byte_from: 10,
        byte_to: 37,
        sha256: sha256(csv.slice(10, 37)),
      },
      {
        chunk: 2,
        first_row: 3,
        rows: 1,
        rejects: 0,
        filtered: 0,
        file: "t.csv",
        byte_from: 37,
        byte_to: csv.length,
        sha256: sha256(csv.slice(37)),
      },
    ])
  })

  it("lists the versions that are served, and why the columns of each have their types", async () => {
    const { get, manifest, folder } = await setup()
    const first = (await manifest()).version
    expect((await get("/v1/datasets/t/versions")).json()).toEqual({
      dataset: "t",
      versions: [
        {
          version: first,
          current: true,
          rows: 3,
          rejects: 0,
          bytes: csv.length,
          links: { version: `/v1/datasets/t/versions/${first}` },
        },
      ],
    })
    // Replaced, and not written over: the file before is still open.
    await folder.folder.write("next.csv", "id,zip,on\n1,x,True\n")
    await rename(join(folder.folder.path, "next.csv"), join(folder.folder.path, "t.csv"))
    const second = (await manifest()).version
    const list = await get("/v1/datasets/t/versions")
    expect(Check(servedVersionsSchema, list.json())).toBe(true)
    expect(list.json().versions).toMatchObject([
      { version: second, current: true, rows: 1 },
      { version: first, current: false, rows: 3 },
    ])
    const evidence = await get(`/v1/datasets/t/versions/${first}/evidence`)
    expect(Check(versionEvidenceSchema, evidence.json())).toBe(true)
    expect(evidence.json()).toMatchObject({
      dataset: "t",
      version: first,
      evidence: [{ column: "id" }, { column: "zip", nulls: 1 }, { column: "on" }],
    })
    // Edited in place, its bytes are nowhere any more.
    await folder.folder.write("t.csv", "id,zip,on\n1,yy,True\n")
    const third = (await manifest()).version
    await get(`/v1/datasets/t/versions/${second}/chunks/1`)
    const left = await get("/v1/datasets/t/versions")
    expect(left.json().versions.map(({ version }: { version: string }) => version)).toEqual([third, first])
    const gone = await get(`/v1/datasets/t/versions/${second}/chunks/1`)
    expect(gone.json()).toMatchObject({ code: "version-gone" })
  })

  it("makes a header alone a version without rows or chunks", async () => {
    const { get, manifest } = await setup("a,b\n")
    expect(await manifest()).toMatchObject({ rows: 0, chunks: [] })
    const answer = await get("/v1/datasets/t/chunks/1")
    expect(answer.json()).toMatchObject({ code: "chunk-out-of-range", facts: { chunks: 0 } })
  })
})
