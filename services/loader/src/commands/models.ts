/** `models list` and `models run`: the SQL that builds tables after a load. */
import { exitCodes } from "@flatbed/contract"
import type { Command, CommandContext } from "@flatbed/edge"
import { describeOutcome, type ModelOutcome, modelToJson } from "../models/model-outcome.ts"
import { formatModels } from "../models/model-status.ts"
import { endBeside, toldProblem } from "./problem-beside.ts"
import { withLoader } from "./with-loader.ts"

export const modelsListCommand: Command = {
  name: "models list",
  summary:
    "lists the models in the order in which they are made: what they need, and whether they are up to date",
  examples: ["flatbed-loader models list", "flatbed-loader models list --json"],
  async run({ print, ...context }) {
    return await withLoader({ print, ...context }, async (loader) => {
      const { models, problem } = await loader.modelStatus()
      const none = problem === undefined ? "no models" : "no model whose file can be used"
      print({ models, problem: toldProblem(problem) }, models.length === 0 ? none : formatModels(models))
      return endBeside({ print, ...context }, problem)
    })
  },
}

export const modelsRunCommand: Command = {
  name: "models run",
  summary: "makes models now, and before them what they need where that is stale; without a name all",
  arguments: [{ name: "model", summary: "names from loader.yaml", variadic: true, optional: true }],
  options: [{ flag: "--stale", summary: "only those for which something is new, as load does" }],
  examples: [
    "flatbed-loader models run",
    "flatbed-loader models run --stale",
    "flatbed-loader models run genre_day",
  ],
  async run(context) {
    const { args, options, signal } = context
    const wanted = { names: [args.model ?? []].flat(), onlyStale: options.stale === true }
    return await withLoader(
      context,
      async (loader) => {
        const outcomes = await loader.makeModels(wanted, signal)
        const lines = outcomes.map(describeOutcome)
        context.print(
          { models: outcomes.map(modelToJson) },
          lines.length === 0 ? "no models" : lines.join("\n"),
        )
        noteHints(context, outcomes)
        return modelsExitCode(outcomes)
      },
      { bar: false, tellsEnds: true },
    )
  },
}

/** What helps with those that failed, to stderr. */
export function noteHints({ json, note }: CommandContext, outcomes: readonly ModelOutcome[]): void {
  for (const { model, problem } of outcomes) {
    if (problem?.hint !== undefined && !json) note(`${model}: ${problem.hint}`)
  }
}

function modelsExitCode(outcomes: readonly ModelOutcome[]): number {
  const failed = outcomes.find(({ problem }) => problem !== undefined)
  if (failed?.problem !== undefined) return failed.problem.exitCode
  return outcomes.some(({ rejects }) => rejects > 0) ? exitCodes.rejects : exitCodes.done
}
