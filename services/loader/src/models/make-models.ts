/** The models after a load: which of them, in which order, and what becomes of those that need one that failed. */
import { randomUUID } from "node:crypto"
import { findNearest } from "@flatbed/config"
import { asProblem, Problem } from "@flatbed/contract"
import { maskProblem } from "@flatbed/edge"
import type { Logger } from "pino"
import type { Database } from "../postgres/database.ts"
import { asModelFailure, type Making, makeModel } from "./make-model.ts"
import type { Model } from "./model.ts"
import { recordFailed } from "./model-ledger.ts"
import { tellModel } from "./model-log.ts"
import { allNeeds, dependingOn } from "./model-order.ts"
import { type ModelOutcome, outcomeOf } from "./model-outcome.ts"
import { refreshStatistics } from "./refresh-statistics.ts"

/** `after`: what depends on these pipelines, if it is stale. `names`: these, also when they are not. */
export type WantedModels =
  | { readonly after: readonly string[] }
  | { readonly names: readonly string[]; readonly onlyStale: boolean }

export type ModelParts = {
  readonly database: Database
  readonly log: Logger
  readonly signal: AbortSignal
}

const rounds = 5

/**
 * Makes the wanted models in their order, each in a transaction of its own, and before them what they need and is stale.
 * One that fails leaves its old table, and those that need it are skipped; the others are made. Each outcome carries its
 * problem.
 *
 * @throws Problem `usage-invalid` for a name that is no model.
 */
export async function makeModels(
  models: readonly Model[],
  wanted: WantedModels,
  parts: ModelParts,
): Promise<ModelOutcome[]> {
  const asked = "after" in wanted ? dependingOn(models, wanted.after) : selectModels(models, wanted.names)
  const force = new Set("after" in wanted || wanted.onlyStale ? [] : asked)
  const needed = new Set(asked.flatMap((name) => [name, ...allNeeds(models, name)]))
  const outcomes = new Map<string, ModelOutcome>()
  for (const model of models) {
    if (!needed.has(model.name)) continue
    if (parts.signal.aborted) break
    const outcome = await makeOne(model, force.has(model.name))
    outcomes.set(model.name, outcome)
    tellModel(parts.log, outcome)
  }
  return [...outcomes.values()]

  async function makeOne(model: Model, isForced: boolean): Promise<ModelOutcome> {
    const broken = model.models.filter((name) => isBroken(outcomes.get(name)))
    if (broken.length > 0) return outcomeOf(model, "skipped", 0, { reason: describeBroken(broken) })
    const began = performance.now()
    const seconds = () => (performance.now() - began) / 1000
    try {
      const making = await makeWithNeeds(model, isForced)
      if (making.outcome === "made") await refreshStatistics(model, making.made, parts)
      return describeMaking(model, making, seconds())
    } catch (error) {
      if (parts.signal.aborted) return outcomeOf(model, "stopped", seconds(), {})
      const problem = asModelFailure(model, maskProblem(asProblem(error)))
      await recordFailed(parts.database, model, { code: problem.code, detail: problem.message })
      return outcomeOf(model, "failed", seconds(), { problem })
    }
  }

  /** Something may be published while the models are made: then what this one needs is made once more before it. */
  async function makeWithNeeds(model: Model, isForced: boolean): Promise<Making> {
    const { database, signal } = parts
    const make = async (one: Model, force: boolean) =>
      await makeModel(one, {
        models,
        database: database.as(`flatbed-loader/${one.name}`),
        token: randomUUID(),
        force,
        signal,
      })
    for (let round = 1; ; round += 1) {
      const making = await make(model, isForced)
      if (making.outcome !== "overtaken" || round === rounds) return making
      const needs = allNeeds(models, model.name)
      for (const one of models) if (needs.has(one.name)) await make(one, false)
    }
  }
}

const isBroken = (outcome: ModelOutcome | undefined) =>
  outcome?.outcome === "failed" || outcome?.outcome === "skipped" || outcome?.outcome === "stopped"

const describeBroken = (names: readonly string[]) =>
  `it needs ${names.join(", ")}, which ${names.length === 1 ? "was" : "were"} not made`

function describeMaking(model: Model, making: Making, seconds: number): ModelOutcome {
  switch (making.outcome) {
    case "made": {
      const { made, reason, told } = making
      return outcomeOf(model, "made", seconds, { made, reason, told })
    }
    case "up-to-date":
      return outcomeOf(model, "up-to-date", seconds, { rows: making.tableRows })
    case "waiting":
      return outcomeOf(model, "skipped", seconds, {
        reason: `${making.pipelines.join(", ")} ${making.pipelines.length === 1 ? "was" : "were"} never loaded`,
      })
    case "overtaken":
      return outcomeOf(model, "skipped", seconds, {
        reason: `what it needs was published ${rounds} times meanwhile`,
      })
  }
}

/** The names, or those of all models. Raises usage-invalid with the nearest. */
function selectModels(models: readonly Model[], names: readonly string[]): string[] {
  const known = models.map(({ name }) => name)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown === undefined) return names.length === 0 ? known : [...names]
  const nearest = findNearest(unknown, known)
  const list = known.length === 0 ? "loader.yaml has none" : `loader.yaml has ${known.join(", ")}`
  throw new Problem("usage-invalid", `There is no model ${unknown}; ${list}.`, {
    hint: nearest === undefined ? "Name one of these, or none for all." : `Did you mean ${nearest}?`,
  })
}
