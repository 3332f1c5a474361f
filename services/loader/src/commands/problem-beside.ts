/** Files that cannot be used, told beside what could be: nothing of it is hidden, and the exit code says that it is not all. */
import { exitCodes, type Problem, type ProblemDocument, toProblemDocument } from "@flatbed/contract"
import type { CommandContext } from "@flatbed/edge"

/** For `--json`; null without one. */
export const toldProblem = (problem: Problem | undefined): ProblemDocument | null =>
  problem === undefined ? null : toProblemDocument(problem)

/** Tells it on stderr, as it would be if it had ended the command; answers the exit code. */
export function endBeside({ json, note }: CommandContext, problem: Problem | undefined): number {
  if (problem === undefined) return exitCodes.done
  const { code, message, hint } = problem
  if (!json) note([`${code}: ${message}`, hint ?? []].flat().join("\n"))
  return problem.exitCode
}
