// If this file fails, a mistake in loader.yaml is found in the middle of the night instead of at the start.
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { readSettings } from "@flatbed/config"
import { temporaryFolder } from "@flatbed/testing"
import { describe, expect, test } from "vitest"
import { checkSoundChecks } from "../checks/check-settings.ts"
import { checkSource, standardCompression } from "../fetch/check-source.ts"
import { hasZstd } from "../fetch/compression.ts"
import { pipelineOf } from "../loader.test-kit.ts"
import { listPipelines } from "./pipeline-settings.ts"
import { checkSettings, settingsSchema } from "./settings.ts"

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
      checkParts: checkSoundChecks,
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
    read_ahead: 5,
    group: 2 ** 21,
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

test("a report's file is relative to the file that names it, and what it needs has to be a pipeline", async () => {
  const folder = await temporaryFolder()
  const text = `pipelines:\n  movies: { dataset: d, table: t }\nreports:\n  outage: { sql: reports/outage.sql, needs: [movies] }\n`
  await folder.write("movies/loader.yaml", `${head}${text}`)
  const file = await folder.write("loader.yaml", `${head}include: movies/loader.yaml\n`)
  try {
    const input = { schema: settingsSchema, prefix: "FLATBED_LOADER", file, env: {}, check: checkSettings }
    const { settings } = await readSettings(input)
    expect(settings.reports).toEqual({
      outage: { sql: join(folder.path, "movies/reports/outage.sql"), needs: ["movies"] },
    })
  } finally {
    await folder.remove()
  }
  const needs = (names: string) =>
    read(
      `${head}pipelines:\n  movies: { dataset: d, table: t }\nreports:\n  r: { sql: r.sql, needs: ${names} }\n`,
    )
  await expect(needs("[movie]")).rejects.toMatchObject({
    message: expect.stringMatching(
      /:6: reports\.r\.needs names "movie", which is no pipeline and no model; did you mean movies\?$/,
    ),
  })
  await expect(needs("[x]")).rejects.toMatchObject({
    message: expect.stringContaining('names "x", which is no pipeline and no model; expected movies'),
  })
})

test("the environment overrides the file, and a token may come from a file of its own", async () => {
  const env = { FLATBED_LOADER__CONNECTIONS: "7", FLATBED_LOADER__LOG__LEVEL: "debug" }
  const { settings } = await read(`${head}pipelines: {}\n`, env)
  expect(settings).toMatchObject({ connections: 7, log: { level: "debug" } })
})

test.each([
  ["5", 5],
  ["1%", "1%"],
  ['"0.25%"', "0.25%"],
])("max_rejects: %s is read as a count or a share", async (written, value) => {
  const yaml = `${head}pipelines:\n  t: { dataset: d, table: t, max_rejects: ${written} }\n`
  expect(listPipelines((await read(yaml)).settings)).toMatchObject([{ maxRejects: value }])
  const plain = `${head}pipelines:\n  t: { dataset: d, table: t }\n`
  const env = { FLATBED_LOADER__PIPELINES__T__MAX_REJECTS: String(value) }
  expect(listPipelines((await read(plain, env)).settings)).toMatchObject([{ maxRejects: value }])
})

test.each(["-1", "1.5", "101%", "many", '"5 %"'])("max_rejects: %s is refused", async (written) => {
  const yaml = `${head}pipelines:\n  t: { dataset: d, table: t, max_rejects: ${written} }\n`
  await expect(read(yaml)).rejects.toMatchObject({
    code: "settings-invalid",
    message: expect.stringContaining("pipelines.t.max_rejects"),
  })
})

test("words of checks and of expect_rows are what stands in the file, and a slip in a check is told as one", async () => {
  const one = (pipeline: string) => read(`${head}pipelines:\n  t: { dataset: d, table: t, ${pipeline} }\n`)
  const written =
    "expect_rows: 0010, checks: [{ column: a, one_of: [01, 1.10, yes] }, { column: b, range: { max: 1e3 } }]"
  expect(listPipelines((await one(written)).settings)).toMatchObject([
    {
      expectRows: { written: "0010", min: 10, max: 10 },
      checks: [
        { name: "a_one_of", severity: "fail", rule: { values: ["01", "1.10", "yes"] } },
        { name: "b_range", rule: { min: undefined, max: "1e3" } },
      ],
    },
  ])
  for (const [wrong, message] of [
    [
      "checks: [{ column: a, patern: x }]",
      'pipelines.t.checks.1.patern is not a setting; did you mean "pattern"?',
    ],
    ["checks: [{ column: a, not_null: false }]", "pipelines.t.checks.1.not_null is false, expected true"],
    [
      "checks: [{ column: a, unique: true, severity: stop }]",
      'pipelines.t.checks.1.severity is "stop", expected "fail"',
    ],
    ["expect_rows: few", 'pipelines.t.expect_rows is "few", expected a number of rows such as'],
    ['expect_rows: "<0"', "pipelines.t.expect_rows is <0, which no number of rows is"],
  ])
    await expect(one(wrong ?? "")).rejects.toMatchObject({ message: expect.stringContaining(message ?? "") })
})

test("checks that are wrong each in its own way are told at once, also beside what is no setting", async () => {
  const checks = [
    "{ column: a, not_null: true, pattern: x }",
    "{ column: a }",
    "{ column: a, range: { min: 9, max: 1 } }",
    "{ column: a, unique: true, severity: loud }",
    "{ column: a, patern: x }",
    "{ column: a, unique: true }",
    "{ column: a, references: t.id }",
  ]
  const list = checks.map((check) => `      - ${check}\n`).join("")
  const yaml = `${head}pipelines:\n  t:\n    dataset: d\n    table: t\n    expect_rows: lots\n    checks:\n${list}`
  const problem = await read(yaml).catch((error: Error) => error)
  const told = (problem as Error).message.split("\n").map((line) => line.replace(/^.*loader\.yaml/, ""))
  expect(told).toHaveLength(8)
  for (const start of [
    ":9: pipelines.t.checks.1 has the rules not_null and pattern, expected one",
    ":10: pipelines.t.checks.2 has no rule, expected one of",
    ":11: pipelines.t.checks.3.range is from 9 to 1",
    ':12: pipelines.t.checks.4.severity is "loud"',
    ':13: pipelines.t.checks.5.patern is not a setting; did you mean "pattern"?',
    ":15: pipelines.t.checks.7.references names public.t, the table that is loaded",
    ":7: pipelines.t.expect_rows is ",
  ])
    expect(told.filter((line) => line.startsWith(start))).toHaveLength(1)
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

test.each([
  ['""', "1 to 63 bytes"],
  ['"a\\"b"', "without quotes"],
  ["pg_ledger", "belongs to Postgres"],
  ["information_schema", "belongs to Postgres"],
  ["x".repeat(64), "1 to 63 bytes"],
])("database.schema: %s is refused", async (schema, words) => {
  const yaml = `${head.replace('/x" }', `/x", schema: ${schema} }`)}pipelines: {}\n`
  const failure = await read(yaml).catch((error) => error)
  expect(failure).toMatchObject({ code: "settings-invalid", exitCode: 2 })
  expect(failure.message).toMatch(new RegExp(`database\\.schema is .*${words}`))
})

test("no pipeline's table stands in the ledger's schema, whatever that is called", async () => {
  const yaml = `${head}pipelines:\n  t: { dataset: d, table: Ledger.runs }\n  u: { dataset: d, table: flatbed.u }\n`
  const failure = await read(yaml, { FLATBED_LOADER__DATABASE__SCHEMA: "Ledger" }).catch((error) => error)
  expect(failure.message).toContain("schema Ledger is the ledger's own")
  expect(failure.message).not.toContain("pipelines.u")
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
    listPipelines({ pipelines: { t: pipelineOf({ dataset: "d", table: "t", ...change }) } })[0]
      ?.settingsSha256
  expect(hash({ table: "public.t" })).toBe(hash({}))
  expect(hash({ schedule: "* * * * *" })).toBe(hash({}))
  expect(hash({ follow: true })).toBe(hash({}))
  expect(hash({ table: "u" })).not.toBe(hash({}))
  expect(hash({ dataset: "e" })).not.toBe(hash({}))
})

test.each([
  ["http://files.example:4000", "token: abc", "source.url", "readable on the way"],
  ["http://10.0.0.5:4000", "token: abc", "source.url", "source.allow_plain_http"],
  ["http://localhost:4000", 'token: "a b"', "source.token", "no bearer token"],
  ["http://localhost:4000", "ca: ca.pem", "source.ca", "https://"],
  ["https://user:hunter2@files.example", "", "source.url", "source.token"],
  ["https://files.example/?token=hunter2", "", "source.url", "without a path"],
  ["http://files.example:4000/v1/datasets", "", "source.url", "without a path"],
  ["files.example:4000", "", "source.url", "http://host:port"],
  ["https://:4000", "", "source.url", "https://files.example:4000"],
])("source %s with %s is refused", async (url, more, at, words) => {
  const failure = await read(
    `source: { url: "${url}", ${more} }\ndatabase: { url: "postgres://u@localhost/x" }\npipelines: {}\n`,
  ).catch((error) => error)
  expect(failure).toMatchObject({ code: "settings-invalid" })
  expect(failure.message).toContain(at)
  expect(failure.message).toContain(words)
})

test.each([
  ["https://files.example:4000", "token: abc, ca: ca.pem"],
  ["http://127.0.0.1:4000", "token: abc"],
  ["http://[::1]:4000", "token: abc"],
  ["http://files.example:4000", ""],
  ["http://files.example:4000", "token: abc, allow_plain_http: true"],
])("source %s with %s is taken", async (url, more) => {
  const { settings } = await read(
    `source: { url: "${url}", ${more} }\ndatabase: { url: "postgres://u@localhost/x" }\npipelines: {}\n`,
  )
  expect(settings.source.url).toBe(url)
})

test.each([
  ["http://localhost:4000", "none", "none"],
  ["http://127.0.0.1:4000", "none", "none"],
  ["https://127.8.9.1:4000", "none", "none"],
  ["http://[::1]:4000", "none", "none"],
  ["http://files.example:4000", "zstd", "gzip"],
  ["https://10.0.0.5:4000", "zstd", "gzip"],
  ["http://[fd00::1]:4000", "zstd", "gzip"],
  ["https://localhost.example:4000", "zstd", "gzip"],
])(
  "unless source.compression says otherwise, answers of %s travel as %s, without zstd as %s",
  (url, best, without) => {
    expect(standardCompression(url, true)).toBe(best)
    expect(standardCompression(url, false)).toBe(without)
  },
)

test("source.compression: zstd is refused on a Node that has none", async () => {
  const source = { url: "http://localhost:4000", allow_plain_http: false, compression: "zstd" as const }
  expect(checkSource(source, true)).toEqual([])
  expect(checkSource(source, false)).toEqual([
    { path: "source.compression", message: expect.stringContaining("expected gzip or none") },
  ])
  const url = '"http://localhost:4000"'
  const database = 'database: { url: "postgres://u@localhost/x" }\npipelines: {}\n'
  const reading = read(`source: { url: ${url}, compression: zstd }\n${database}`)
  if (hasZstd) expect((await reading).settings.source.compression).toBe("zstd")
  else
    await expect(reading).rejects.toMatchObject({
      code: "settings-invalid",
      message: expect.stringContaining("source.compression is zstd, which Node has from 22.15 on"),
    })
})

describe("what is written wrongly is answered with what is expected, in words", () => {
  const pipeline = (text: string) => `${head}pipelines:\n  ${text}\n`
  const words = async (yaml: string, env: Record<string, string> = {}) =>
    (await read(yaml, env).catch((error) => error)).message as string

  test.each([
    [
      "t: { dataset: d, table: t, max_rejects: many }",
      "expected a number such as 100, or a share such as 1%",
    ],
    ["t: { dataset: Big Data, table: t }", "small letters"],
    ["my table: { dataset: d, table: t }", "expected a name of letters, digits, _ and -"],
    ["t: { dataset: d, table: t, mode: upsert }", "pipelines.t.key is missing; mode upsert needs it"],
    ["t: { dataset: d, table: t, mode: mirror, key: [] }", "pipelines.t.key"],
    ["t: { dataset: d, table: t, mode: mirror, key: [a, a] }", 'names "a" twice'],
    ["t: { dataset: d, table: t, order_by: seen }", "pipelines.t.order_by says nothing to mode replace"],
    ["t: { dataset: d, table: t, dedupe: key }", "pipelines.t.dedupe is key, but no key is named"],
    ["t: { dataset: d, table: t, mode: append, key: [a] }", "pipelines.t.key says nothing to mode append"],
    [
      "t: { dataset: d, table: t, mode: append, dedupe: key }",
      "pipelines.t.dedupe is key, which says nothing to mode append; expected none or exact",
    ],
    [
      "t: { dataset: d, table: t, mode: append, order_by: a }",
      "pipelines.t.order_by says nothing to mode append",
    ],
    [
      "t: { dataset: d, table: t, mode: upsert, key: [a], publish: swap }",
      "pipelines.t.publish is swap, which says nothing to mode upsert",
    ],
    ["t: { dataset: d, table: t, key: [a], publish: swap }", "a key asks for the difference"],
    ["t: { dataset: d, table: t, dedupe: exact, publish: swap }", "dedupe: exact drops some"],
    [
      "t: { dataset: d, table: t, mode: upsert, key: [a], deletes: { mode: soft } }",
      "pipelines.t.deletes says nothing to mode upsert",
    ],
    [
      "t: { dataset: d, table: t, mode: mirror, key: [a], deletes: { limit: { share: 0.2 } } }",
      "expected a share such as 20%",
    ],
  ])("%s", async (text, expected) => {
    const message = await words(pipeline(text))
    expect(message).toContain(expected)
    expect(message).not.toMatch(/\^\[|\{0,/)
  })

  test.each(["hunter2", "mysql://u:hunter2@h/x", "hunter2@host/db", "   "])(
    "database.url %j, without showing it",
    async (url) => {
      const source = 'source: { url: "http://localhost:4000" }\n'
      const yaml = `${source}database: { url: ${JSON.stringify(url)} }\npipelines: {}\n`
      const message = await words(yaml)
      expect(message).toContain("database.url")
      expect(message).toContain("expected postgres://user:password@host:port/database")
      expect(message).not.toContain("hunter2")
    },
  )

  test("a variable for database.url that is set to nothing", async () => {
    const url = `\${DATABASE_URL}`
    const yaml = `source: { url: "http://localhost:4000" }\ndatabase: { url: "${url}" }\npipelines: {}\n`
    expect(await words(yaml, { DATABASE_URL: "" })).toContain("empty")
  })
})

test("a table is loaded again when a setting changes that shapes it, and only then", async () => {
  const shaOf = async (text: string) =>
    listPipelines(
      (await read(`${head}pipelines:\n  t: { dataset: d, table: t, mode: mirror, ${text} }\n`)).settings,
    )[0]?.settingsSha256
  const usual = await shaOf("key: [a]")
  for (const same of [
    "key: [a], deletes: { limit: { rows: 5 } }",
    "key: [a], max_rejects: 5",
    "key: [a], dedupe: none",
  ])
    expect(await shaOf(same)).toBe(usual)
  for (const other of [
    "key: [b]",
    "key: [a], dedupe: exact",
    "key: [a], order_by: b",
    "key: [a], deletes: { mode: soft }",
  ])
    expect(await shaOf(other)).not.toBe(usual)
})
