// If this file fails, statements are counted that were not made, or not counted.
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
