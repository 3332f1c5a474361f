/** `report`: what a report answers, or which reports there are. */
import { findNearest } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import type { Command, CommandContext } from "@flatbed/edge"
import { printable } from "../printable.ts"
import { describeParameters, readGiven } from "../reports/given-parameters.ts"
import type { OpenReport } from "../reports/report-file.ts"
import { firstSentence } from "../reports/report-head.ts"
import { type ReportFormat, reportFormats, writeAnswer } from "../reports/write-answer.ts"
import { showPath } from "../sql-file.ts"
import { endBeside, toldProblem } from "./problem-beside.ts"
import { withLoader } from "./with-loader.ts"

export const reportCommand: Command = {
  name: "report",
  summary:
    "asks the database the question of a report and says of which versions the answer is; without a name lists the reports with their parameters",
  arguments: [{ name: "report", summary: "its name in loader.yaml", optional: true }],
  options: [
    {
      flag: "--param <name=value>",
      summary: "a parameter's value; may stand several times",
      repeatable: true,
    },
    { flag: "--format <format>", summary: "table (the default), csv, json or markdown" },
  ],
  examples: [
    "flatbed-loader report",
    "flatbed-loader report churn_by_plan",
    "flatbed-loader report outage --param outage_start='2021-12-25 07:00' --format csv",
  ],
  run: report,
}

async function report(context: CommandContext): Promise<number> {
  const { args, options, signal, stdout, note } = context
  const name = args.report as string | undefined
  const format = readFormat(context)
  const given = readGiven(options.param as string[])
  return await withLoader(context, async (loader) => {
    if (name === undefined) {
      const { reports, problem } = await loader.reports()
      const none = problem === undefined ? undefined : "no report whose file can be used"
      const shown = { reports: reports.map(toJson), problem: toldProblem(problem) }
      context.print(shown, reports.length === 0 && none !== undefined ? none : formatReports(reports))
      return endBeside(context, problem)
    }
    const { text, beside } = writeAnswer(await loader.report(name, given, signal), format)
    stdout.write(text)
    for (const line of beside) note(line)
    return 0
  })
}

function readFormat({ options, json }: CommandContext): ReportFormat {
  const written = options.format as string | undefined
  if (written === undefined) return json ? "json" : "table"
  const format = reportFormats.find((one) => one === written)
  if (format === undefined) {
    const nearest = findNearest(written, reportFormats)
    throw new Problem(
      "usage-invalid",
      `--format is ${JSON.stringify(written)}; expected ${reportFormats.join(", ")}.`,
      {
        ...(nearest === undefined ? {} : { hint: `Did you mean ${nearest}?` }),
      },
    )
  }
  if (json && format !== "json") {
    throw new Problem("usage-invalid", `--json and --format ${format} ask for two formats; leave out one.`)
  }
  return format
}

function toJson({ name, file, needs, head }: OpenReport) {
  const parameters = head.parameters.map(({ name, type, standard, choices, meaning }) => ({
    ...{ name, type, required: standard === undefined, default: standard ?? null },
    ...{ choices: choices ?? null, meaning: meaning ?? null },
  }))
  return { report: name, sql: file, needs, definition: head.definition.join("\n"), parameters }
}

/** Each with its first sentence, and a line a parameter. */
function formatReports(reports: readonly OpenReport[]): string {
  if (reports.length === 0)
    return "no reports; the setting reports names them, and REPORTS.md says how they are written"
  return reports
    .map(({ name, file, head }) =>
      [
        name,
        `  ${printable(firstSentence(head) ?? `(no definition in ${showPath(file)})`)}`,
        ...(head.parameters.length === 0 ? [] : [describeParameters(head.parameters)]),
      ].join("\n"),
    )
    .join("\n\n")
}
