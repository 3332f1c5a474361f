import { Client } from "pg"
import { expect, it, onTestFinished } from "vitest"
import { type ChaosProxy, startChaosProxy } from "./chaos-proxy.ts"
import { createTestDatabase, type TestDatabase } from "./database.ts"

type Bundle = { database: TestDatabase; proxy: ChaosProxy; through: Client; direct: Client }

async function setup(): Promise<Bundle> {
  const database = await createTestDatabase({ template: false })
  onTestFinished(database.drop)
  const { hostname, port } = new URL(database.url)
  const proxy = await startChaosProxy({ host: hostname, port: Number(port) })
  onTestFinished(proxy.close)
  const direct = await connect(database.url)
  await direct.query("create table public.t (x int)")
  return { database, proxy, direct, through: await connect(proxy.rewrite(database.url)) }
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  client.on("error", () => undefined)
  await client.connect()
  onTestFinished(async () => {
    await client.end().catch(() => undefined)
  })
  return client
}

const count = async (client: Client) =>
  (await client.query("select count(*)::int as n from public.t")).rows[0].n

it("passes everything on while nothing is armed", async () => {
  const { through, proxy } = await setup()
  proxy.delay(1)
  const { rows } = await through.query("select repeat('x', 1000000) as x")
  expect(rows[0].x).toHaveLength(1_000_000)
  expect(proxy.connections()).toBe(1)
})

it("drops the reply to a COMMIT that Postgres has carried out", async () => {
  const { through, direct, proxy } = await setup()
  await through.query("begin")
  await through.query("insert into public.t values (1)")
  const fault = proxy.arm({ clientSends: "COMMIT" }, { kind: "drop-reply" })
  await expect(through.query("COMMIT")).rejects.toThrow()
  expect(fault.struck()).toBe(true)
  expect(await count(direct)).toBe(1)
})

it("cuts before a COMMIT is passed on, so that Postgres rolls back", async () => {
  const { through, direct, proxy } = await setup()
  await through.query("begin")
  await through.query("insert into public.t values (1)")
  proxy.arm({ clientSends: "COMMIT" }, { kind: "cut" })
  await expect(through.query("COMMIT")).rejects.toThrow()
  expect(await count(direct)).toBe(0)
})

it("strikes once: the next connection passes", async () => {
  const { through, database, proxy } = await setup()
  proxy.arm({ clientSends: "select 1" }, { kind: "cut" })
  await expect(through.query("select 1")).rejects.toThrow()
  const second = await connect(proxy.rewrite(database.url))
  expect((await second.query("select 1 as x")).rows).toEqual([{ x: 1 }])
})

it("drops everything after the n-th byte of the server", async () => {
  const { through, proxy } = await setup()
  const fault = proxy.arm({ serverBytes: 5000 }, { kind: "cut" })
  await expect(through.query("select repeat('x', 1000000) as x")).rejects.toThrow()
  expect(fault.struck()).toBe(true)
})

it("swallows both directions in a black hole, until it cuts", async () => {
  const { through, proxy } = await setup()
  const fault = proxy.arm({ clientSends: "select 2" }, { kind: "black-hole" })
  let settled = false
  const waiting = through.query("select 2").finally(() => {
    settled = true
  })
  waiting.catch(() => undefined)
  await expect.poll(() => fault.struck()).toBe(true)
  expect(settled).toBe(false)
  proxy.cutAll()
  await expect(waiting).rejects.toThrow()
})

it("refuses new connections while told to", async () => {
  const { proxy, database } = await setup()
  proxy.refuse(true)
  await expect(connect(proxy.rewrite(database.url))).rejects.toThrow()
  proxy.refuse(false)
  await connect(proxy.rewrite(database.url))
})
