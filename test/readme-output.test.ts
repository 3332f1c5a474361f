// If this fails, a README may show what its commands do not print, and no test says so.
import { readFile } from "node:fs/promises"
import { createTestDatabase, type TestDatabase, temporaryFolder } from "@flatbed/testing"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { disagreements } from "./readme-output.test-kit.ts"

const block = (text: string) => `# A page\n\n\`\`\`console\n${text}\n\`\`\`\n`
const question = `$ psql "$DATABASE_URL" -c "select 'a' || n as name, n as number from generate_series(9, 10) as n"`
const drawn = ` name | number
------+--------
 a9   |      9
 a10  |     10
(2 rows)`

let database: TestDatabase
const closers: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  closers.push(database.drop)
})

afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

async function compare(page: string): Promise<{ found: string[]; page: string }> {
  const folder = await temporaryFolder()
  closers.push(folder.remove)
  const file = await folder.write("README.md", page)
  const setup = { sourceUrl: "http://127.0.0.1:1", databaseUrl: database.url, env: {} }
  const others = (command: string) => (command === "cp a b" ? Promise.resolve("") : undefined)
  return { found: await disagreements(file, { ...setup, others }), page: await readFile(file, "utf8") }
}

test("a page that shows what psql draws agrees, also where … stands for some of it", async () => {
  expect((await compare(block(`$ cp a b\n${question}\n${drawn}`))).found).toEqual([])
  expect((await compare(block(`${question}\n…\n a10  |     10\n(2 rows)`))).found).toEqual([])
})

test("a figure that is not the printed one is told with its command", async () => {
  const { found } = await compare(block(`${question}\n${drawn.replace(" 10\n", " 11\n")}`))
  expect(found).toHaveLength(1)
  expect(found[0]).toContain("a10  |     11")
  expect(found[0]).toContain("a10  |     10")
})

test("a page without a command, and a command that no page may show, are errors", async () => {
  await expect(compare("# Nothing")).rejects.toThrow("has no console block")
  await expect(compare(block("$ rm -r /"))).rejects.toThrow("not one of the commands")
})

test("UPDATE_DOCS=1 writes what was printed, and leaves lines that agree as they are", async () => {
  vi.stubEnv("UPDATE_DOCS", "1")
  const shown = drawn.replace(" 10\n", " 11\n").replace("a9   |      9", "a9   |      …")
  const { found, page } = await compare(block(`${question}\n${shown}`))
  vi.unstubAllEnvs()
  expect(found).toEqual([])
  expect(page).toBe(block(`${question}\n${drawn.replace("a9   |      9", "a9   |      …")}`))
})
