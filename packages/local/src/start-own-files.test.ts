// If this fails, a newcomer's own file does not arrive, or what is wrong with it stays a riddle.
import { symlink } from "node:fs/promises"
import { join } from "node:path"
import { startProcess, type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { Client } from "pg"
import { expect, it, onTestFinished } from "vitest"
import { findFreePort } from "./free-port.ts"
import { openPostgres, removePostgres } from "./postgres.ts"

const clone = join(import.meta.dirname, "..", "..", "..")

/** A clone that has its own .flatbed, so that nothing here meets an `npm start` of the developer. */
async function setup() {
  const folder = await temporaryFolder()
  onTestFinished(async () => {
    await removePostgres(join(folder.path, ".flatbed", "postgres"))
    await folder.remove()
  })
  for (const name of ["services", "data"]) await symlink(join(clone, name), join(folder.path, name))
  const starter = await folder.write(
    "start.mjs",
    `import { start } from ${JSON.stringify(join(clone, "packages/local/dist/start.js"))}
     process.exitCode = await start({
       root: process.cwd(), once: true, from: process.cwd() + "/mine",
       ...(process.argv[2] === "--rows" ? { files: [], rows: Number(process.argv[3]) } : { files: process.argv.slice(2) }),
       env: process.env, signal: new AbortController().signal, print: console.log, note: console.error })`,
  )
  const port = await findFreePort(undefined)
  const load = async (...files: string[]) => {
    const program = startProcess({
      script: starter,
      args: files,
      cwd: folder.path,
      env: {
        FLATBED_SOURCE__LISTEN__PORT: String(port),
        FLATBED_SOURCE__ADMIN__PORT: "0",
        FLATBED_LOADER__SOURCE__URL: `http://127.0.0.1:${port}`,
      },
    })
    onTestFinished(program.close)
    const { code } = await program.end(120_000)
    return { code, said: `${program.stdout()}${program.stderr()}` }
  }
  return { folder, load }
}

async function ask(folder: TemporaryFolder, ...questions: string[]): Promise<unknown[][][]> {
  const notes = () => undefined
  const postgres = await openPostgres({
    folder: join(folder.path, ".flatbed", "postgres"),
    durable: true,
    note: notes,
  })
  const client = new Client({ connectionString: postgres.url("flatbed") })
  await client.connect()
  try {
    const answers: unknown[][][] = []
    for (const text of questions) answers.push((await client.query({ text, rowMode: "array" })).rows)
    return answers
  } finally {
    await client.end()
    await postgres.stop()
  }
}

it("loads quoted, Unicode, header-only and long files, each into a table of its name", async () => {
  const { folder, load } = await setup()
  await folder.write("mine/Quoted Cells (2).csv", 'id,note\r\n1,"a, ""b""\r\nc"\r\n2,""\r\n3,\r\n')
  await folder.write("mine/deep/naïve.csv", "Straße;größe\nÄpfel 🍎;1,5\nŁódź;0,25\n")
  await folder.write("mine/header only.csv", "zip,city\n")
  const lines = Array.from({ length: 100_000 }, (_, i) => `${i + 1},${(i * 7) % 1000},name ${i % 13}`)
  await folder.write("mine/long.csv", `id,amount,name\n${lines.join("\n")}\n`)
  const { code, said } = await load(
    "Quoted Cells (2).csv",
    "deep/naïve.csv",
    "header only.csv",
    join(folder.path, "mine", "long.csv"),
  )
  expect(said).toContain(".flatbed/start/source.yaml")
  expect(code, said).toBe(0)
  const [quoted, unicode, headerOnly, columns, long] = await ask(
    folder,
    "select id, note from public.quoted_cells_2 order by id",
    'select "Straße", "größe" from public.naive order by 2',
    "select count(*)::int from public.header_only",
    "select column_name::text from information_schema.columns where table_name = 'header_only' order by ordinal_position",
    "select count(*)::int, sum(id)::text, sum(amount)::text, count(distinct name)::int from public.long",
  )
  expect(quoted).toEqual([
    [1, 'a, "b"\r\nc'],
    [2, ""],
    [3, null],
  ])
  expect(unicode).toEqual([
    ["Łódź", "0.25"],
    ["Äpfel 🍎", "1.5"],
  ])
  expect(headerOnly).toEqual([[0]])
  expect(columns).toEqual([["zip"], ["city"]])
  // Gauss for the ids; 100 times the sum of 0 to 999 for the amounts, because 7 and 1000 have no common factor.
  expect(long).toEqual([[100_000, "5000050000", "49950000", 13]])
}, 120_000)

it("says what only the newcomer can decide about a file, and loads it as it is written", async () => {
  const { folder, load } = await setup()
  await folder.write("mine/visits.csv", "id,day\n1,01/02/2024\n2,03/04/2024\n")
  const { code, said } = await load("visits.csv")
  expect(code, said).toBe(0)
  expect(said).toMatch(/visits\.csv: Column "day" seems to hold dates and stays text.*dd\/MM\/yyyy/)
  expect(await ask(folder, "select day from public.visits order by id")).toEqual([
    [["01/02/2024"], ["03/04/2024"]],
  ])
}, 120_000)

it("names the line of a record with too many cells, and leaves the table alone", async () => {
  const { folder, load } = await setup()
  await folder.write("mine/ragged.csv", "id,name\n1,a\n2,b\n3,c\n")
  expect(await load("ragged.csv")).toMatchObject({ code: 0 })
  await folder.write("mine/ragged.csv", "id,name\n1,a\n2,b,c\n3,d\n")
  const { code, said } = await load("ragged.csv")
  expect(code).toBe(5)
  expect(said).toContain("ragged.csv")
  expect(said).toMatch(/line\W+3\b/)
  expect(await ask(folder, "select name from public.ragged order by id")).toEqual([[["a"], ["b"], ["c"]]])
}, 120_000)

it("with rows, makes a file of so many customers, loads it, and takes the same file the next time", async () => {
  const { folder, load } = await setup()
  const first = await load("--rows", "25000")
  expect(first.code, first.said).toBe(0)
  expect(first.said).toMatch(/Making 25,000 customers[\s\S]*telecom_25000\.csv: 2\.3 MB, made in/)
  expect(first.said).toMatch(/kill -9 [0-9]+ in a second terminal/)
  const again = await load("--rows", "25000")
  expect(again.code, again.said).toBe(0)
  expect(again.said).not.toContain("Making")
  expect(again.said).toContain("up to date")
  expect(again.said).not.toContain("kill -9")
  expect(again.said).toContain("public.telecom_25000 is loaded already")
  expect(again.said).toContain("npm start -- --rows 25001")
  const question = 'select count(*)::int, count(distinct "phone number")::int from public.telecom_25000'
  expect(await ask(folder, question)).toEqual([[[25_000, 25_000]]])
}, 120_000)
