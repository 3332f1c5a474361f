/** What the log tells about models. */
import type { Logger } from "pino"
import { describeOutcome, type ModelOutcome } from "./model-outcome.ts"

/** `model.made`, `model.failed` or `model.skipped`; before it `check.failed` for what was only told. */
export function tellModel(log: Logger, outcome: ModelOutcome): void {
  const { model, table, as, run, rows, applied, rejects, newVersions, reason, problem } = outcome
  const duration = { duration_ms: Math.round(outcome.seconds * 1000) }
  const sentence = describeOutcome(outcome)
  const fields = { model, table, as, run }
  for (const text of outcome.told) log.warn({ event: "check.failed", model, table }, `check ${text}`)
  switch (outcome.outcome) {
    case "made": {
      const counts = { rows, ...applied, rejects, new_versions: newVersions, reason, ...duration }
      log.info({ event: "model.made", ...fields, ...counts }, sentence)
      return
    }
    case "up-to-date":
      log.debug({ event: "model.up_to_date", ...fields }, sentence)
      return
    case "skipped":
    case "stopped":
      log.warn({ event: "model.skipped", ...fields, outcome: outcome.outcome, reason }, sentence)
      return
    case "failed": {
      const { code, facts = {}, hint } = problem ?? {}
      // Only what nobody expected needs its stack.
      const inner = facts.problem === "internal" ? { err: (problem?.cause as Error | undefined)?.cause } : {}
      log.error({ event: "model.failed", ...fields, code, ...facts, ...inner, hint, ...duration }, sentence)
      return
    }
  }
}
