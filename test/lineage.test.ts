// If this fails, a row of a table does not say from which file, row and version it is, or a row that stayed was written
// for no other reason.
import { waitFor } from "@flatbed/testing"
import { afterEach, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

let flatbed: Installation

afterEach(() => flatbed.close())

const own = "deletes: { limit: { share: 100% }, after_rejects: allow }"
const loader = `pipelines:
  replaced: { dataset: people, table: replaced, lineage: true, max_rejects: 1 }
  swapped: { dataset: people, table: swapped, publish: swap, lineage: true, max_rejects: 1 }
  different: { dataset: people, table: different, key: [id], lineage: true, max_rejects: 1 }
  fresh: { dataset: people, table: fresh, mode: upsert, key: [id], lineage: true, max_rejects: 1 }
  mirrored: { dataset: people, table: mirrored, mode: mirror, key: [id], lineage: true, max_rejects: 1, ${own} }
  marked: { dataset: people, table: marked, mode: mirror, key: [id], lineage: true, max_rejects: 1, deletes: { mode: soft, limit: { share: 100% }, after_rejects: allow } }
`
const keyed = ["different", "fresh", "mirrored", "marked"]
const [a, b] = ["people/a.csv", "people/b.csv"]

/** Per row its id, file, number and version. */
const lineageOf = async (table: string) =>
  (
    await flatbed.query(
      `select id, _flatbed_file, _flatbed_row::integer, _flatbed_version from public.${table} order by id`,
    )
  ).map(Object.values)
const timesOf = async (table: string) =>
  await flatbed.query<{ version: string; times: number; nulls: number }>(
    `select _flatbed_version as version, count(distinct _loaded_at)::integer as times,
            count(*) filter (where _loaded_at is null)::integer as nulls
       from public.${table} group by 1 order by min(_loaded_at)`,
  )

async function load(code: number): Promise<string> {
  const program = flatbed.loader(["load"])
  expect((await program.end(60_000)).code, program.stderr()).toBe(code)
  const [{ version } = { version: "" }] = await flatbed.query<{ version: string }>(
    "select version from flatbed.publications order by publication_id desc limit 1",
  )
  return version
}

test("each row says whence it is, in every mode; one that stays as it is keeps what it says", async () => {
  flatbed = await createInstallation({
    source: `datasets: { people: { files: "people/*.csv", chunk: { rows: 2 }, columns: { types: { id: integer } } } }`,
    loader,
  })
  // Row 2 is set aside, and counted.
  await flatbed.write(a, "id,name\n1,Ada\n2\n3,Bo\n4,Cy\n")
  await flatbed.write(b, "id,name\n5,Di\n6,Ed\n")
  await flatbed.startSource()
  const first = await load(6)
  const before = [
    [1, a, 1, first],
    [3, a, 3, first],
    [4, a, 4, first],
    [5, b, 5, first],
    [6, b, 6, first],
  ]
  for (const table of ["replaced", "swapped", ...keyed]) {
    expect([table, await lineageOf(table)]).toEqual([table, before])
    expect([table, await timesOf(table)]).toEqual([table, [{ version: first, times: 1, nulls: 0 }]])
  }

  // 3 is changed, 7 is new, 4 is gone; 5 and 6 have other numbers now.
  await flatbed.write(a, "id,name\n1,Ada\n3,Bob\n")
  await flatbed.write(b, "id,name\n7,Flo\n5,Di\n6,Ed\n")
  const servesBoth = async () => {
    const response = await fetch(`${flatbed.sourceUrl}/v1/datasets/people`)
    return ((await response.json()) as { rows?: number }).rows === 5
  }
  await waitFor(servesBoth, { what: "the version of both files" })
  const second = await load(0)
  for (const table of ["replaced", "swapped"]) {
    expect([table, await lineageOf(table)]).toEqual([
      table,
      [
        [1, a, 1, second],
        [3, a, 2, second],
        [5, b, 4, second],
        [6, b, 5, second],
        [7, b, 3, second],
      ],
    ])
    expect([table, await timesOf(table)]).toEqual([table, [{ version: second, times: 1, nulls: 0 }]])
  }
  const stayed = before.filter(([id]) => id !== 3 && id !== 4)
  const gone = before.filter(([id]) => id === 4)
  const byId = (x: readonly unknown[], y: readonly unknown[]) => Number(x[0]) - Number(y[0])
  const merged = [...stayed, [3, a, 2, second], [7, b, 3, second]]
  expect(await lineageOf("different")).toEqual([...merged].sort(byId))
  expect(await lineageOf("mirrored")).toEqual([...merged].sort(byId))
  expect(await lineageOf("fresh")).toEqual([...merged, ...gone].sort(byId))
  expect(await lineageOf("marked")).toEqual([...merged, ...gone].sort(byId))
  expect(await flatbed.query("select id from public.marked where _deleted_at is not null")).toEqual([
    { id: 4 },
  ])
  for (const table of keyed) {
    expect([table, await timesOf(table)]).toEqual([
      table,
      [
        { version: first, times: 1, nulls: 0 },
        { version: second, times: 1, nulls: 0 },
      ],
    ])
  }
}, 120_000)

test("what is appended says whence it is, and what was there goes on saying what it said", async () => {
  flatbed = await createInstallation({
    source: `datasets: { people: { files: "people/*.csv" } }`,
    loader: "pipelines: { appended: { dataset: people, table: appended, mode: append, lineage: true } }",
  })
  await flatbed.write(a, "id,name\n1,Ada\n")
  await flatbed.write(b, "id,name\n4,Di\n")
  await flatbed.startSource()
  const first = await load(0)
  const before = [
    [1, a, 1, first],
    [4, b, 2, first],
  ]
  expect(await lineageOf("appended")).toEqual(before)

  // The first file has grown, so the row of the second has another number now; a third has come.
  const c = "people/c.csv"
  await flatbed.write(a, "id,name\n1,Ada\n2,Bo\n")
  await flatbed.write(c, "id,name\n5,Ed\n")
  const servesBoth = async () => {
    const response = await fetch(`${flatbed.sourceUrl}/v1/datasets/people`)
    return ((await response.json()) as { rows?: number }).rows === 4
  }
  await waitFor(servesBoth, { what: "the version of three files" })
  const second = await load(0)
  expect(await lineageOf("appended")).toEqual([
    [1, a, 1, first],
    [2, a, 2, second],
    [4, b, 2, first],
    [5, c, 4, second],
  ])
  expect(await timesOf("appended")).toEqual([
    { version: first, times: 1, nulls: 0 },
    { version: second, times: 1, nulls: 0 },
  ])
}, 120_000)
