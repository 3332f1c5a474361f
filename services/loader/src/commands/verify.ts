/** `verify`: whether tables are what was published into them. */
import { exitCodes } from "@flatbed/contract"
import type { Command, CommandContext } from "@flatbed/edge"
import { selectPipelines } from "../settings/pipeline-settings.ts"
import { type Verified, verifyPipeline } from "../verify/verify.ts"
import { describeVerified, verifiedToJson } from "../verify/verify-report.ts"
import { withLoader } from "./with-loader.ts"

export const verifyCommand: Command = {
  name: "verify",
  summary: "compares each table, row by row, with the version that was published into it; without a name all",
  arguments: [{ name: "pipeline", summary: "names from loader.yaml", variadic: true, optional: true }],
  examples: ["flatbed-loader verify", "flatbed-loader verify telecom --json"],
  run: verify,
}

async function verify(context: CommandContext): Promise<number> {
  const { args, signal, json, print, note } = context
  return await withLoader(context, async (loader) => {
    const verified = await loader.look(async ({ pipelines, showCommand, ...parts }) => {
      const found: Verified[] = []
      for (const pipeline of selectPipelines(pipelines, [args.pipeline ?? []].flat()))
        found.push(await verifyPipeline(pipeline, parts, showCommand))
      return found
    }, signal)
    const lines = verified.map(describeVerified)
    print(
      { pipelines: verified.map(verifiedToJson) },
      lines.length === 0 ? "nothing to verify" : lines.join("\n"),
    )
    for (const { pipeline, problem } of verified) {
      if (problem?.hint !== undefined && !json) note(`${pipeline}: ${problem.hint}`)
    }
    return verified.find(({ problem }) => problem !== undefined)?.problem?.exitCode ?? exitCodes.done
  })
}
