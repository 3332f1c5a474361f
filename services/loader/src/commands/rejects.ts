/** `rejects list` and `rejects show`: the records that were set aside. */
import { Problem } from "@flatbed/contract"
import type { Command } from "@flatbed/edge"
import type { Session } from "../postgres/database.ts"
import { countRejects, findLatestRuns, findReject, getRejects } from "../rejects/reject-ledger.ts"
import { formatReject, formatRejects, rejectToJson } from "../rejects/reject-list.ts"
import { findRun } from "../run-list.ts"
import type { ShowCommand } from "../summary.ts"
import { readNumber } from "./numbers.ts"
import { neverRan, unknownRun } from "./runs.ts"
import { shownBy, withLoader } from "./with-loader.ts"

export const rejectsListCommand: Command = {
  name: "rejects list",
  summary: "lists records that were set aside by the latest run of each pipeline, or by the run named",
  options: [
    { flag: "--pipeline <name>", summary: "only of this pipeline's latest run" },
    { flag: "--run <n>", summary: "of this run instead" },
    { flag: "--limit <n>", summary: "at most so many; 20 unless given" },
  ],
  examples: ["flatbed-loader rejects list", "flatbed-loader rejects list --run 7 --limit 1000 --json"],
  async run(context) {
    const { pipeline, run, limit = 20 } = context.options
    const asked = {
      pipeline: pipeline as string | undefined,
      run: run === undefined ? undefined : readNumber(run, "--run"),
      limit: readNumber(limit, "--limit"),
    }
    return await withLoader(context, async (loader) => {
      const { rejects, of } = await loader.askLedger((session) =>
        listRejects(session, asked, shownBy(context)),
      )
      context.print({ rejects: rejects.map(rejectToJson), of }, formatRejects(rejects, of))
      return 0
    })
  },
}

export const rejectsShowCommand: Command = {
  name: "rejects show",
  summary: "tells all about one record that was set aside, with its bytes",
  arguments: [
    { name: "run", summary: "the run's number" },
    { name: "row", summary: "the record's number in the version, from 1" },
  ],
  examples: ["flatbed-loader rejects show 7 4711", "flatbed-loader rejects show 7 4711 --json"],
  async run(context) {
    const run = readNumber(context.args.run, "the run")
    const row = readNumber(context.args.row, "the row")
    return await withLoader(context, async (loader) => {
      const reject = await loader.askLedger(async (session) => {
        const found = await findReject(session, run, row)
        if (found === undefined && (await findRun(session, run)) === undefined)
          throw unknownRun(run, shownBy(context))
        return found
      })
      if (reject === undefined) throw notSetAside(run, row, shownBy(context))
      context.print(rejectToJson(reject), formatReject(reject))
      return 0
    })
  },
}

async function listRejects(
  session: Session,
  asked: { readonly pipeline: string | undefined; readonly run: number | undefined; readonly limit: number },
  showCommand: ShowCommand,
) {
  const { run } = asked
  if (run !== undefined && (await findRun(session, run)) === undefined) throw unknownRun(run, showCommand)
  const { pipeline } = asked
  const runs = run === undefined ? await findLatestRuns(session, pipeline) : [run]
  if (pipeline !== undefined && runs.length === 0) throw await neverRan(session, pipeline, showCommand)
  return {
    rejects: await getRejects(session, runs, asked.limit),
    of: await countRejects(session, runs),
  }
}

function notSetAside(run: number, row: number, showCommand: ShowCommand): Problem {
  return new Problem("usage-invalid", `The ledger has no reject of row ${row} in run ${run}.`, {
    hint: `Those there are: ${showCommand(`rejects list --run ${run}`)}`,
  })
}
