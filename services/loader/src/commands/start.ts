/** `start`: the schedules and what the source announces, until it is stopped. */
import type { Command, CommandContext } from "@flatbed/edge"
import { withLoader } from "./with-loader.ts"

export const startCommand: Command = {
  name: "start",
  summary: "runs the schedules, and follows the source, until it is stopped",
  examples: ["flatbed-loader start --config /etc/flatbed/loader.yaml"],
  run: start,
}

async function start(context: CommandContext): Promise<number> {
  const { signal, note } = context
  return await withLoader(context, async (loader) => {
    try {
      note(`flatbed-loader is up; health and metrics at ${await loader.start()}`)
      await aborted(signal)
    } finally {
      await loader.stop()
    }
    return 0
  })
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
}
