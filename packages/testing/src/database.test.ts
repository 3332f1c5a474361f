import { Client } from "pg"
import { expect, it, onTestFinished } from "vitest"
import { createTestDatabase } from "./database.ts"

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  // drop() ends the connection from the server's side.
  client.on("error", () => undefined)
  await client.connect()
  return client
}

it("gives every caller a database of its own, in UTF-8, with an empty search path", async () => {
  const databases = await Promise.all([createTestDatabase(), createTestDatabase()])
  onTestFinished(async () => {
    for (const database of databases) await database.drop()
  })
  expect(databases[0].name).not.toBe(databases[1].name)
  const client = await connect(databases[0].url)
  onTestFinished(() => client.end())
  const { rows } = await client.query(
    "select current_database() as name, current_setting('server_encoding') as encoding, current_setting('search_path') as path",
  )
  expect(rows).toEqual([{ name: databases[0].name, encoding: "UTF8", path: '""' }])
  await client.query("create table public.t (x text)")
  await expect(client.query("select * from t")).rejects.toThrow('relation "t" does not exist')
})

it("drops a database although somebody is connected", async () => {
  const database = await createTestDatabase({ template: false })
  const client = await connect(database.url)
  await database.drop()
  await expect(client.query("select 1")).rejects.toThrow()
  await expect(connect(database.url)).rejects.toThrow("does not exist")
})
