// If this file fails, connections leak or a broken one is used again, until Postgres has none to spare.
import { createTestDatabase, type TestDatabase } from "@flatbed/testing"
import { afterEach, beforeEach, expect, test } from "vitest"
import { patience } from "../retry.ts"
import { copyRows } from "./copy.ts"
import { type Database, openDatabase, type Session } from "./database.ts"

let database: TestDatabase
let pool: Database

beforeEach(async () => {
  database = await createTestDatabase()
  pool = openDatabase(
    {
      url: database.url,
      ledgerSchema: "flatbed",
      connectTimeoutMs: 4000,
      statementTimeoutMs: 60_000,
      lockTimeoutMs: 5000,
      retries: { attempts: 2, capMs: 1 },
    },
    { name: "test", connections: 3, patience },
  )
  await pool.transaction((session) => session.query("create table public.t (n integer)"), {
    doing: "making t",
  })
})

afterEach(async () => {
  await pool.close()
  await database.drop()
})

const copy = (text: string) => async (session: Session) =>
  await copyRows(session, { schema: "public", name: "t" }, ["n"], Buffer.from(text))

test("a connection whose COPY was refused is discarded, and the pool is back to idle", async () => {
  expect(pool.sessions()).toEqual({ open: 1, busy: 0 })
  await expect(pool.transaction(copy("1\nx\n"), { doing: "loading" })).rejects.toMatchObject({
    code: "data-refused",
  })
  expect(pool.sessions()).toEqual({ open: 0, busy: 0 })
  expect(await pool.transaction(copy("1\n2\n"), { doing: "loading" })).toBe(2)
  expect(pool.sessions()).toEqual({ open: 1, busy: 0 })
})

test("many refused COPYs at once leave no connection in use, and the next ones are taken", async () => {
  const bad = Array.from({ length: 20 }, () => pool.transaction(copy("x\n"), { doing: "loading" }))
  const results = await Promise.allSettled(bad)
  expect(results.every(({ status }) => status === "rejected")).toBe(true)
  expect(pool.sessions().busy).toBe(0)
  const good = Array.from({ length: 20 }, () => pool.transaction(copy("1\n"), { doing: "loading" }))
  expect(await Promise.all(good)).toEqual(Array(20).fill(1))
  expect(pool.sessions()).toEqual({ open: 3, busy: 0 })
})
