/** Pure: what a report reads from, directly and through models. */
import type { Model } from "../models/model.ts"
import { allNeeds } from "../models/model-order.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"

export type Needed = {
  /** Those that it names come first. */
  readonly pipelines: readonly Pipeline[]
  /** In the order in which they are made. */
  readonly models: readonly Model[]
}

/** `models` are all of them, in the order in which they are made. */
export function findNeeded(
  needs: readonly string[],
  pipelines: readonly Pipeline[],
  models: readonly Model[],
): Needed {
  const names = new Set([...needs, ...needs.flatMap((name) => [...allNeeds(models, name)])])
  return {
    pipelines: [...names].flatMap((name) => pipelines.filter((pipeline) => pipeline.name === name)),
    models: models.filter(({ name }) => names.has(name)),
  }
}
