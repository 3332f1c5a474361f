import { existsSync, lstatSync } from "node:fs"
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { temporaryFolder, waitFor } from "@flatbed/testing"
import { Client } from "pg"
import { expect, it, onTestFinished } from "vitest"
import { isAlive } from "./command-line.ts"
import { openPostgres, type Postgres, removePostgres } from "./postgres.ts"

type Bundle = {
  folder: string
  notes: string[]
  open: () => Promise<Postgres>
  serverPid: () => Promise<number>
}

async function setup(): Promise<Bundle> {
  const parent = await temporaryFolder()
  await chmod(parent.path, 0o755)
  const folder = join(parent.path, "with blank", "postgres")
  const notes: string[] = []
  onTestFinished(async () => {
    await removePostgres(folder)
    await parent.remove()
  })
  return {
    folder,
    notes,
    open: () => openPostgres({ folder, durable: false, note: (text) => notes.push(text) }),
    serverPid: async () =>
      Number((await readFile(join(folder, "data", "postmaster.pid"), "utf8")).split("\n")[0]),
  }
}

async function ask(url: string, question: string): Promise<unknown> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query({ text: question, rowMode: "array" })).rows[0]?.[0]
  } finally {
    await client.end()
  }
}

it("makes a Postgres 18 in UTF-8 that asks for a password, and keeps data and port over a stop", async () => {
  const { open } = await setup()
  const first = await open()
  const url = first.url("postgres")
  expect(await ask(url, "select current_setting('server_version_num')::int / 10000")).toBe(18)
  expect(await ask(url, "select current_setting('server_encoding')")).toBe("UTF8")
  expect(await ask(url, "select current_setting('listen_addresses')")).toBe("127.0.0.1")
  await expect(ask(url.replace(/:[0-9a-f]+@/, ":wrong@"), "select 1")).rejects.toThrow(
    "password authentication",
  )
  await ask(url, "create table public.kept as select 42 as x")
  await first.stop()
  await expect(ask(url, "select 1")).rejects.toThrow()

  const second = await open()
  expect(second.adopted).toBe(false)
  expect(second.url("postgres")).toBe(url)
  expect(await ask(url, "select x from public.kept")).toBe(42)
})

it("adopts a server that still runs, and starts over the lock file of one that was killed", async () => {
  const { open, serverPid } = await setup()
  const first = await open()
  const second = await open()
  expect(second).toMatchObject({ adopted: true, port: first.port })
  const pid = await serverPid()
  process.kill(pid, "SIGKILL")
  await waitFor(() => !isAlive(pid), { what: "the end of Postgres" })
  const third = await open()
  expect(third.adopted).toBe(false)
  expect(await ask(third.url("postgres"), "select 1")).toBe(1)
})

it("starts over a lock file whose process number belongs to another program by now", async () => {
  const { folder, open } = await setup()
  await (await open()).stop()
  const lock = [process.pid, join(folder, "data"), 0, 1, "", "127.0.0.1", "", "ready", ""].join("\n")
  await writeFile(join(folder, "data", "postmaster.pid"), lock)
  const again = await open()
  expect(again.adopted).toBe(false)
  expect(await ask(again.url("postgres"), "select 1")).toBe(1)
})

it("takes another port when the remembered one is in use", async () => {
  const { open } = await setup()
  const first = await open()
  await first.stop()
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(first.port, "127.0.0.1", resolve))
  onTestFinished(() => new Promise((resolve) => squatter.close(() => resolve())))
  const second = await open()
  expect(second.port).not.toBe(first.port)
  expect(await ask(second.url("postgres"), "select 1")).toBe(1)
})

it("two starts at once end up with one server", async () => {
  const { open } = await setup()
  const [one, two] = await Promise.all([open(), open()])
  expect(one.url("postgres")).toBe(two.url("postgres"))
  expect(await ask(one.url("postgres"), "select 1")).toBe(1)
})

it("makes the data again when initdb was killed half-way", async () => {
  const { folder, open } = await setup()
  await mkdir(join(folder, "making-4194304-x"), { recursive: true })
  await writeFile(join(folder, "making-4194304-x", "PG_VERSION"), "18\n")
  expect(await ask((await open()).url("postgres"), "select 1")).toBe(1)
  expect(existsSync(join(folder, "making-4194304-x"))).toBe(false)
})

it("refuses data of another major version, and says what to do", async () => {
  const { folder, open } = await setup()
  await (await open()).stop()
  await writeFile(join(folder, "data", "PG_VERSION"), "17\n")
  await expect(open()).rejects.toMatchObject({
    code: "database-refused",
    message: expect.stringContaining("made by Postgres 17; this is 18"),
    hint: expect.stringContaining("Move"),
  })
})

// Only root runs Postgres as somebody else.
if (process.getuid?.() === 0) {
  it("lies outside a clone that its account cannot enter, and says so once", async () => {
    const { folder, notes, open } = await setup()
    await chmod(join(folder, "..", ".."), 0o700)
    const first = await open()
    expect(await ask(first.url("postgres"), "select 1")).toBe(1)
    expect(lstatSync(folder).isSymbolicLink()).toBe(true)
    await first.stop()
    const second = await open()
    expect(await ask(second.url("postgres"), "select 1")).toBe(1)
    expect(notes).toHaveLength(1)
  })
}
