/** `start`: the schedules and what the source announces, until it is stopped. */
import type { Command, CommandContext } from "@flatbed/edge"
import { describeOutcome, type ModelOutcome, modelToJson } from "../models/model-outcome.ts"
import { outcomeToJson, type RunOutcome, summarize } from "../summary.ts"
import { shownBy, withLoader } from "./with-loader.ts"

export const startCommand: Command = {
  name: "start",
  summary: "runs the schedules, and follows the source, until it is stopped",
  examples: ["flatbed-loader start --config /etc/flatbed/loader.yaml"],
  run: start,
}

/** Prints a line for each run, and each model, that did something, failed or was skipped; one that found nothing new is in the log alone. */
async function start(context: CommandContext): Promise<number> {
  const { signal, note, print } = context
  const onEnd = (outcome: RunOutcome) => {
    if (outcome.outcome === "up-to-date" || outcome.outcome === "stopped") return
    print(outcomeToJson(outcome), summarize(outcome, shownBy(context)))
  }
  const onModel = (outcome: ModelOutcome) => {
    if (outcome.outcome === "up-to-date" || outcome.outcome === "stopped") return
    print(modelToJson(outcome), describeOutcome(outcome))
  }
  return await withLoader(
    context,
    async (loader) => {
      try {
        note(`flatbed-loader is up; health and metrics at ${await loader.start()}`)
        await aborted(signal)
      } finally {
        await loader.stop()
      }
      return 0
    },
    { bar: false, tellsEnds: true, onEnd, onModel },
  )
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
}
