// If this file fails, `config show` says something else than what a service runs with, or shows a secret.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how settings files name variables
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import Type from "@flatbed/typebox"
import { expect, onTestFinished, test } from "vitest"
import { bytes, duration, formatEffective, inspectSettings, path, secret, selectEffective } from "./index.ts"

const schema = Type.Object({
  listen: Type.Object({
    host: Type.String({ default: "127.0.0.1", description: "" }),
    port: Type.Integer({ default: 4000, description: "" }),
  }),
  cache: path({ default: "./.cache", description: "" }),
  settle: duration({ default: "2s", description: "" }),
  token: Type.Optional(secret({ description: "" })),
  level: Type.Enum(["info", "debug"], { default: "info", description: "" }),
  pipelines: Type.Record(
    Type.String(),
    Type.Object({
      url: secret({ description: "" }),
      tags: Type.Array(Type.String(), { default: [], description: "" }),
      limit: bytes({ default: "1MiB", description: "" }),
    }),
    { default: {} },
  ),
})

test("each setting comes with its value, as it would be written, and with its place", async () => {
  const folder = await mkdtemp(join(await realpath(tmpdir()), "flatbed-config-"))
  onTestFinished(() => rm(folder, { recursive: true }))
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }
  const file = await write(
    "main.yaml",
    'include: more.yaml\nlisten:\n  port: 4010\ntoken: "${TOKEN}"\nsettle: 90s\n',
  )
  const more = await write(
    "more.yaml",
    "pipelines:\n  a: { url: canary-2, tags: [x, y] }\n  b:\n    url: canary-3\n",
  )
  const secretFile = await write("secret", "canary-4\n")
  const { effective, shown, settings } = await inspectSettings({
    schema,
    prefix: "P",
    file,
    env: {
      TOKEN: "canary-1",
      P__LISTEN__HOST: "::1",
      P__PIPELINES__B__URL_FILE: secretFile,
      P__PIPELINES__B__LIMIT: "2MiB",
    },
    flags: { level: "debug" },
  })
  expect(settings.token).toBe("canary-1")
  expect(effective.map(({ path: name, value, from }) => [name, value, from])).toEqual([
    ["listen.host", "::1", "P__LISTEN__HOST"],
    ["listen.port", 4010, `${file}:3`],
    ["cache", join(folder, ".cache"), "default"],
    ["settle", "90s", `${file}:5`],
    ["token", "***", `${file}:4`],
    ["level", "debug", "command line"],
    ["pipelines.a.url", "***", `${more}:2`],
    ["pipelines.a.tags", ["x", "y"], `${more}:2`],
    ["pipelines.a.limit", "1MiB", "default"],
    ["pipelines.b.url", "***", "P__PIPELINES__B__URL_FILE"],
    ["pipelines.b.tags", [], "default"],
    ["pipelines.b.limit", "2MiB", "P__PIPELINES__B__LIMIT"],
  ])
  expect(shown).toMatchObject({
    token: "***",
    settle: "90s",
    pipelines: { a: { tags: ["x", "y"], limit: "1MiB" } },
  })
  expect(JSON.stringify([effective, shown]) + formatEffective(effective)).not.toContain("canary")
  expect(formatEffective(effective).split("\n")[1]).toMatch(/^listen\.port: +4010 +# .*main\.yaml:3$/)

  expect(selectEffective(effective, "listen.port")).toHaveLength(1)
  expect(selectEffective(effective, "pipelines.b").map((one) => one.path)).toEqual([
    "pipelines.b.url",
    "pipelines.b.tags",
    "pipelines.b.limit",
  ])
  expect(() => selectEffective(effective, "pipelines.c")).toThrow(
    expect.objectContaining({ code: "usage-invalid", hint: "Did you mean pipelines.a?" }),
  )
})
