import { createTestDatabase } from "@flatbed/testing"
import { Client } from "pg"
import { expect, it, onTestFinished } from "vitest"
import { findTables, findTurn, openDatabase } from "./turn.ts"

async function setup(): Promise<string> {
  const database = await createTestDatabase({ template: false })
  onTestFinished(database.drop)
  return database.url
}

it("gives the turn to one at a time, and again once it is closed", async () => {
  const url = await setup()
  const first = await findTurn(url)
  expect(first).toBeDefined()
  expect(await findTurn(url)).toBeUndefined()
  await first?.close()
  const second = await findTurn(url)
  expect(second).toBeDefined()
  await second?.close()
})

it("notices that Postgres has gone", async () => {
  const url = await setup()
  const turn = await findTurn(url)
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'flatbed npm start' and datname = current_database()",
  )
  await client.end()
  await turn?.lost
})

it("finds the tables that are there, in the order in which they were asked for", async () => {
  const url = await setup()
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(
    'create schema if not exists public; create table public.shops (id int); create schema other; create table other."A b" (id int); create view other.seen as select 1 as one',
  )
  await client.end()
  const wanted = ["public.gone", "other.A b", "shops", "other.shops", "other.seen", "public.shops"]
  expect(await findTables(url, wanted)).toEqual(["other.A b", "shops", "other.seen", "public.shops"])
})

it("makes a database once", async () => {
  const url = new URL(await setup())
  const name = `made_${process.pid}_${Date.now()}`
  await openDatabase(url.href, name)
  await openDatabase(url.href, name)
  const made = new URL(url)
  made.pathname = `/${name}`
  const client = new Client({ connectionString: made.href })
  await client.connect()
  await client.end()
  const cleaner = new Client({ connectionString: url.href })
  await cleaner.connect()
  await cleaner.query(`drop database ${name}`)
  await cleaner.end()
})
