/** When a pipeline runs next, for the log's last line. Pure. */

import type { Pipeline } from "../settings/pipeline-settings.ts"
import { findNextTick } from "./due-ticks.ts"

export type NextRun = {
  /** RFC 3339; null when no schedule says so. */
  readonly at: string | null
  /** As the end of a sentence. */
  readonly words: string
}

/** What makes the pipeline run again while the loader is started: its schedule, the source's word, or nobody. */
export function describeNext(
  { schedule, follow }: Pick<Pipeline, "schedule" | "follow">,
  clock: { readonly timezone: string; readonly now: Date },
): NextRun {
  const tick = schedule === undefined ? undefined : findNextTick(schedule, clock.timezone, clock.now)
  const at = tick?.toISOString() ?? null
  const announced = "when the source announces a version"
  if (at !== null) return { at, words: `next at ${at}${follow ? `, or ${announced}` : ""}` }
  return { at, words: follow ? `next ${announced}` : "next only by load" }
}
