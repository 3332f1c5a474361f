/** Which models a load would make behind its pipelines, and why; found out without writing anything. */

import { asProblem } from "@flatbed/contract"
import type { Model } from "../models/model.ts"
import { readFacts } from "../models/model-ledger.ts"
import { allNeeds, dependingOn } from "../models/model-order.ts"
import { describeStale, type Facts, findStale, findUnloaded } from "../models/staleness.ts"
import { inspectLedger } from "../postgres/migrate.ts"
import type { PlannedPipeline, PlanParts } from "./plan-load.ts"

export type ModelPlan = {
  readonly model: string
  readonly table: string
  readonly as: Model["as"]
  /** `wait`: a pipeline that it needs was never loaded, and would not be now. */
  readonly outcome: "make" | "up-to-date" | "wait"
  /** Why it would be made, or what it would wait for; null when it is up to date. */
  readonly reason: string | null
}

/**
 * Plans those that a load of these pipelines would come to, in the order in which they would be made: what a pipeline
 * would publish counts as published.
 */
export async function planModels(
  models: readonly Model[],
  planned: readonly PlannedPipeline[],
  { database, signal }: Pick<PlanParts, "database" | "signal">,
): Promise<ModelPlan[]> {
  const asked = dependingOn(
    models,
    planned.map(({ pipeline }) => pipeline.name),
  )
  if (asked.length === 0) return []
  const coming = planned.filter(({ plan }) => plan.outcome === "load").map(({ pipeline }) => pipeline.name)
  const needed = new Set(asked.flatMap((name) => [name, ...allNeeds(models, name)]))
  const facts = await askFacts(models, database, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    // What keeps Postgres from answering is what the plan of a pipeline says already.
    if (planned.some(({ problem }) => problem?.code === asProblem(error).code)) return undefined
    throw error
  })
  if (facts === undefined) return []
  const then = afterwards(facts, coming)
  const stale = findStale(models, then)
  return models
    .filter(({ name }) => needed.has(name))
    .map((model) => {
      const { name, target: table, as } = model
      const why = stale.get(name)
      const unloaded = findUnloaded(model, then)
      const plan = (outcome: ModelPlan["outcome"], reason: string | null) => ({
        ...{ model: name, table, as, outcome, reason },
      })
      if (unloaded.length > 0) return plan("wait", `it waits for ${unloaded.join(", ")} to be loaded`)
      return why === undefined ? plan("up-to-date", null) : plan("make", describeStale(why, model))
    })
}

/** Undefined where the ledger is of an older loader: each pipeline's plan says so. */
async function askFacts(
  models: readonly Model[],
  database: PlanParts["database"],
  signal: AbortSignal,
): Promise<Facts | undefined> {
  return await database.transaction(
    async (session) => {
      await session.query("set transaction read only")
      switch (await inspectLedger(session, session.ledgerSchema)) {
        case "current":
          return await readFacts(session, models)
        case "missing":
          return noFacts
        case "older":
          return undefined
      }
    },
    { doing: "looking at the models", signal },
  )
}

const noFacts: Facts = { publications: new Map(), made: new Map(), oids: new Map() }

/** The facts once these pipelines have published something more. */
function afterwards(facts: Facts, coming: readonly string[]): Facts {
  const more = coming.map((name) => [name, (facts.publications.get(name) ?? 0) + 1] as const)
  return { ...facts, publications: new Map([...facts.publications, ...more]) }
}
