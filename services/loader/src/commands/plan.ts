/** `plan`: what `load` would do now, without doing it. */
import { exitCodes } from "@flatbed/contract"
import type { Command, CommandContext } from "@flatbed/edge"
import { formatModelPlans, formatPlan } from "../plan/plan-text.ts"
import { withLoader } from "./with-loader.ts"

export const planCommand: Command = {
  name: "plan",
  summary: "says what load would fetch, make and change, or why it would be refused; writes nothing",
  arguments: [{ name: "pipeline", summary: "names from loader.yaml", variadic: true, optional: true }],
  examples: ["flatbed-loader plan", "flatbed-loader plan telecom --json"],
  run: plan,
}

async function plan(context: CommandContext): Promise<number> {
  const { args, signal, print } = context
  return await withLoader(context, async (loader) => {
    const { planned, models } = await loader.plan([args.pipeline ?? []].flat(), signal)
    const migrations = await loader.pendingMigrations(signal)
    const first = migrations.length === 0 ? [] : [`migrations: would run ${migrations.join(", ")} first`]
    const texts = planned.map(({ plan, pipeline }) => formatPlan(plan, pipeline))
    const last = formatModelPlans(models)
    print(
      { migrations, plans: planned.map(({ plan }) => plan), models },
      [...first, ...(texts.length === 0 ? ["nothing to plan"] : texts), ...last].join("\n\n"),
    )
    // As a load of them all would end: the first failure is where to look first.
    return planned.find(({ problem }) => problem !== undefined)?.problem?.exitCode ?? exitCodes.done
  })
}
