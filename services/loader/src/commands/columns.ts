/** `columns`: the history of tables' columns, from the ledger. */
import type { Command } from "@flatbed/edge"
import { listColumnEvents } from "../columns/column-ledger.ts"
import { formatColumnEvents } from "../columns/column-list.ts"
import { listPipelinesThatRan } from "../run-list.ts"
import { readNumber } from "./numbers.ts"
import { neverRan } from "./runs.ts"
import { shownBy, withLoader } from "./with-loader.ts"

export const columnsCommand: Command = {
  name: "columns",
  summary: "tells how tables came to their columns: made, added, widened, left out; newest first",
  arguments: [{ name: "pipeline", summary: "only the tables of this one", optional: true }],
  options: [{ flag: "--limit <n>", summary: "at most so many lines; 50 unless given" }],
  examples: ["flatbed-loader columns", "flatbed-loader columns telecom --json"],
  async run(context) {
    const pipeline = context.args.pipeline as string | undefined
    const limit = readNumber(context.options.limit ?? 50, "--limit")
    return await withLoader(context, async (loader) => {
      const events = await loader.askLedger(async (session) => {
        const found = await listColumnEvents(session, { pipeline, limit })
        if (pipeline === undefined || found.length > 0) return found
        if (!(await listPipelinesThatRan(session)).includes(pipeline))
          throw await neverRan(session, pipeline, shownBy(context))
        return found
      })
      context.print({ columns: events }, formatColumnEvents(events))
      return 0
    })
  },
}
