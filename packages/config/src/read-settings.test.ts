// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how settings files name variables
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { Problem } from "@flatbed/contract"
import Type, { type Static } from "@flatbed/typebox"
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from "vitest"
import {
  bytes,
  duration,
  path,
  readSettings,
  type Settings,
  type SettingsProblem,
  secret,
  word,
} from "./index.ts"

const chunk = Type.Union(
  [
    Type.Object({ rows: Type.Integer({ minimum: 1, description: "rows" }) }),
    Type.Object({ bytes: bytes({ description: "bytes" }) }),
  ],
  { default: { bytes: "1MiB" }, description: "where chunks are cut" },
)

const schema = Type.Object({
  listen: Type.Object({
    host: Type.String({ default: "127.0.0.1", description: "address" }),
    port: Type.Integer({ default: 4000, minimum: 0, maximum: 65_535, description: "port" }),
  }),
  root: path({ default: "./", description: "where files lie" }),
  cache: path({ default: "./.cache", description: "side files" }),
  settle: duration({ default: "2s", description: "settle window" }),
  gzip: Type.Boolean({ default: true, description: "compress" }),
  ratio: Type.Number({ default: 0.5, exclusiveMinimum: 0, description: "a ratio" }),
  level: Type.Union([Type.Literal("info"), Type.Literal("debug")], { default: "info", description: "log" }),
  format: Type.Enum(["csv", "json"], { default: "csv", description: "format" }),
  tags: Type.Array(Type.String({ minLength: 1 }), { default: [], uniqueItems: true, description: "tags" }),
  auth: Type.Optional(
    Type.Object({ token: secret({ description: "token" }), user: Type.Optional(Type.String()) }),
  ),
  datasets: Type.Record(
    Type.String({ pattern: "^[a-z][a-z0-9_-]*$" }),
    Type.Object({ files: path({ relativeTo: "root", description: "the file" }), chunk }),
    { minProperties: 1, expectedName: "lower-case letters" },
  ),
})

const minimal = "datasets: { telecom: { files: telecom.csv } }\n"

let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "flatbed-config-")))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

type Env = Record<string, string>

async function write(files: Record<string, string>): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return join(folder, Object.keys(files)[0] ?? "")
}

async function read(
  files: Record<string, string> | string,
  env: Env = {},
  flags: Record<string, unknown> = {},
) {
  const file = await write(typeof files === "string" ? { "source.yaml": files } : files)
  return (await readSettings({ schema, prefix: "FLATBED_SOURCE", file, env, flags })).settings
}

/** The lines of the one Problem, with the temporary folder taken out. */
async function problemsOf(promise: Promise<unknown>): Promise<string[]> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(thrown instanceof Problem)) throw new Error(`expected a Problem, got ${thrown}`)
  expect(thrown.code).toBe("settings-invalid")
  expect(thrown.exitCode).toBe(2)
  const lines = thrown.message.replaceAll(`${folder}/`, "").split("\n")
  return lines.length === 1 ? lines : lines.slice(1).map((line) => line.trim())
}

describe("values", () => {
  test("what nobody wrote has its default, decoded, at any depth", async () => {
    expect(await read(minimal)).toEqual({
      listen: { host: "127.0.0.1", port: 4000 },
      root: folder,
      cache: join(folder, ".cache"),
      settle: 2000,
      gzip: true,
      ratio: 0.5,
      level: "info",
      format: "csv",
      tags: [],
      datasets: { telecom: { files: join(folder, "telecom.csv"), chunk: { bytes: 1_048_576 } } },
    })
  })

  test("what is written wins over the default", async () => {
    const settings = await read(`
listen: { port: 0 }
settle: 5m
gzip: false
ratio: 0.25
level: debug
tags: [a, b]
auth: { token: "0123" }
datasets:
  telecom: { files: telecom.csv, chunk: { rows: 1000 } }
`)
    expect(settings).toMatchObject({
      listen: { host: "127.0.0.1", port: 0 },
      settle: 300_000,
      gzip: false,
      ratio: 0.25,
      level: "debug",
      tags: ["a", "b"],
      auth: { token: "0123" },
      datasets: { telecom: { chunk: { rows: 1000 } } },
    })
  })

  test("the settings' type is what decoding gives", () => {
    type Result = Settings<typeof schema>
    expectTypeOf<Result["settle"]>().toEqualTypeOf<number>()
    expectTypeOf<Static<typeof schema>["settle"]>().toEqualTypeOf<string>()
    expectTypeOf<Result["tags"]>().toEqualTypeOf<readonly string[]>()
    expectTypeOf<Result["format"]>().toEqualTypeOf<"csv" | "json">()
    expectTypeOf<Result["level"]>().toEqualTypeOf<"info" | "debug">()
    expectTypeOf<Result["datasets"][string]["chunk"]>().toEqualTypeOf<
      { readonly rows: number } | { readonly bytes: number }
    >()
  })

  test("the result is frozen all the way down", async () => {
    const settings = await read(minimal)
    expect(Object.isFrozen(settings)).toBe(true)
    expect(Object.isFrozen(settings.listen)).toBe(true)
    expect(Object.isFrozen(settings.tags)).toBe(true)
    expect(Object.isFrozen(settings.datasets.telecom?.chunk)).toBe(true)
  })

  test("a map whose lines are all commented out counts as empty", async () => {
    expect((await read(`listen:\n  # port: 1\n${minimal}`)).listen.port).toBe(4000)
  })

  test("anchors and aliases are read", async () => {
    const settings = await read(`
datasets:
  a: { files: a.csv, chunk: &cut { rows: 7 } }
  b: { files: b.csv, chunk: *cut }
`)
    expect(settings.datasets.b?.chunk).toEqual({ rows: 7 })
  })

  test("a name such as __proto__ is a name like any other", async () => {
    const record = Type.Object({ names: Type.Record(Type.String(), Type.Integer()) })
    const file = await write({ "a.yaml": "names: { __proto__: 1, constructor: 2 }" })
    const { settings } = await readSettings({ schema: record, prefix: "X", file, env: {} })
    expect(Object.entries(settings.names)).toEqual([
      ["__proto__", 1],
      ["constructor", 2],
    ])
  })
})

test("a word is what stands in the file, whatever YAML makes of it", async () => {
  const words = Type.Object({ words: Type.Array(word({ description: "words" })) })
  const readWords = async (yaml: string, env: Env = {}) => {
    const file = await write({ "words.yaml": yaml })
    return (await readSettings({ schema: words, prefix: "FLATBED", file, env })).settings.words
  }
  expect(
    await readWords('words: [01, 1.10, 9007199254740993, 1e3, true, No, "null", 2024-01-01, "01"]'),
  ).toEqual(["01", "1.10", "9007199254740993", "1e3", "true", "No", "null", "2024-01-01", "01"])
  expect(await readWords("words: []", { FLATBED__WORDS: "[01, x]" })).toEqual(["01", "x"])
  expect(await problemsOf(readWords("words: [null, ~, [a]]"))).toEqual([
    "words.yaml:1: words.1 is null, which is nothing in YAML, expected text; put it in quotes",
    "words.yaml:1: words.2 is ~, which is nothing in YAML, expected text; put it in quotes",
    "words.yaml:1: words.3 is a list, expected text",
  ])
  expect(await problemsOf(readWords("words:\n  -\n"))).toEqual([
    "words.yaml:2: words.1 is empty, expected text",
  ])
})

describe("problems", () => {
  test("every problem is listed at once, with file, line, path, value and expectation", async () => {
    const lines = await problemsOf(
      read(`
listen:
  prot: 4000
  port: lots
settle: 30
gzip: yes
level: loud
ratio: 0
tags: [a, "", a]
auth: { token: 12345678 }
datasets:
  telecom:
    files:
    chunk: { rows: 0 }
  Other: { files: o.csv, chunk: { bytes: 1mb } }
  both: { files: b.csv, chunk: { rows: 1, bytes: 1MiB } }
  neither: { files: b.csv, chunk: 7 }
  none: {}
`),
    )
    expect(lines).toEqual([
      'source.yaml:3: listen.prot is not a setting; did you mean "port"?',
      'source.yaml:4: listen.port is "lots", expected an integer from 0 to 65535',
      'source.yaml:5: settle is 30, expected a duration with its unit, such as "30s" (units: ms, s, m, h, d; at most 24d)',
      'source.yaml:6: gzip is "yes", expected true or false',
      "source.yaml:8: ratio is 0, expected a number above 0",
      'source.yaml:7: level is "loud", expected "info" or "debug"',
      'source.yaml:9: tags.2 is "", expected text that is not empty',
      "source.yaml:9: tags.3 stands in the list a second time",
      "source.yaml:10: auth.token is a value not shown here, expected text that is not empty; put it in quotes",
      "source.yaml:13: datasets.telecom.files is empty, expected a path",
      "source.yaml:14: datasets.telecom.chunk.rows is 0, expected an integer of at least 1",
      "source.yaml:15: datasets.Other is no name that is allowed here, expected lower-case letters",
      'source.yaml:15: datasets.Other.chunk.bytes is "1mb", expected an amount with its unit, such as "1MiB" (units: B, KiB, MiB, GiB, kB, MB, GB)',
      "source.yaml:16: datasets.both.chunk has the keys rows and bytes, expected a map with the key rows or a map with the key bytes",
      "source.yaml:17: datasets.neither.chunk is 7, expected a map with the key rows or a map with the key bytes",
      "source.yaml:18: datasets.none.files is missing, expected a path",
    ])
  })

  test("a duration beyond what a timer can wait is refused", async () => {
    expect(await problemsOf(read(`settle: 25d\n${minimal}`))).toEqual([
      'source.yaml:1: settle is "25d", expected a duration of at most 24d',
    ])
  })

  test("a missing map and an empty one are told apart from a wrong one", async () => {
    expect((await problemsOf(read("gzip: true\n")))[0]).toMatch(
      /^source.yaml:1: datasets is missing, expected a map/,
    )
    expect(await problemsOf(read("datasets: {}\n"))).toEqual([
      "source.yaml:1: datasets has 0 entries, expected at least 1",
    ])
    expect((await problemsOf(read("datasets: [a]\n")))[0]).toMatch(
      /^source.yaml:1: datasets is a list, expected a map/,
    )
  })

  test("a duplicate key names both lines", async () => {
    expect(await problemsOf(read(`gzip: true\n${minimal}gzip: false\n`))).toEqual([
      "source.yaml:3: gzip stands here a second time, the first is in line 1",
    ])
  })

  test("broken YAML is told alone, each line once: what else is wrong may only follow from it", async () => {
    const lines = await problemsOf(read(`gzip: maybe\nlisten: { port: 1\n${minimal}`))
    expect(lines).not.toEqual([])
    for (const line of lines) expect(line).toMatch(/^source.yaml:[23]: this is not YAML as expected: /)
    const places = lines.map((line) => line.slice(0, line.indexOf(": ")))
    expect(new Set(places).size).toBe(places.length)
  })

  test("broken YAML in an included file is told alone too", async () => {
    const files = { "source.yaml": "include: more.yaml\ngzip: maybe\n", "more.yaml": "datasets: [\n" }
    const problems = await problemsOf(read(files))
    expect(problems).toEqual([expect.stringMatching(/^more.yaml:\d: this is not YAML as expected: /)])
  })

  test.each([
    ["an empty file", "", /^source.yaml:1: datasets is missing/],
    ["a file of one word", "hello", /^source.yaml:1: the file holds no settings/],
    ["two documents", `${minimal}---\n${minimal}`, /^source.yaml:\d: this is not YAML as expected/],
    ["an unknown tag", `gzip: !maybe x\n${minimal}`, /^source.yaml:1: this is not YAML as expected/],
    ["a list as key", `? [a]\n: b\n${minimal}`, /^source.yaml:1: has a key that is not text/],
    ["a circle of aliases", `tags: &a [*a]\n${minimal}`, /^source.yaml:1: tags.1 contains itself/],
  ])("%s is refused", async (_name, text, message) => {
    expect((await problemsOf(read(text)))[0]).toMatch(message)
  })

  test("a file that is not there is one problem that says what to do", async () => {
    const lines = await problemsOf(
      readSettings({ schema, prefix: "X", file: join(folder, "no.yaml"), env: {} }),
    )
    expect(lines).toEqual(["there is no settings file no.yaml; make one, or name another with --config"])
  })

  test("a secret never stands in a message", async () => {
    const lines = await problemsOf(
      read(`auth: { token: [hunter2], user: { a: hunter2 } }\n${minimal}`, {
        FLATBED_SOURCE__AUTH: "hunter2",
      }),
    )
    expect(lines.join()).not.toContain("hunter2")
  })

  test("the service's own rules are asked last and get the line of their setting", async () => {
    const check = ({ listen }: Settings<typeof schema>): SettingsProblem[] =>
      listen.host === "127.0.0.1"
        ? []
        : [{ path: "listen.host", message: `is "${listen.host}", expected 127.0.0.1` }]
    const file = await write({ "source.yaml": `${minimal}listen:\n  host: 0.0.0.0\n` })
    expect(await problemsOf(readSettings({ schema, prefix: "X", file, env: {}, check }))).toEqual([
      'source.yaml:3: listen.host is "0.0.0.0", expected 127.0.0.1',
    ])
    const env = { X__LISTEN__HOST: "::1" }
    expect(await problemsOf(readSettings({ schema, prefix: "X", file, env, check }))).toEqual([
      'X__LISTEN__HOST: listen.host is "::1", expected 127.0.0.1',
    ])
  })
})

describe("variables in the file", () => {
  test("are put in, and the schema decides what they are", async () => {
    const text = `
listen: { host: "\${HOST}", port: "\${PORT}" }
gzip: \${GZIP}
auth: { token: "\${TOKEN}" }
${minimal}`
    const env = { HOST: "10", PORT: "4010", GZIP: "false", TOKEN: "a: b # ${HOST}" }
    expect(await read(text, env)).toMatchObject({
      listen: { host: "10", port: 4010 },
      gzip: false,
      auth: { token: "a: b # ${HOST}" },
    })
  })

  test("an unset one is reported once, with its name and line", async () => {
    expect(await problemsOf(read(`${minimal}listen:\n  port: \${NOPE}\n`))).toEqual([
      "source.yaml:3: listen.port needs the environment variable NOPE, which is not set",
    ])
  })
})

describe("variables over the file", () => {
  test("override a setting, typed as the schema wants it", async () => {
    const settings = await read(`listen: { port: 1 }\n${minimal}`, {
      FLATBED_SOURCE__LISTEN__PORT: "4010",
      FLATBED_SOURCE__listen__Host: "::1",
      FLATBED_SOURCE__GZIP: "false",
      FLATBED_SOURCE__RATIO: "0.75",
      FLATBED_SOURCE__LEVEL: "debug",
      FLATBED_SOURCE__FORMAT: "json",
      FLATBED_SOURCE__SETTLE: "1h",
      FLATBED_SOURCE__TAGS: "[x, y]",
      FLATBED_SOURCE__AUTH__TOKEN: "$notAVariable ${HOST}",
      FLATBED_OTHER__LISTEN__PORT: "no concern of ours",
      FLATBED_SOURCE_LISTEN: "neither",
    })
    expect(settings).toMatchObject({
      listen: { port: 4010, host: "::1" },
      gzip: false,
      ratio: 0.75,
      level: "debug",
      format: "json",
      settle: 3_600_000,
      tags: ["x", "y"],
      auth: { token: "$notAVariable ${HOST}" },
    })
  })

  test("find the entries of a map without case, and make new ones", async () => {
    const settings = await read("datasets: { my-data: { files: a.csv } }\n", {
      FLATBED_SOURCE__DATASETS__MY_DATA__CHUNK__ROWS: "5",
      FLATBED_SOURCE__DATASETS__NEW: "{ files: /n.csv }",
      FLATBED_SOURCE__DATASETS__NEW__CHUNK: "{ bytes: 2KiB }",
    })
    expect(settings.datasets).toEqual({
      "my-data": { files: join(folder, "a.csv"), chunk: { rows: 5 } },
      new: { files: "/n.csv", chunk: { bytes: 2048 } },
    })
  })

  test("that name no setting or hold a wrong value are problems that name the variable", async () => {
    const lines = await problemsOf(
      read(minimal, {
        FLATBED_SOURCE__LISTN__PORT: "1",
        FLATBED_SOURCE__LISTEN__PROT: "1",
        FLATBED_SOURCE__LISTEN__PORT: "0x10",
        FLATBED_SOURCE__listen__port: "7",
        FLATBED_SOURCE__LISTEN__PORT__DEEP: "1",
        FLATBED_SOURCE__LISTEN__HOST_FILE: "/tmp/x",
        FLATBED_SOURCE__DATASETS__A: "{ files: [ }",
      }),
    )
    expect(lines).toEqual([
      expect.stringMatching(/^FLATBED_SOURCE__DATASETS__A: datasets.a this is not YAML as expected/),
      "FLATBED_SOURCE__LISTEN__HOST_FILE: only secrets are read from files, and listen.host is none",
      'FLATBED_SOURCE__LISTEN__PROT: names no setting below listen; did you mean "port"?',
      'FLATBED_SOURCE__LISTN__PORT: names no setting; did you mean "listen"?',
      "FLATBED_SOURCE__listen__port: listen.port is set by FLATBED_SOURCE__LISTEN__PORT too; unset one",
      "FLATBED_SOURCE__LISTEN__PORT__DEEP: names no setting below listen.port; expected none here",
    ])
  })

  test("a secret comes from a file, without the newline at its end", async () => {
    await write({ "source.yaml": minimal, token: "s3cret$x\n" })
    const file = join(folder, "source.yaml")
    const env = { FLATBED_SOURCE__AUTH__TOKEN_FILE: join(folder, "token") }
    const { settings } = await readSettings({ schema, prefix: "FLATBED_SOURCE", file, env })
    expect(settings.auth?.token).toBe("s3cret$x")
    const gone = { FLATBED_SOURCE__AUTH__TOKEN_FILE: join(folder, "gone") }
    const lines = await problemsOf(readSettings({ schema, prefix: "FLATBED_SOURCE", file, env: gone }))
    expect(lines).toEqual([
      expect.stringMatching(
        /^FLATBED_SOURCE__AUTH__TOKEN_FILE: auth.token cannot be read from its file \(ENOENT\); expected/,
      ),
    ])
  })

  test("flag goes before environment before file before default", async () => {
    const env = { FLATBED_SOURCE__LISTEN__PORT: "2", FLATBED_SOURCE__GZIP: "false" }
    const flags = { "listen.port": "3", "listen.host": undefined, settle: "9s" }
    const settings = await read(`listen: { port: 1 }\ngzip: true\nratio: 0.1\n${minimal}`, env, flags)
    expect(settings).toMatchObject({
      listen: { port: 3, host: "127.0.0.1" },
      gzip: false,
      ratio: 0.1,
      settle: 9000,
    })
    expect(await problemsOf(read(minimal, {}, { "listen.port": "many" }))).toEqual([
      'command line: listen.port is "many", expected an integer from 0 to 65535',
    ])
  })
})

describe("include", () => {
  test("merges other files, whose paths are relative to themselves", async () => {
    const settings = await read({
      "source.yaml": "include: [team/one.yaml, two.yaml]\nroot: ./files\nlisten: { port: 1 }\n",
      "team/one.yaml": "datasets: { one: { files: one.csv } }\ncache: ./side\nlisten: { host: a }\n",
      "two.yaml": "datasets: { two: { files: sub/two.csv } }\n",
    })
    expect(settings).toMatchObject({
      listen: { port: 1, host: "a" },
      cache: join(folder, "team/side"),
      datasets: {
        one: { files: join(folder, "team/one.csv") },
        two: { files: join(folder, "sub/two.csv") },
      },
    })
  })

  test("a file that includes may itself be included", async () => {
    const settings = await read({
      "source.yaml": "include: a/a.yaml\n",
      "a/a.yaml": "include: ../b/b.yaml\n",
      "b/b.yaml": "datasets: { b: { files: b.csv } }\n",
    })
    expect(settings.datasets.b?.files).toBe(join(folder, "b/b.csv"))
  })

  test("a circle, a missing file and a setting of two files are problems with their lines", async () => {
    const lines = await problemsOf(
      read({
        "source.yaml": `${minimal}gzip: true\ninclude:\n  - a.yaml\n  - gone.yaml\n  - a.yaml\n  - 5\n`,
        "a.yaml": "gzip: false\ninclude: source.yaml\nlisten: { prot: 1 }\n",
      }),
    )
    expect(lines).toEqual([
      "source.yaml:7: include must be a path or a list of paths",
      "a.yaml:2: include goes in a circle: source.yaml includes a.yaml includes source.yaml",
      "a.yaml:1: gzip is also set in source.yaml:2, to something else; one file must let go of it",
      "source.yaml:5: include there is no settings file gone.yaml; make one, or name another with --config",
      "source.yaml:6: include names a.yaml a second time; once is enough",
      'a.yaml:3: listen.prot is not a setting; did you mean "port"?',
    ])
  })
})

describe("a setting that two files write", () => {
  const both = async (one: string, other: string) =>
    await read({ "source.yaml": `include: sub/a.yaml\n${minimal}${one}\n`, "sub/a.yaml": `${other}\n` })

  test.each([
    ["the same number", "listen: { port: 4 }", "listen: { port: 4 }"],
    ["the same text, in quotes and without", "level: debug", 'level: "debug"'],
    ["the same list", "tags: [a, b]", "tags:\n  - a\n  - b"],
    ["paths that lead to one place", "cache: ./.cache", "cache: ../.cache"],
  ])("is no conflict when it is %s", async (_name, one, other) => {
    expect(await both(one, other)).toEqual(await read(`${minimal}${one}\n`))
  })

  test.each([
    ["numbers", "listen: { port: 4 }", "listen: { port: 5 }", "listen.port", 3],
    ["a number and a text", "listen: { port: 4 }", 'listen: { port: "4" }', "listen.port", 3],
    ["lists in another order", "tags: [a, b]", "tags: [b, a]", "tags", 3],
    ["a longer list", "tags: [a]", "tags: [a, b]", "tags", 3],
    ["one path of two folders", "cache: ./.cache", "cache: ./.cache", "cache", 3],
    ["a map and a word", "listen: { port: 4 }", "listen: here", "listen", 3],
  ])("is a conflict when it is %s", async (_name, one, other, path, line) => {
    expect(await problemsOf(both(one, other))).toContain(
      `sub/a.yaml:1: ${path} is also set in source.yaml:${line}, to something else; one file must let go of it`,
    )
  })

  test("shows neither value: one may be a secret", async () => {
    const [message] = await problemsOf(both("auth: { token: canary-1 }", "auth: { token: canary-2 }"))
    expect(message).toMatch(/^sub\/a.yaml:1: auth.token is also set in source.yaml:3, to something else/)
    expect(message).not.toContain("canary")
  })
})

describe("a setting that is handed down", () => {
  const rooted = Type.Object({
    root: path({ default: ".", description: "" }),
    datasets: Type.Record(
      Type.String(),
      Type.Object({ file: Type.String(), root: Type.Optional(path({ description: "" })) }),
      { default: {} },
    ),
  })
  const readRooted = async (files: Record<string, string>, env: Env = {}) => {
    const file = await write(files)
    const handedDown = { root: "datasets" }
    const { settings } = await readSettings({ schema: rooted, prefix: "P", file, env, handedDown })
    const { root, datasets } = settings
    const short = (folderOf?: string) => folderOf?.replace(folder, "") ?? null
    return [short(root), Object.fromEntries(Object.entries(datasets).map(([n, d]) => [n, short(d.root)]))]
  }
  const movies = "root: ./\ndatasets: { movies: { file: a.csv } }\n"
  const music = "root: ./files\ndatasets: { music: { file: a.csv }, own: { file: b.csv, root: b } }\n"

  test("speaks for the entries of its own file; the others have none", async () => {
    expect(
      await readRooted({
        "main.yaml":
          "include: [movies/m.yaml, music/m.yaml]\nroot: ./top\ndatasets: { main: { file: c.csv } }\n",
        "movies/m.yaml": movies,
        "music/m.yaml": music,
      }),
    ).toEqual(["/top", { main: null, movies: "/movies", music: "/music/files", own: "/music/b" }])
  })

  test("in the first file is the setting of them all, as it is in a file without entries", async () => {
    expect(await readRooted({ "movies/m.yaml": movies })).toEqual(["/movies", { movies: null }])
    expect(
      await readRooted({
        "main.yaml": "include: etc/common.yaml\ndatasets: { main: { file: c.csv } }\n",
        "etc/common.yaml": "root: ./data\n",
      }),
    ).toEqual(["/etc/data", { main: null }])
  })

  test("reaches the entries of what such a file includes itself, unless they have one", async () => {
    expect(
      await readRooted({
        "main.yaml": "include: all/a.yaml\n",
        "all/a.yaml": "include: [plain.yaml, ../music/m.yaml]\nroot: ./shared\n",
        "all/plain.yaml": "datasets: { plain: { file: d.csv } }\n",
        "music/m.yaml": music,
      }),
    ).toEqual(["", { plain: "/all/shared", music: "/music/files", own: "/music/b" }])
  })

  test("is overridden by variables, each entry by its own", async () => {
    const files = { "main.yaml": "include: movies/m.yaml\n", "movies/m.yaml": movies }
    expect(await readRooted(files, { P__ROOT: "/elsewhere" })).toEqual(["/elsewhere", { movies: "/movies" }])
    expect(await readRooted(files, { P__DATASETS__MOVIES__ROOT: "/theirs" })).toEqual([
      "",
      { movies: "/theirs" },
    ])
  })

  test("that two files say differently of one entry is a conflict", async () => {
    const files = {
      "main.yaml": "include: [movies/m.yaml, more/m.yaml]\n",
      "movies/m.yaml": movies,
      "more/m.yaml": "root: ./\ndatasets: { movies: { file: a.csv } }\n",
    }
    expect(await problemsOf(readRooted(files))).toEqual([
      "more/m.yaml:1: datasets.movies.root is also set in movies/m.yaml:1, to something else; one file must let go of it",
    ])
  })
})

describe("paths", () => {
  test("root is the base of the paths beside it, absolute paths stay", async () => {
    const settings = await read("root: ./files\ndatasets: { a: { files: a.csv }, b: { files: /b.csv } }\n")
    expect(settings.root).toBe(join(folder, "files"))
    expect(settings.datasets.a?.files).toBe(join(folder, "files/a.csv"))
    expect(settings.datasets.b?.files).toBe("/b.csv")
  })

  test("a root from the environment moves them; it is relative to the working folder", async () => {
    const settings = await read(`root: ./files\n${minimal}`, { FLATBED_SOURCE__ROOT: "elsewhere" })
    expect(settings.root).toBe(resolve("elsewhere"))
    expect(settings.datasets.telecom?.files).toBe(resolve("elsewhere/telecom.csv"))
  })
})
