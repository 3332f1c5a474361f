// If this file fails, `flatbed-source config` shows other settings than the source runs with, or a secret.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterEach, beforeEach, expect, test } from "vitest"
import { runCommand } from "./command.test-kit.ts"
import { configSchemaCommand, configShowCommand, configValidateCommand } from "./config.ts"

let folder: TemporaryFolder
let configFile: string
const digest = "0123456789abcdef".repeat(4)

beforeEach(async () => {
  folder = await temporaryFolder()
  configFile = await folder.write(
    "source.yaml",
    `listen: { port: 4010 }
auth:
  tokens: [{ name: warehouse, sha256: "${digest}", datasets: ["*"] }]
datasets:
  people: { files: people.csv, chunk: { rows: 10 } }
`,
  )
})

afterEach(() => folder.remove())

type Shown = { settings: Record<string, unknown>; from: Record<string, string> }

test("config show says what is in effect, whence it is, and no secret", async () => {
  const env = { FLATBED_SOURCE__HASH_KEY: "canary-canary-canary", FLATBED_SOURCE__SETTLE: "5s" }
  const { code, text, value } = await runCommand<Shown>(configShowCommand, { configFile, env })
  expect(code).toBe(0)
  expect(value.settings).toMatchObject({
    hash_key: "***",
    settle: "5s",
    auth: { tokens: [{ name: "warehouse", sha256: "***", datasets: ["*"] }] },
    datasets: { people: { files: "people.csv", chunk: { rows: 10 } } },
    expand_limit: "64GiB",
  })
  expect(value.from).toMatchObject({
    "listen.port": `${configFile}:1`,
    "listen.host": "default",
    hash_key: "FLATBED_SOURCE__HASH_KEY",
    "auth.tokens": `${configFile}:3`,
    "datasets.people.chunk.rows": `${configFile}:5`,
    "datasets.people.columns.drop": "default",
  })
  expect(text).toMatch(/^settle: +5s +# FLATBED_SOURCE__SETTLE$/m)
  expect(text + JSON.stringify(value)).not.toMatch(/canary|0123456789abcdef/)
  const below = await runCommand<Shown>(configShowCommand, { configFile, args: { setting: "listen" } })
  expect(below.value.settings).toEqual({ "listen.host": "127.0.0.1", "listen.port": 4010 })
})

test("config validate is content, or names every problem at once", async () => {
  expect(await runCommand(configValidateCommand, { configFile })).toMatchObject({
    code: 0,
    value: { valid: true, datasets: ["people"] },
    text: expect.stringContaining("ok, 1 dataset, 4 settings beside the defaults"),
  })
  const wrong = await folder.write("wrong.yaml", "listen: { port: high }\nsettel: 1s\ndatasets: { p: {} }\n")
  const failure = await runCommand(configValidateCommand, { configFile: wrong }).catch((error) => error)
  expect(failure).toMatchObject({ code: "settings-invalid", exitCode: 2 })
  for (const words of ["listen.port", 'did you mean "settle"?', "datasets.p.files"]) {
    expect(failure.message).toContain(words)
  }
})

test("config schema is the schema that is published, and needs no settings", async () => {
  const published = await readFile(join(import.meta.dirname, "../source.schema.json"), "utf8")
  const { text, value } = await runCommand(configSchemaCommand, {
    configFile: join(folder.path, "none.yaml"),
  })
  expect(`${text}\n`).toBe(published)
  expect(value).toEqual(JSON.parse(published))
})
