/** `reset`: the ledger forgets a pipeline's table. Asked for twice, since nothing brings it back. */
import { createInterface } from "node:readline/promises"
import { Problem } from "@flatbed/contract"
import type { Command, CommandContext } from "@flatbed/edge"
import { uniqueOwner } from "../owner.ts"
import { describeReset, findKnown, resetPipeline } from "../reset.ts"
import { selectPipelines } from "../settings/pipeline-settings.ts"
import { shownBy, withLoader } from "./with-loader.ts"

export const resetCommand: Command = {
  name: "reset",
  summary:
    "forgets what the ledger knows of a pipeline's table, so that the next load starts afresh; the table stays as it is",
  arguments: [{ name: "pipeline", summary: "its name in loader.yaml" }],
  options: [{ flag: "--yes", summary: "do not ask: for scripts" }],
  examples: ["flatbed-loader reset telecom", "flatbed-loader reset telecom --yes"],
  run: reset,
}

async function reset(context: CommandContext): Promise<number> {
  const { args, options, note, print } = context
  const name = String(args.pipeline)
  return await withLoader(context, async (loader) => {
    await loader.look(async (parts) => {
      const [pipeline] = selectPipelines(parts.pipelines, [name])
      if (pipeline === undefined) return
      if (options.yes !== true) {
        const doing = `looking at ${pipeline.target}`
        const known = await parts.database.transaction((session) => findKnown(session, pipeline), { doing })
        note(describeReset(known, pipeline.mode, "forgets"))
        await confirm(name, context)
      }
      const forgotten = await resetPipeline(pipeline, { ...parts, owner: uniqueOwner() })
      print(forgotten, describeReset(forgotten, pipeline.mode, "forgot"))
    }, context.signal)
    return 0
  })
}

async function confirm(name: string, context: CommandContext): Promise<void> {
  const { stderr, signal } = context
  const stdin = context.stdin()
  const again = shownBy(context)(`reset ${name} --yes`)
  if ((stdin as { isTTY?: boolean }).isTTY !== true) {
    throw new Problem("usage-invalid", "Nothing was forgotten: there is nobody to ask whether it is meant.", {
      hint: `If it is: ${again}`,
    })
  }
  const lines = createInterface({ input: stdin, output: stderr })
  try {
    const answer = await lines.question(`Type ${name} to go on: `, { signal })
    if (answer.trim() === name) return
  } finally {
    lines.close()
  }
  throw new Problem("usage-invalid", `Nothing was forgotten: that was not ${name}.`, {
    hint: `Type the pipeline's name, or leave out the question: ${again}`,
  })
}
