/** The models of loader.yaml with the SQL in their files, in the order in which they are made. */
import { findNearest } from "@flatbed/config"
import type { Problem } from "@flatbed/contract"
import { type BoundSql, bindNames } from "../sql/bind-names.ts"
import { readSqlFile, showPath, wrongFiles } from "../sql-file.ts"
import { describeModel, type Model } from "./model.ts"
import { allNeeds, orderModels } from "./model-order.ts"
import type { ModelForm, ModelSettings } from "./model-settings.ts"

/** The one name that a model's SQL may have in the place of a value. */
export const newVersions = "new_versions"

type Written = { readonly models: Readonly<Record<string, ModelSettings>> }

export type InspectedModels = {
  /** Those whose files can be used, in the order in which they are made. */
  readonly models: readonly Model[]
  /** What is wrong with the others, a line each. */
  readonly wrong: readonly string[]
  /** The same as one `settings-invalid`: with it no load begins. */
  readonly problem: Problem | undefined
}

/**
 * Reads the models; trusts that the settings were checked. Files are read each time, so that a process that stays makes
 * what they say now.
 *
 * @throws Problem `settings-invalid` naming every file that cannot be read or holds nothing, and every `:name` that
 * nobody gives a value.
 */
export async function readModels(settings: Written): Promise<readonly Model[]> {
  const { models, problem } = await inspectModels(settings)
  if (problem !== undefined) throw problem
  return models
}

/** The same for who can do with some of them: what is wrong is told beside them. */
export async function inspectModels(settings: Written): Promise<InspectedModels> {
  const named = Object.entries(settings.models).map(([name, model]) => ({ name, needs: model.needs, model }))
  const wrong: string[] = []
  const models: Model[] = []
  for (const { name, model } of orderModels(named)) {
    const file = showPath(model.sql)
    const read = await readSqlFile(model.sql)
    if ("why" in read) {
      wrong.push(`models.${name}.sql: the file ${file} ${read.why}`)
      continue
    }
    const { text } = read
    if (text.trim() === "") {
      wrong.push(`models.${name}.sql: ${file} holds nothing, expected one select`)
      continue
    }
    const bound = bindNames(text, [newVersions], () => "text[]")
    const isIncremental = bound.order.length > 0
    const names = findWrongNames(bound, isIncremental, model.as)
    wrong.push(...names.map((one) => `${file}: ${one}`))
    if (names.length > 0) continue
    const all = allNeeds(named, name)
    const needed = {
      pipelines: [...all].filter((need) => !Object.hasOwn(settings.models, need)),
      models: model.needs.filter((need) => Object.hasOwn(settings.models, need)),
    }
    models.push(describeModel(name, model, { file, text, select: bound.text, isIncremental }, needed))
  }
  const hint = `A model is a file with one select; the only name in it that gets a value is :${newVersions}.`
  return { models, wrong, problem: wrongFiles(wrong, hint) }
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
