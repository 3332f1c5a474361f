// If this fails, a cell is not cleaned as the settings say, or a row that the filter leaves out is lost without a trace.
import { afterEach, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

const open: Installation[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

const sales = [
  "id,price,sold_on,note,active,mail,zip",
  '1,"1,50",31.12.2024,"  a   b # ",yes,x@y.z,02134',
  '2,"-3,00",01.02.2024,NA,no,q@r.s,00000',
  '3,"2.000,25",03.04.2024,*z*,yes,,1e3',
  'x,"2,25",03.04.2024,*z*,yes,,7',
  '5,"2,25",30.02.2024,*z*,yes,,7',
  '6,"9007199254740993,10",29.02.2024,"NA",no,"",-0',
  "7,,29.02.2024,,no,,",
  "",
].join("\r\n")

const source = (reader: string) => `
datasets:
  sales:
    files: "sales.csv"
    chunk: { rows: 2 }
    dialect: { null_values: ["", "NA"], reader: ${reader} }
    columns:
      select: [id, price, sold_on, note, active, mail, zip]
      rename: { sold_on: sale_date }
      types: { id: bigint, price: numeric, sale_date: date, zip: text }
      formats: { sale_date: "dd.MM.yyyy" }
      booleans: { active: { true: [yes], false: [no] } }
      clean:
        price: [trim, { decimal: ",", group: "." }]
        note: [collapse_spaces, { strip_characters: "#*" }, trim]
        mail: [{ hash: sha256 }]
    filter: { price: { gt: 0 } }
`
const loader = "pipelines: { sales: { dataset: sales, table: public.sales, max_rejects: 2 } }"

// By `printf x@y.z | sha256sum`, and of nothing.
const hashed = "sha256:b8e30d1addc62fa00ee5c1c6d01b5e006963c1b178e6b35458daf6c44875468d"
const hashedNothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

test.each(["bytes", "csv-parse"])(
  "cells arrive cleaned, filtered rows are counted, by %s",
  async (reader) => {
    const installation = await createInstallation({ source: source(reader), loader })
    open.push(installation)
    await installation.write("sales.csv", sales)
    await installation.startSource()
    const run = installation.loader(["load"])
    expect(await run.end()).toMatchObject({ code: 6 })

    const rows = await installation.query(
      `select id, price::text, sale_date::text, note, active, mail, zip from public.sales order by id`,
    )
    expect(rows).toEqual([
      {
        id: "1",
        price: "1.50",
        sale_date: "2024-12-31",
        note: "a b",
        active: true,
        mail: hashed,
        zip: "02134",
      },
      { id: "3", price: "2000.25", sale_date: "2024-04-03", note: "z", active: true, mail: null, zip: "1e3" },
      {
        ...{ id: "6", price: "9007199254740993.10", sale_date: "2024-02-29", note: "NA", active: false },
        ...{ mail: hashedNothing, zip: "-0" },
      },
    ])
    const rejects = await installation.query(
      `select line, column_name, value, code from flatbed.rejects order by line`,
    )
    expect(rejects).toEqual([
      { line: "5", column_name: "id", value: "x", code: "type-error" },
      { line: "6", column_name: "sale_date", value: "30.02.2024", code: "type-error" },
    ])
    // Seven records: three rows, two rejects, two left out (a price below zero, and none at all).
    const [publication] = await installation.query("select rows, rejects, filtered from flatbed.publications")
    expect(publication).toEqual({ rows: "3", rejects: "2", filtered: "2" })
    const [receipts] = await installation.query(
      "select sum(rows)::integer as rows, sum(rejects)::integer as rejects, sum(filtered)::integer as filtered from flatbed.chunks",
    )
    expect(receipts).toEqual({ rows: 5, rejects: 2, filtered: 2 })

    const ask = async (path: string) =>
      (await (await fetch(`${installation.sourceUrl}/v1/datasets/sales${path}`)).json()) as Record<
        string,
        string
      >
    const { version } = await ask("")
    const { line, byte_from: from, byte_to: to, raw } = await ask(`/versions/${version}/rows/2`)
    const before = sales.indexOf('3,"2.000,25"')
    expect([line, from, to]).toEqual([4, before, sales.indexOf("x,")])
    // Since mails are hashed, nobody gets the record as it is written.
    expect(raw).toBe("")
  },
)

test("both readers, and a cache read again, give one version; another key or filter gives another", async () => {
  const versionOf = async (yaml: string) => {
    const installation = await createInstallation({ source: yaml, loader })
    open.push(installation)
    await installation.write("sales.csv", sales)
    const versions: string[] = []
    for (let start = 0; start < 2; start++) {
      const program = await installation.startSource()
      let found: { state: string; version: string }
      do found = (await (await fetch(`${installation.sourceUrl}/v1/datasets/sales`)).json()) as typeof found
      while (found.state === "indexing")
      const chunk = await fetch(`${installation.sourceUrl}/v1/datasets/sales/chunks/1`)
      versions.push(`${found.version} ${await chunk.text()}`)
      program.kill("SIGTERM")
      await program.end()
    }
    expect(versions[1]).toBe(versions[0])
    return versions[0]?.slice(0, 64)
  }
  const byKey = (key: string) =>
    `hash_key: ${key}\n${source("bytes").replace("{ hash: sha256 }", "{ hash: hmac }")}`
  const versions = await Promise.all([
    versionOf(source("bytes")),
    versionOf(source("csv-parse")),
    versionOf(source("bytes").replace("gt: 0", "gt: 1")),
    versionOf(byKey("a-key-of-this-server")),
    versionOf(byKey("a-key-of-that-server")),
  ])
  expect(versions[1]).toBe(versions[0])
  expect(new Set(versions).size).toBe(4)
})
