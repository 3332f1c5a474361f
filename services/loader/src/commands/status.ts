/** `status`: what the ledger says about each pipeline. */
import { exitCodes } from "@flatbed/contract"
import type { Command, CommandContext } from "@flatbed/edge"
import { formatStatus, needsLook } from "../status.ts"
import { withLoader } from "./with-loader.ts"

export const statusCommand: Command = {
  name: "status",
  summary:
    "says per pipeline what is published, since when that is known to be the newest, how the last run ended, and when the next is due",
  options: [
    {
      flag: "--check",
      summary:
        "end with 5 when a pipeline's last attempt failed, it is overdue or its table is gone, for a monitor",
    },
  ],
  examples: ["flatbed-loader status", "flatbed-loader status --check --json"],
  run: status,
}

async function status(context: CommandContext): Promise<number> {
  return await withLoader(context, async (loader) => {
    const statuses = await loader.status()
    context.print({ pipelines: statuses }, formatStatus(statuses))
    const broken = statuses.filter(needsLook)
    if (context.options.check !== true || broken.length === 0) return exitCodes.done
    if (!context.json) context.note(`to look at: ${broken.map(({ pipeline }) => pipeline).join(", ")}`)
    return exitCodes.contract
  })
}
