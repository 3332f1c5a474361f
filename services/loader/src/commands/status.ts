/** `status`: what the ledger says about each pipeline. */
import { exitCodes } from "@flatbed/contract"
import type { Command, CommandContext } from "@flatbed/edge"
import { formatModels } from "../models/model-status.ts"
import { formatStatus, needsLook } from "../status.ts"
import { endBeside, toldProblem } from "./problem-beside.ts"
import { withLoader } from "./with-loader.ts"

export const statusCommand: Command = {
  name: "status",
  summary:
    "says per pipeline what is published, since when that is known to be the newest, how the last run ended, and when the next is due",
  options: [
    {
      flag: "--check",
      summary:
        "for a monitor: end with 5 when a pipeline's last attempt failed, it is overdue or its table is gone; with 9 when a model failed; with 2, as without it, when a model's file cannot be used",
    },
  ],
  examples: ["flatbed-loader status", "flatbed-loader status --check --json"],
  run: status,
}

async function status(context: CommandContext): Promise<number> {
  return await withLoader(context, async (loader) => {
    const statuses = await loader.status()
    const { models, problem } = await loader.modelStatus()
    const text = [formatStatus(statuses), ...(models.length === 0 ? [] : [formatModels(models)])].join("\n\n")
    context.print({ pipelines: statuses, models, problem: toldProblem(problem) }, text)
    const code = endBeside(context, problem)
    const broken = statuses.filter(needsLook).map(({ pipeline }) => pipeline)
    const failed = models.filter(({ state }) => state === "failed").map(({ model }) => model)
    const names = [...broken, ...failed]
    if (context.options.check !== true || names.length === 0) return code
    if (!context.json) context.note(`to look at: ${names.join(", ")}`)
    // No load begins while a file cannot be used.
    if (problem !== undefined) return code
    return broken.length > 0 ? exitCodes.contract : exitCodes.models
  })
}
