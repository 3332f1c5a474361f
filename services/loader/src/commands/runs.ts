/** `runs list` and `runs show`: what the ledger holds about runs. */
import { findNearest } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import type { Command } from "@flatbed/edge"
import type { Session } from "../postgres/database.ts"
import { findRun, formatRun, formatRuns, listPipelinesThatRan, listRuns } from "../run-list.ts"
import type { ShowCommand } from "../summary.ts"
import { readNumber } from "./numbers.ts"
import { shownBy, withLoader } from "./with-loader.ts"

export const runsListCommand: Command = {
  name: "runs list",
  summary: "lists the latest runs, newest first",
  options: [
    { flag: "--pipeline <name>", summary: "only runs of this pipeline" },
    { flag: "--limit <n>", summary: "at most so many; 20 unless given" },
  ],
  examples: ["flatbed-loader runs list", "flatbed-loader runs list --pipeline telecom --limit 5"],
  async run(context) {
    const { pipeline, limit = 20 } = context.options
    const asked = {
      pipeline: pipeline as string | undefined,
      limit: readNumber(limit, "--limit"),
    }
    return await withLoader(context, async (loader) => {
      const runs = await loader.askLedger(async (session) => {
        const found = await listRuns(session, asked)
        if (asked.pipeline === undefined || found.length > 0) return found
        throw await neverRan(session, asked.pipeline, shownBy(context))
      })
      context.print({ runs }, formatRuns(runs))
      return 0
    })
  },
}

export const runsShowCommand: Command = {
  name: "runs show",
  summary: "tells all about one run",
  arguments: [{ name: "run", summary: "its number, from runs list or the log" }],
  examples: ["flatbed-loader runs show 7"],
  async run(context) {
    const number = readNumber(context.args.run, "the run")
    return await withLoader(context, async (loader) => {
      const run = await loader.askLedger((session) => findRun(session, number))
      if (run === undefined) throw unknownRun(number, shownBy(context))
      context.print(run, formatRun(run, shownBy(context)))
      return 0
    })
  },
}

/** The problem of a pipeline that the ledger knows nothing of, with the nearest and all of those that it knows. */
export async function neverRan(
  session: Session,
  pipeline: string,
  showCommand: ShowCommand,
): Promise<Problem> {
  const known = await listPipelinesThatRan(session)
  const nearest = findNearest(pipeline, known)
  const help = [
    ...(nearest === undefined ? [] : [`Did you mean ${JSON.stringify(nearest)}?`]),
    known.length === 0 ? "No pipeline has run yet." : `There are runs of ${known.join(", ")}.`,
    `All runs: ${showCommand("runs list")}`,
  ]
  return new Problem("usage-invalid", `The ledger has no run of a pipeline ${JSON.stringify(pipeline)}.`, {
    hint: help.join(" "),
  })
}

/** The problem of a run number that the ledger does not have. */
export function unknownRun(run: number, showCommand: ShowCommand): Problem {
  return new Problem("usage-invalid", `The ledger has no run ${run}.`, {
    hint: `Those there are: ${showCommand("runs list")}`,
  })
}
