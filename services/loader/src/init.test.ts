// If this file fails, a new user's first loader.yaml is wrong, or an old one is gone.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { readSettings } from "@flatbed/config"
import {
  makeCertificate,
  startProcess,
  startTlsFront,
  type TemporaryFolder,
  temporaryFolder,
} from "@flatbed/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { draftLoaderYaml } from "./draft.ts"
import { type Bench, openBench, people } from "./loader.test-kit.ts"
import { checkSettings, settingsSchema } from "./settings/settings.ts"
import { schemaText } from "./settings/settings-schema.ts"

const script = fileURLToPath(new URL("../bin/flatbed-loader.mjs", import.meta.url))
let bench: Bench
let folder: TemporaryFolder

beforeEach(async () => {
  bench = await openBench(people(10, 5))
  folder = await temporaryFolder()
})

afterEach(async () => {
  await folder.remove()
  await bench.close()
})

async function run(args: string[], env: Record<string, string> = {}) {
  const program = startProcess({ script, args, cwd: folder.path, env })
  const { code } = await program.end()
  return { code, stdout: program.stdout(), stderr: program.stderr() }
}

async function readDraft(yaml: string) {
  const file = await folder.write("draft.yaml", yaml)
  const env = { DATABASE_URL: "postgres://u@localhost/x", FLATBED_TOKEN: "abc" }
  const { settings } = await readSettings({
    schema: settingsSchema,
    prefix: "FLATBED_LOADER",
    file,
    env,
    check: checkSettings,
  })
  return settings
}

describe("init", () => {
  test("writes a file that loads what the source offers, and says what comes next", async () => {
    bench.source.publish({ ...people(3, 3), name: "2024-sales" })
    const made = await run(["init", "--source", bench.source.url])
    expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining("Next: export DATABASE_URL=") })
    expect(made.stdout).toContain("people: 10 records into public.people")
    const yaml = await readFile(join(folder.path, "loader.yaml"), "utf8")
    const [, schema = ""] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(yaml) ?? []
    expect(await readFile(join(folder.path, schema), "utf8")).toBe(schemaText())
    const settings = await readDraft(yaml)
    expect(settings).toMatchObject({
      source: { url: bench.source.url },
      pipelines: {
        people: { dataset: "people", table: "public.people", mode: "replace", follow: true },
        "2024-sales": { dataset: "2024-sales", table: "public.2024-sales" },
      },
    })
    expect(await run(["load"], { DATABASE_URL: bench.databaseUrl })).toMatchObject({ code: 0 })
    expect(await bench.query('select count(*)::integer as n from public."2024-sales"')).toEqual([{ n: 3 }])
  })

  test("refuses to overwrite, and asks the source for nothing", async () => {
    await folder.write("loader.yaml", "mine: true\n")
    const refused = await run(["init", "--source", bench.source.url])
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("file-exists") })
    expect(await readFile(join(folder.path, "loader.yaml"), "utf8")).toBe("mine: true\n")
    expect(bench.source.requests()).toEqual([])
  })

  test("reads the token from FLATBED_TOKEN, sends it over TLS, and writes only its name", async () => {
    const authority = makeCertificate()
    const front = await startTlsFront(
      makeCertificate({ names: ["localhost"], signedBy: authority }),
      bench.source.url,
    )
    try {
      await folder.write("ca.pem", authority.certificate)
      await folder.write("other.pem", makeCertificate().certificate)
      const args = ["init", "--source", front.url, "--config", "etc.yaml", "--ca"]
      const env = { FLATBED_TOKEN: "flatbed_secret" }
      expect(await run([...args, "other.pem"], env)).toMatchObject({
        code: 3,
        stderr: expect.stringContaining("source-untrusted"),
      })
      expect(front.received()).toBe("")
      const { code, stdout } = await run([...args, "ca.pem", "--json"], env)
      expect(code).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ source: front.url, pipelines: [{ name: "people" }] })
      expect(front.received()).toContain("authorization: Bearer flatbed_secret")
      const yaml = await readFile(join(folder.path, "etc.yaml"), "utf8")
      expect(yaml).not.toContain("flatbed_secret")
      expect((await readDraft(yaml)).source).toMatchObject({
        url: front.url,
        token: "abc",
        ca: join(folder.path, "ca.pem"),
      })
    } finally {
      await front.close()
    }
  })

  test("does not send a token in the clear", async () => {
    const refused = await run(["init", "--source", "http://files.example:4000"], { FLATBED_TOKEN: "abc" })
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("--allow-plain-http") })
  })

  test("writes nothing when the source does not answer, or offers nothing", async () => {
    expect(await run(["init", "--source", "http://127.0.0.1:1"])).toMatchObject({ code: 3 })
    const empty = await openBench()
    expect(await run(["init", "--source", empty.source.url])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("offers no dataset"),
    })
    await empty.close()
    await expect(readFile(join(folder.path, "loader.yaml"))).rejects.toThrow("ENOENT")
  })
})

describe("a draft", () => {
  test("keeps names apart that YAML would read as something else, or that are too long for a pipeline", async () => {
    const long = "a".repeat(62)
    const names = ["true", "null", "on", "123", "1e5", "0x1f", "a-b", `${long}x`, `${long}y`]
    const { yaml, pipelines } = draftLoaderYaml(names.map((name) => ({ name })))
    const settings = await readDraft(yaml)
    expect(pipelines.map(({ dataset }) => dataset)).toEqual(names)
    expect(settings.pipelines).toMatchObject(
      Object.fromEntries(pipelines.map(({ name, dataset, table }) => [name, { dataset, table }])),
    )
    expect(Object.keys(settings.pipelines)).toHaveLength(names.length)
  })

  test("says what a dataset's trouble is, on one line", () => {
    const { yaml } = draftLoaderYaml([
      { name: "a", rows: null, trouble: "line 3:\nno quote\n  pipelines: {}" },
    ])
    expect(yaml).toContain("# It cannot be loaded as it is: line 3: no quote pipelines: {}\n")
  })

  test("without a dataset is still a loader.yaml", async () => {
    expect((await readDraft(draftLoaderYaml([]).yaml)).pipelines).toEqual({})
  })
})
