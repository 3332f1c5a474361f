// If this file fails, a mistake in the settings of models is found only when a load has run, or said in other words.
import { completeSettings } from "@flatbed/config"
import { expect, test } from "vitest"
import { checkSettings, settingsSchema } from "../settings/settings.ts"

const pipelines = {
  streams: { dataset: "streams", table: "music.streams" },
  songs: { dataset: "songs", table: "songs" },
  big: { dataset: "big", table: "big", publish: "swap" },
}

/** What is wrong, one line a problem; empty when nothing is. */
function problemsOf(models: Readonly<Record<string, unknown>>): string[] {
  const written = {
    source: { url: "http://localhost:4000" },
    database: { url: "postgres://me@localhost/db" },
    ...{ pipelines, models },
  }
  try {
    completeSettings({ schema: settingsSchema, check: checkSettings }, written)
    return []
  } catch (error) {
    const lines = (error as Error).message.split("\n").map((line) => line.trim())
    return lines.length === 1 ? lines : lines.slice(1)
  }
}

const model = { sql: "models/day.sql", needs: ["streams"] }

test("what stands in MODELS.md is well-formed", () => {
  const day = {
    ...{ sql: "models/genre_day.sql", table: "music.genre_day", needs: ["streams", "songs"] },
    ...{ as: "upsert", key: ["day", "genre"], indexes: [{ columns: ["day"] }] },
    checks: [{ column: "listen_count", range: { min: "1" } }],
  }
  expect(problemsOf({ day, best: { sql: "best.sql", needs: ["day"] } })).toEqual([])
})

test.each<[string, Record<string, unknown>, string[]]>([
  [
    "no needs",
    { day: { sql: "day.sql" } },
    ["models.day.needs is missing, expected a list, each text that is not empty"],
  ],
  [
    "a need that is not there",
    { day: { ...model, needs: ["stream"] } },
    ['models.day.needs names "stream", which is no pipeline and no model; did you mean streams?'],
  ],
  [
    "a need twice",
    { day: { ...model, needs: ["streams", "streams"] } },
    ['models.day.needs names "streams" twice, expected each once'],
  ],
  [
    "a circle",
    { day: { ...model, needs: ["best"] }, best: { ...model, needs: ["day"] } },
    [
      "models.day.needs goes in a circle: day needs best needs day; expected an order in which they can be made",
    ],
  ],
  [
    "a pipeline's name",
    { songs: { ...model, table: "x" } },
    ["models.songs is the name of a pipeline too; expected a name of its own"],
  ],
  [
    "a pipeline's table",
    { day: { ...model, table: "public.songs" } },
    ['models.day.table is "public.songs", which pipeline songs loads; expected a table of its own'],
  ],
  [
    "the table of another model by its name",
    { day: model, best: { ...model, table: "day" } },
    ['models.best.table is "day", which model day makes; expected a table of its own'],
  ],
  [
    "the ledger's schema",
    { day: { ...model, table: "flatbed.day" } },
    ['models.day.table is "flatbed.day"; the schema flatbed is the ledger\'s own, choose another'],
  ],
  [
    "no table",
    { day: { ...model, table: "a.b.c" } },
    ['models.day.table is "a.b.c"; expected table or schema.table, each at most 63 bytes'],
  ],
  [
    "upsert without a key",
    { day: { ...model, as: "upsert" } },
    ["models.day.key is missing; upsert needs it, as in  key: [id]"],
  ],
  [
    "a key of an append",
    { day: { ...model, as: "append", key: ["id"] } },
    ["models.day.key says nothing to append; expected it with upsert or table"],
  ],
  [
    "a column of the key twice",
    { day: { ...model, key: ["id", "id"] } },
    ['models.day.key names "id" twice, expected each column once'],
  ],
  [
    "indexes of a view",
    { day: { ...model, as: "view", indexes: [{ columns: ["id"] }] } },
    ["models.day.indexes say nothing to a view, which keeps no rows; expected them with table"],
  ],
  [
    "a view on a table that is swapped",
    { day: { ...model, as: "view", needs: ["big"] } },
    [
      "models.day.needs names big, whose table is swapped: a view on it keeps that from being done; expected publish: rows there, or as: table",
    ],
  ],
  [
    "rows of a view set aside",
    { day: { ...model, as: "view", checks: [{ column: "id", not_null: true, severity: "reject" }] } },
    ["models.day.checks.1.severity is reject, and a view leaves no row out; expected fail or warn"],
  ],
  [
    "a check without a rule",
    { day: { ...model, checks: [{ column: "id" }] } },
    [
      "models.day.checks.1 has no rule, expected one of not_null, unique, pattern, one_of, range, length, references, sql",
    ],
  ],
])("%s", (_what, models, problems) => {
  expect(problemsOf(models)).toEqual(problems)
})
