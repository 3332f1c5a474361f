/** `load`: pipelines once, now. */
import { exitCodes, Problem } from "@flatbed/contract"
import type { Command, CommandContext } from "@flatbed/edge"
import { chosenPattern } from "../fetch/choose-version.ts"
import { describeOutcome, type ModelOutcome, modelToJson } from "../models/model-outcome.ts"
import { createProgress } from "../progress.ts"
import { describeReceipt } from "../receipt.ts"
import { describeRehearsal } from "../rehearsal.ts"
import { counted, outcomeToJson, type RunOutcome, type ShowCommand, summarize } from "../summary.ts"
import { noteHints } from "./models.ts"
import { shownBy, withLoader } from "./with-loader.ts"

export const loadCommand: Command = {
  name: "load",
  summary:
    "loads pipelines once, in the order named, then makes the models that depend on them; without a name all, in the order of the file",
  arguments: [{ name: "pipeline", summary: "names from loader.yaml", variadic: true, optional: true }],
  options: [
    {
      flag: "--allow-deletes <version>",
      summary: "this once, let this version delete more rows than deletes.limit allows",
    },
    {
      flag: "--version <version>",
      summary:
        "this once, load this version, by its first 8 digits or more, while the source still serves it",
    },
    {
      flag: "--rehearse",
      summary: "do all of it in earnest, take it back before the commit, and tell what it would have been",
    },
  ],
  examples: [
    "flatbed-loader load",
    "flatbed-loader load telecom --json",
    "flatbed-loader load telecom --rehearse",
  ],
  run: load,
}

async function load(context: CommandContext): Promise<number> {
  const { args, env, signal, stderr, json, print, note } = context
  const once = {
    deletesOf: versionOf(context.options.allowDeletes as string | undefined),
    version: chosenOf(context.options.version as string | undefined),
    rehearse: context.options.rehearse === true,
  }
  const isTTY = (stderr as { isTTY?: boolean }).isTTY === true
  const progress = createProgress({ write: (text) => stderr.write(text), isTTY })
  return await withLoader(
    context,
    async (loader) => {
      const names = [args.pipeline ?? []].flat()
      const outcomes = await loader.load(names, signal, once)
      progress.close()
      const after = outcomes.map(({ pipeline }) => pipeline)
      const models = once.rehearse || signal.aborted ? [] : await loader.makeModels({ after }, signal)
      const lines = outcomes.flatMap((outcome) => describe(outcome, shownBy(context)))
      print(
        { runs: outcomes.map(outcomeToJson), models: models.map(modelToJson) },
        lines.length === 0 ? "nothing to load" : [...lines, ...describeModels(models)].join("\n"),
      )
      for (const { pipeline, problem } of outcomes) {
        if (problem?.hint !== undefined && !json) note(`${pipeline}: ${problem.hint}`)
      }
      noteHints(context, models)
      // The commands in the hints read the same settings, and those read the variable.
      const hasCommands = outcomes.some(({ rejects, run }) => rejects > 0 && run !== undefined)
      const refused = outcomes.some(({ problem }) => problem?.code === "rejects-over-limit")
      if ((hasCommands || refused) && env.DATABASE_URL !== undefined && !json)
        note("rejects list asks the database: run it with DATABASE_URL set as it is for this load.")
      return exitCodeOf(outcomes, models)
    },
    { bar: isTTY, tellsEnds: true, onProgress: progress.show },
  )
}

/** The sentence, and below it what can be added up. */
function describe(outcome: RunOutcome, showCommand: ShowCommand): string[] {
  const { receipt, rehearsal } = outcome
  const more = [
    ...(receipt === undefined ? [] : describeReceipt(receipt)),
    ...(rehearsal === undefined ? [] : describeRehearsal(rehearsal)),
  ]
  return [summarize(outcome, showCommand), ...more.map((line) => `  ${line}`)]
}

/** A line for each model for which something was new; the others are counted. */
function describeModels(models: readonly ModelOutcome[]): string[] {
  const told = models.filter(({ outcome }) => outcome !== "up-to-date")
  const others = models.length - told.length
  const rest = others === 0 ? [] : [`${counted(others, "model")} up to date`]
  return [...told.map(describeOutcome), ...rest]
}

function versionOf(written: string | undefined): string | undefined {
  if (written === undefined || /^[0-9a-f]{12,64}$/.test(written)) return written
  throw new Problem(
    "usage-invalid",
    `--allow-deletes is ${JSON.stringify(written)}, which names no version.`,
    {
      hint: "Give the version's first 12 digits at least, as the problem deletes-refused shows them.",
    },
  )
}

function chosenOf(written: string | undefined): string | undefined {
  if (written === undefined || chosenPattern.test(written)) return written
  throw new Problem("usage-invalid", `--version is ${JSON.stringify(written)}, which names no version.`, {
    hint: "Give the version's first 8 digits at least, as status, runs list or the source's address …/versions show them.",
  })
}

/** The first failure's code: that is where to look first. Without one, whether this load set records aside. */
function exitCodeOf(outcomes: readonly RunOutcome[], models: readonly ModelOutcome[]): number {
  const failed = [...outcomes, ...models].find(({ problem }) => problem !== undefined)
  if (failed?.problem !== undefined) return failed.problem.exitCode
  const done = outcomes.filter(({ outcome }) => outcome === "published" || outcome === "rehearsed")
  const rejects = [...done, ...models].some((one) => one.rejects > 0)
  return rejects ? exitCodes.rejects : exitCodes.done
}
