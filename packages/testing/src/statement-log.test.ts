// If this file fails, statements or round trips are counted that were not made, or not counted.
import pg from "pg"
import { expect, it } from "vitest"
import { createTestDatabase } from "./database.ts"
import { startStatementLog } from "./statement-log.ts"

it("notes every statement, simple or with values, and nothing that only looks like one in data", async () => {
  const database = await createTestDatabase({ template: false })
  const log = await startStatementLog(database.url)
  const client = new pg.Client({ connectionString: log.rewrite(database.url) })
  await client.connect()
  const long = `select '${"x".repeat(200_000)}'`
  await client.query("select 1")
  await client.query("select $1::text", [`Q select 2 ${"x".repeat(200_000)}`])
  await client.query(long)
  await client.end()
  expect(log.statements()).toEqual(["select 1", "select $1::text", long])
  await log.close()
  await database.drop()
})

it("counts each answer that a client waits for, however much it asks for at once", async () => {
  const database = await createTestDatabase({ template: false })
  const log = await startStatementLog(database.url)
  const client = new pg.Client({ connectionString: log.rewrite(database.url) })
  await client.connect()
  const waitsOf = async (text: string, values?: string[]) => {
    const before = log.roundTrips()
    await client.query(text, values).catch(() => undefined)
    await client.query("select 1")
    return log.roundTrips() - before - 1
  }
  expect(log.roundTrips()).toBeGreaterThan(0)
  expect(await waitsOf("select 1")).toBe(1)
  expect(await waitsOf("select 1; select 2; select 3")).toBe(1)
  expect(await waitsOf("select $1::text", ["x".repeat(200_000)])).toBe(1)
  expect(await waitsOf("select 1; select 1/0; select 2")).toBe(1)
  await client.query("create temporary table t (a text)")
  // The driver sends the rows, or here that it has none, when it is asked for them.
  expect(await waitsOf("copy t from stdin")).toBe(2)
  await client.end()
  await log.close()
  await database.drop()
})
