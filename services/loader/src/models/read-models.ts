/** The models of loader.yaml with the SQL in their files, in the order in which they are made. */
import { readFile } from "node:fs/promises"
import { relative } from "node:path"
import { findNearest } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import { type BoundSql, bindNames } from "../sql/bind-names.ts"
import { describeModel, type Model } from "./model.ts"
import { allNeeds, orderModels } from "./model-order.ts"
import type { ModelForm, ModelSettings } from "./model-settings.ts"

/** The one name that a model's SQL may have in the place of a value. */
export const newVersions = "new_versions"

type Written = { readonly models: Readonly<Record<string, ModelSettings>> }

/**
 * Reads the models; trusts that the settings were checked. Files are read each time, so that a process that stays makes
 * what they say now.
 *
 * @throws Problem `settings-invalid` naming every file that cannot be read or holds nothing, and every `:name` that
 * nobody gives a value.
 */
export async function readModels(settings: Written): Promise<Model[]> {
  const named = Object.entries(settings.models).map(([name, model]) => ({ name, needs: model.needs, model }))
  const wrong: string[] = []
  const models: Model[] = []
  for (const { name, model } of orderModels(named)) {
    const file = showPath(model.sql)
    const text = await readText(model.sql)
    if (typeof text !== "string") {
      wrong.push(`models.${name}.sql: ${file} cannot be read: ${text.message}`)
      continue
    }
    if (text.trim() === "") {
      wrong.push(`models.${name}.sql: ${file} holds nothing, expected one select`)
      continue
    }
    const bound = bindNames(text, [newVersions], () => "text[]")
    const isIncremental = bound.order.length > 0
    wrong.push(...findWrongNames(bound, isIncremental, model.as).map((one) => `${file}: ${one}`))
    const all = allNeeds(named, name)
    const needed = {
      pipelines: [...all].filter((need) => !Object.hasOwn(settings.models, need)),
      models: model.needs.filter((need) => Object.hasOwn(settings.models, need)),
    }
    models.push(describeModel(name, model, { file, text, select: bound.text, isIncremental }, needed))
  }
  if (wrong.length === 0) return models
  throw new Problem(
    "settings-invalid",
    wrong.length === 1 ? (wrong[0] ?? "") : `${wrong.length} problems:\n  ${wrong.join("\n  ")}`,
    {
      hint: `A model is a file with one select; the only name in it that gets a value is :${newVersions}.`,
      facts: { problems: wrong.length },
    },
  )
}

function findWrongNames({ unknown, numbered }: BoundSql, isIncremental: boolean, as: ModelForm): string[] {
  const others = unknown.map((name) => {
    const nearest = findNearest(name, [newVersions])
    const help = nearest === undefined ? "" : `; did you mean :${nearest}?`
    return `:${name} gets no value in a model, only reports have parameters${help}`
  })
  others.push(...numbered.map((one) => `${one} gets no value in a model`))
  if (!isIncremental || as === "append" || as === "upsert") return others
  const why =
    as === "view"
      ? "a view is asked when it is read, not when it is made"
      : "a table holds what the select gives and nothing else, so all other rows would go"
  return [
    ...others,
    `:${newVersions} says nothing to as: ${as}, for ${why}; expected it with append or upsert`,
  ]
}

async function readText(file: string): Promise<string | Error> {
  // A BOM is no part of the SQL.
  return await readFile(file, "utf8").then(
    (text) => text.replace(/^\uFEFF/, ""),
    (error: Error) => error,
  )
}

/** A file as somebody in the working folder would name it. */
function showPath(file: string): string {
  const near = relative(process.cwd(), file)
  return near.startsWith("..") ? file : near
}
