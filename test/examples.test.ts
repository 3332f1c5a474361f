// If this fails, `npm start` does not load the examples: their settings do not work together in one catalog.
import { readdirSync } from "node:fs"
import { resolve } from "node:path"
import { readSettings } from "@flatbed/config"
import { checkSettings, settingsSchema } from "@flatbed/loader"
import { readSourceSettings } from "@flatbed/source"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Ended, type Example, openExample } from "./example.test-kit.ts"

const data = resolve(import.meta.dirname, "../data")
const folders = readdirSync(data, { withFileTypes: true }).flatMap((one) =>
  one.isDirectory() ? [one.name] : [],
)

let all: Example
let loaded: Ended

beforeAll(async () => {
  all = await openExample({ folder: "" })
  loaded = await all.loader("load", "--json")
}, 120_000)

afterAll(() => all.close())

test("all of them load in one go, models included", () => {
  expect(loaded, loaded.stderr).toMatchObject({ code: 0 })
  const { runs, models } = JSON.parse(loaded.stdout) as Record<"runs" | "models", { outcome: string }[]>
  expect(new Set(runs.map(({ outcome }) => outcome))).toEqual(new Set(["published"]))
  expect(new Set(models.map(({ outcome }) => outcome))).toEqual(new Set(["made"]))
})

test("a second load says up to date of each, and makes no model", async () => {
  const { code, stdout } = await all.loader("load", "--json")
  expect(code).toBe(0)
  const { runs, models } = JSON.parse(stdout) as Record<"runs" | "models", { outcome: string }[]>
  const outcomes = [...runs, ...(models ?? [])].map(({ outcome }) => outcome)
  expect(new Set(outcomes)).toEqual(new Set(["up-to-date"]))
})

test.each(folders)("everything of %s is among them", async (folder) => {
  const [own, together] = await Promise.all([namesOf(resolve(data, folder)), namesOf(data)])
  expect(own.length).toBeGreaterThan(2)
  expect(together).toEqual(expect.arrayContaining(own))
})

/** Every dataset, pipeline, model and report of the two settings files in a folder. */
async function namesOf(at: string): Promise<string[]> {
  const env = { DATABASE_URL: all.databaseUrl }
  const source = await readSourceSettings({ file: resolve(at, "source.yaml"), env })
  const loader = await readSettings({
    schema: settingsSchema,
    prefix: "FLATBED_LOADER",
    file: resolve(at, "loader.yaml"),
    env,
    check: checkSettings,
  })
  const { pipelines, models, reports } = loader.settings
  const kinds = { dataset: source.settings.datasets, pipeline: pipelines, model: models, report: reports }
  return Object.entries(kinds).flatMap(([kind, named]) => Object.keys(named).map((name) => `${kind} ${name}`))
}
