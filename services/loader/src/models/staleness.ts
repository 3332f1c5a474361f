/** Pure: whether a model has to be made, and why; and what it waits for. */
import type { Model } from "./model.ts"

/** The last time that a model was made. */
export type MadeRun = {
  readonly number: number
  readonly definitionSha256: string
  readonly targetOid: number
  /** Of each pipeline that it needs, directly or through models, the last publication that it saw. */
  readonly seenPublications: Readonly<Record<string, number>>
  /** Of each model that it needs the run that it saw. */
  readonly seenModels: Readonly<Record<string, number>>
}

/** What the ledger and the catalogs know at one moment. */
export type Facts = {
  /** Of each pipeline its last publication. */
  readonly publications: ReadonlyMap<string, number>
  readonly made: ReadonlyMap<string, MadeRun>
  /** What has the name of each model's table now. */
  readonly oids: ReadonlyMap<string, number>
}

/** `news`: `from` are the pipelines and models that have something which the model has not seen. */
export type Stale =
  | { readonly why: "never" | "definition" | "gone" }
  | { readonly why: "news"; readonly from: readonly string[] }

/** Each model that has to be made, with the reason. `models` are in the order in which they are made. */
export function findStale(models: readonly Model[], facts: Facts): Map<string, Stale> {
  const stale = new Map<string, Stale>()
  for (const model of models) {
    const reason = judge(model, facts, stale)
    if (reason !== undefined) stale.set(model.name, reason)
  }
  return stale
}

function judge(model: Model, facts: Facts, stale: ReadonlyMap<string, Stale>): Stale | undefined {
  const made = facts.made.get(model.name)
  if (made === undefined) return { why: "never" }
  if (made.definitionSha256 !== model.definitionSha256) return { why: "definition" }
  if (facts.oids.get(model.name) !== made.targetOid) return { why: "gone" }
  const from = [
    ...model.pipelines.filter(
      (name) => (facts.publications.get(name) ?? 0) > (made.seenPublications[name] ?? 0),
    ),
    ...model.models.filter(
      (name) => stale.has(name) || (facts.made.get(name)?.number ?? 0) > (made.seenModels[name] ?? 0),
    ),
  ]
  return from.length === 0 ? undefined : { why: "news", from }
}

/** Pipelines that a model needs, directly or through others, and that never published anything. */
export function findUnloaded(model: Model, { publications }: Facts): string[] {
  return model.pipelines.filter((name) => !publications.has(name))
}

/** The reason, to follow "made since" or "stale: ". */
export function describeStale(stale: Stale, { target, as }: Pick<Model, "target" | "as">): string {
  switch (stale.why) {
    case "never":
      return "it was never made"
    case "definition":
      return "its definition changed"
    case "gone":
      return `the ${as === "view" ? "view" : "table"} ${target} is not the one that it made`
    case "news":
      return `news from ${stale.from.join(", ")}`
  }
}
