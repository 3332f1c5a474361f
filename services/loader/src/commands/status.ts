/** `status`: what the ledger says about each pipeline. */
import type { Command, CommandContext } from "@flatbed/edge"
import { formatStatus } from "../status.ts"
import { withLoader } from "./with-loader.ts"

export const statusCommand: Command = {
  name: "status",
  summary: "says per pipeline what is published, how the last run ended, and when the next is due",
  examples: ["flatbed-loader status", "flatbed-loader status --json"],
  run: status,
}

async function status(context: CommandContext): Promise<number> {
  return await withLoader(context, async (loader) => {
    const statuses = await loader.status()
    context.print({ pipelines: statuses }, formatStatus(statuses))
    return 0
  })
}
