// If this fails, a table follows its file in another way than its pipeline's mode says, or loses rows on the way.
import { afterEach, beforeEach, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

let flatbed: Installation

const authors = [
  ["1", "Ada", "GB", "2024-01-01"],
  ["2", "Émile", "FR", "2024-01-01"],
  ["3", "", "", "2024-01-01"],
  ["4", "Ōe", "JP", "2024-01-01"],
  ["5", "Ama", "GH", "2024-01-01"],
  ["6", "Ngũgĩ", "KE", "2024-01-01"],
]
const write = async (rows: readonly (readonly string[])[]) =>
  await flatbed.write(
    "authors.csv",
    `id,name,country,seen\n${rows.map((row) => `${row.join(",")}\n`).join("")}`,
  )
const without = (...ids: string[]) => authors.filter(([id]) => !ids.includes(id ?? ""))

beforeEach(async () => {
  flatbed = await createInstallation({
    source: "datasets:\n  authors: { files: authors.csv, chunk: { rows: 2 } }\n",
    loader: `pipelines:
  fresh: { dataset: authors, table: fresh, mode: upsert, key: [id], order_by: seen }
  mirrored: { dataset: authors, table: mirrored, mode: mirror, key: [id], deletes: { limit: { share: 20% } } }
  marked: { dataset: authors, table: marked, mode: mirror, key: [id], deletes: { mode: soft, limit: { share: 50% } }, max_rejects: 1 }
  replaced: { dataset: authors, table: replaced, key: [id], dedupe: exact }
`,
  })
  await write(authors)
  await flatbed.startSource()
  expect(await flatbed.load()).toBe(0)
})

afterEach(async () => {
  await flatbed.close()
})

/** Runs `load` and answers its exit code and what it says. */
async function load(...args: string[]) {
  const program = flatbed.loader(["load", ...args])
  const { code } = await program.end(60_000)
  return { code, said: program.stdout() + program.stderr() }
}

const idsOf = async (table: string, where = "true") =>
  (await flatbed.query<{ id: number }>(`select id from public.${table} where ${where} order by id`)).map(
    ({ id }) => id,
  )

test("a changed, a new and a missing row: each mode does its own with them, and says so", async () => {
  await write([
    ...without("6").map((row) => (row[0] === "2" ? ["2", "Zola", "FR", "2024-01-02"] : row)),
    ["7", "Yu", "CN", ""],
  ])
  expect((await load("fresh")).said).toContain("public.fresh (1 new, 1 changed, 4 the same, 0 deleted)")
  expect((await load("mirrored")).said).toContain("public.mirrored (1 new, 1 changed, 4 the same, 1 deleted)")
  expect((await load("marked")).said).toContain("public.marked (1 new, 1 changed, 4 the same, 1 deleted)")
  expect((await load("replaced")).said).toContain("public.replaced (1 new, 1 changed, 4 the same, 1 deleted)")
  expect(await idsOf("fresh")).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(await idsOf("mirrored")).toEqual([1, 2, 3, 4, 5, 7])
  expect(await idsOf("replaced")).toEqual([1, 2, 3, 4, 5, 7])
  expect(await idsOf("marked", "_deleted_at is null")).toEqual([1, 2, 3, 4, 5, 7])
  expect(await idsOf("marked", "_deleted_at is not null")).toEqual([6])
  expect(await flatbed.query("select name from public.marked where id = 2")).toEqual([{ name: "Zola" }])

  await write(authors)
  expect((await load("marked")).said).toContain("(0 new, 2 changed, 4 the same, 1 deleted)")
  expect(await idsOf("marked", "_deleted_at is null")).toEqual([1, 2, 3, 4, 5, 6])
})

test("an older row does not overwrite a newer one", async () => {
  await write(
    authors.map(([id, name, country]) => [
      id ?? "",
      `late ${name}`,
      country ?? "",
      id === "1" ? "2024-01-02" : "2023-12-31",
    ]),
  )
  expect((await load("fresh")).said).toContain("(0 new, 1 changed, 0 the same, 5 older, 0 deleted)")
  expect(await flatbed.query("select name from public.fresh where id < 3 order by id")).toEqual([
    { name: "late Ada" },
    { name: "Émile" },
  ])
})

test("half a file deletes nothing until somebody says that this version may", async () => {
  await write(without("1", "2", "3"))
  const { code, said } = await load("mirrored")
  expect(code).toBe(5)
  expect(said).toContain(
    "deletes-refused: 3 rows of 6 rows in public.mirrored are not in the version; deletes.limit allows 10,000 rows and 20% of the table.",
  )
  expect(await idsOf("mirrored")).toEqual([1, 2, 3, 4, 5, 6])

  const wrong = await load("mirrored", "--allow-deletes", "0".repeat(12))
  expect(wrong.code).toBe(5)
  const [, version = ""] = /--allow-deletes ([0-9a-f]{12})/.exec(said) ?? []
  expect((await load("mirrored", "--allow-deletes", version)).code).toBe(0)
  expect(await idsOf("mirrored")).toEqual([4, 5, 6])
  expect((await load("mirrored", "--allow-deletes", "latest")).code).toBe(2)
})

test("a row without a key is set aside, and then nothing is deleted", async () => {
  await write([...without("6"), ["", "nobody", "", ""]])
  const { code, said } = await load("marked")
  expect(code).toBe(5)
  expect(said).toContain(
    "deletes-refused: 1 row of 6 rows in public.marked is not in the version, and 1 record of it was set aside",
  )
  expect(await idsOf("marked", "_deleted_at is null")).toHaveLength(6)

  const strict = await load("mirrored")
  expect(strict.code).toBe(5)
  expect(strict.said).toContain("rejects-over-limit")
  expect(
    await flatbed.query(
      "select code, column_name, line::integer from flatbed.rejects where found_by = 'loader'",
    ),
  ).toContainEqual({
    code: "null-key",
    column_name: "id",
    line: 7,
  })
})

test("a key twice in a version is refused with its rows, unless the rows are the same or one of them wins", async () => {
  await write([...authors, ["2", "Émile", "FR", "2024-01-01"]])
  expect((await load("mirrored")).said).toContain(
    "key-repeated: 1 key stands more than once in the version: 2 in rows 2, 7.",
  )
  expect((await load("replaced")).said).toContain("(0 new, 0 changed, 6 the same, 1 repeated, 0 deleted)")
  await write([...authors, ["2", "Zola", "FR", "2024-01-03"], ["2", "Hugo", "FR", "2024-01-02"]])
  expect((await load("fresh")).said).toContain("(0 new, 1 changed, 5 the same, 2 repeated, 0 deleted)")
  expect(await flatbed.query("select name from public.fresh where id = 2")).toEqual([{ name: "Zola" }])
})

test("a key that the dataset does not have is told, with the nearest name", async () => {
  await flatbed.write(
    "../loader.yaml",
    (
      await import("node:fs/promises").then(({ readFile }) =>
        readFile(`${flatbed.folder}/loader.yaml`, "utf8"),
      )
    ).replace("key: [id], order_by", "key: [idd], order_by"),
  )
  const { code, said } = await load("fresh")
  expect(code).toBe(5)
  expect(said).toContain('pipelines.fresh.key names "idd", which is not a column of the dataset.')
  expect(said).toContain('Did you mean "id"?')
})
