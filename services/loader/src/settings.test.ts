// If this file fails, a mistake in loader.yaml is found in the middle of the night instead of at the start.
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { readSettings } from "@flatbed/config"
import { temporaryFolder } from "@flatbed/testing"
import { expect, test } from "vitest"
import { checkSettings, listPipelines, settingsSchema } from "./settings.ts"

async function read(yaml: string, env: Record<string, string> = {}) {
  const folder = await temporaryFolder()
  const file = join(folder.path, "loader.yaml")
  await writeFile(file, yaml)
  try {
    return await readSettings({
      schema: settingsSchema,
      prefix: "FLATBED_LOADER",
      file,
      env,
      check: checkSettings,
    })
  } finally {
    await folder.remove()
  }
}

const head = `source: { url: "http://localhost:4000" }
database: { url: "postgres://u:secret@localhost/x" }
`

test("six lines are enough, the rest has defaults", async () => {
  const { settings } = await read(`${head}pipelines:\n  t: { dataset: d, table: t }\n`)
  expect(settings).toMatchObject({
    connections: 3,
    read_ahead: 2,
    timezone: "UTC",
    admin: { host: "127.0.0.1", port: 4101 },
    lease: { expires: 30_000 },
    source: { max_body: 64 * 2 ** 20 },
    pipelines: { t: { mode: "replace" } },
  })
  expect(listPipelines(settings)).toMatchObject([
    { name: "t", target: "public.t", table: { schema: "public", name: "t" } },
  ])
})

test("the environment overrides the file, and a token may come from a file of its own", async () => {
  const env = { FLATBED_LOADER__CONNECTIONS: "7", FLATBED_LOADER__LOG__LEVEL: "debug" }
  const { settings } = await read(`${head}pipelines: {}\n`, env)
  expect(settings).toMatchObject({ connections: 7, log: { level: "debug" } })
})

test("what no single setting can know is found, all at once", async () => {
  const yaml = `${head}timezone: Mars/Olympus
pipelines:
  a: { dataset: d, table: t }
  b: { dataset: d, table: public.t }
  c: { dataset: d, table: a.b.c }
  d: { dataset: d, table: flatbed.runs }
  e: { dataset: d, table: x, schedule: "99 * * * *" }
`
  const failure = await read(yaml).catch((error) => error)
  expect(failure).toMatchObject({ code: "settings-invalid", exitCode: 2 })
  for (const words of [
    "timezone",
    "pipelines.b.table",
    "which pipeline a loads already",
    "pipelines.c.table",
    "schema flatbed is the ledger's own",
    "pipelines.e.schedule",
  ]) {
    expect(failure.message).toContain(words)
  }
  expect(failure.message).not.toContain("secret")
})

test("an unknown mode and an unknown key are refused", async () => {
  const failure = await read(
    `${head}conections: 3\npipelines:\n  t: { dataset: d, table: t, mode: merge }\n`,
  ).catch((e) => e)
  expect(failure.message).toContain("connections")
  expect(failure.message).toContain("replace")
})

test("what shapes the table is hashed, what does not is left out", () => {
  const hash = (change: object) =>
    listPipelines({ pipelines: { t: { dataset: "d", table: "t", mode: "replace", ...change } } })[0]
      ?.settingsSha256
  expect(hash({ table: "public.t" })).toBe(hash({}))
  expect(hash({ schedule: "* * * * *" })).toBe(hash({}))
  expect(hash({ table: "u" })).not.toBe(hash({}))
  expect(hash({ dataset: "e" })).not.toBe(hash({}))
})
