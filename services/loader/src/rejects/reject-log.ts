/** Rejects in the log: the first of a run one by one, the others as a number. */
import type { Reject } from "@flatbed/contract"
import type { Logger } from "pino"
import { counted, type ShowCommand } from "../summary.ts"
import { showReject } from "./rejects-problem.ts"

const shownPerRun = 20

/** Tells of rejects as they are committed: `row.rejected` for the first 20 of the run, then `rows.rejected` at `close`. */
export function createRejectLog(log: Logger, showCommand: ShowCommand) {
  let told = 0
  let more = 0
  return {
    tell(rejects: readonly Reject[]): void {
      for (const { raw: _, ...reject } of rejects) {
        if (told === shownPerRun) more += 1
        else {
          told += 1
          log.warn({ event: "row.rejected", ...reject }, showReject(reject))
        }
      }
    },
    /** Says how many more there were, and how to see them. */
    close(runId: number): void {
      if (more === 0) return
      const list = showCommand(`rejects list --run ${runId}`)
      log.warn(
        { event: "rows.rejected", run: runId, shown: told, more },
        `${counted(more, "more reject")}: ${list}`,
      )
      more = 0
    },
  }
}
