/** Pure: a model as `loader.yaml` says it, and what is wrong with it beside others. */
import { findNearest, path, type Settings, type SettingsProblem } from "@flatbed/config"
import Type from "@flatbed/typebox"
import { checkChecks, checksSchema } from "../checks/check-settings.ts"
import { parseTable, showTable, type TableName } from "../postgres/identifier.ts"
import { checkIndexes, indexesSchema } from "../settings/index-settings.ts"
import { findCircle } from "./model-order.ts"

/** What becomes of the rows of a model's select. */
export const modelForms = ["table", "view", "append", "upsert"] as const

export type ModelForm = (typeof modelForms)[number]

const modelSchema = Type.Object({
  sql: path({
    description: "a file with one select; names in it need their schema, for search_path is empty",
  }),
  table: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        "the table or view, `schema.table` or `table` in schema public; left out, the model's name in public",
    }),
  ),
  needs: Type.Array(Type.String({ minLength: 1 }), {
    minItems: 1,
    description:
      "the pipelines and models whose tables the select reads: the model is made after them, and again when they bring something new",
  }),
  as: Type.Enum([...modelForms], {
    default: "table",
    description:
      "what becomes of the select's rows: `table` puts them in the place of all rows before; `append` adds them; `upsert` inserts and updates by `key`; `view` keeps no rows",
  }),
  key: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description:
        "the columns that tell a row, the primary key of a table that is made; `upsert` needs it, and with it `table` applies the difference",
    }),
  ),
  indexes: Type.Array(indexesSchema.items, {
    default: [],
    shownAs: "list of `{ columns, unique, name }`",
    description: "as of a pipeline",
  }),
  checks: Type.Array(checksSchema.items, {
    default: [],
    shownAs: "list of `{ column, RULE, severity, name }`",
    description:
      "as of a pipeline, asked of the select's rows; with severity `reject` a row is left out and kept in the ledger",
  }),
})

/** `models` of loader.yaml. */
export const modelsSchema = Type.Record(
  Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$" }),
  modelSchema,
  {
    default: {},
    expectedName: "a name of letters, digits, _ and -, the first a letter or digit, at most 41",
    description: "SQL that builds a table or view after a load, by a name of your choice",
  },
)

export type ModelSettings = Settings<typeof modelSchema>

type Checked = {
  readonly database: { readonly schema: string }
  readonly pipelines: Readonly<Record<string, { readonly table: string; readonly publish: string }>>
  readonly models: Readonly<Record<string, ModelSettings>>
}

/** Where a model's rows go, as it is written or by its name. */
export function writtenTable(name: string, { table }: Pick<ModelSettings, "table">): string {
  return table ?? `public.${name}`
}

/** Names that meet or are not there, tables that meet, circles, and settings that say nothing to a form. */
export function checkModels({ database, pipelines, models }: Checked): SettingsProblem[] {
  const problems: SettingsProblem[] = []
  const known = [...Object.keys(pipelines), ...Object.keys(models)]
  const owners = new Map(
    Object.entries(pipelines).map(([name, { table }]) => [keyOf(table), `pipeline ${name} loads`]),
  )
  for (const [name, model] of Object.entries(models)) {
    const at = `models.${name}`
    const add = (setting: string, message: string) => problems.push({ path: `${at}.${setting}`, message })
    if (Object.hasOwn(pipelines, name))
      problems.push({ path: at, message: "is the name of a pipeline too; expected a name of its own" })
    const written = writtenTable(name, model)
    const table = parseTable(written)
    const owner = owners.get(keyOf(written))
    if (table === undefined)
      add("table", `is "${written}"; expected table or schema.table, each at most 63 bytes`)
    else if (table.schema === database.schema)
      add("table", `is "${written}"; the schema ${database.schema} is the ledger's own, choose another`)
    else if (owner !== undefined) add("table", `is "${written}", which ${owner}; expected a table of its own`)
    owners.set(keyOf(written), `model ${name} makes`)
    for (const need of model.needs) {
      if (known.includes(need)) continue
      const nearest = findNearest(need, known)
      const help = nearest === undefined ? `there are ${known.join(", ")}` : `did you mean ${nearest}?`
      add("needs", `names ${JSON.stringify(need)}, which is no pipeline and no model; ${help}`)
    }
    const again = model.needs.find((need, i) => model.needs.indexOf(need) !== i)
    if (again !== undefined) add("needs", `names ${JSON.stringify(again)} twice, expected each once`)
    const swapped = model.needs.find((need) => pipelines[need]?.publish === "swap")
    if (model.as === "view" && swapped !== undefined)
      add(
        "needs",
        `names ${swapped}, whose table is swapped: a view on it keeps that from being done; expected publish: rows there, or as: table`,
      )
    problems.push(...checkForm(at, model, table ?? { schema: "public", name }))
  }
  const needs = Object.entries(models).map(([name, model]) => ({ name, needs: model.needs }))
  const circle = findCircle(needs)
  if (circle !== undefined) {
    const message = `goes in a circle: ${circle.join(" needs ")}; expected an order in which they can be made`
    problems.push({ path: `models.${circle[0]}.needs`, message })
  }
  return problems
}

const keyOf = (written: string) => {
  const table = parseTable(written)
  return table === undefined ? written : showTable(table)
}

function checkForm(at: string, model: ModelSettings, table: TableName): SettingsProblem[] {
  const { as, key, indexes, checks } = model
  const problems: SettingsProblem[] = []
  const add = (setting: string, message: string) => problems.push({ path: `${at}.${setting}`, message })
  const twice = key?.find((name, i) => key.indexOf(name) !== i)
  if (twice !== undefined) add("key", `names ${JSON.stringify(twice)} twice, expected each column once`)
  if (as === "upsert" && key === undefined) add("key", "is missing; upsert needs it, as in  key: [id]")
  if (key !== undefined && (as === "view" || as === "append"))
    add("key", `says nothing to ${as}; expected it with upsert or table`)
  if (as === "view" && indexes.length > 0)
    add("indexes", "say nothing to a view, which keeps no rows; expected them with table")
  for (const [i, { severity }] of checks.entries()) {
    if (as === "view" && severity === "reject")
      add(`checks.${i + 1}.severity`, "is reject, and a view leaves no row out; expected fail or warn")
  }
  return [...problems, ...checkIndexes(at, table.name, indexes), ...checkChecks(at, table, checks)]
}
