/** The last words of a command that failed. */
import { inspect } from "node:util"
import { asProblem, type Problem, problems, toProblemDocument } from "@flatbed/contract"
import { maskSecrets } from "./mask-secrets.ts"
import { toJsonLine } from "./output.ts"

type How = { readonly json: boolean; readonly color: boolean }

/**
 * The text for stderr: code and title, detail, hint, a line each; with `json` the problem document. Anything
 * that is not a Problem is `internal` and shows its stack.
 */
export function describeFailure(thrown: unknown, { json, color }: How): { text: string; problem: Problem } {
  const problem = asProblem(thrown)
  const stack = problem.code === "internal" ? inspect(problem.cause ?? problem, { depth: 4 }) : undefined
  if (json) {
    const document = { ...toProblemDocument(problem), ...(stack === undefined ? {} : { stack }) }
    return { text: maskSecrets(toJsonLine(document)), problem }
  }
  const title = `${problem.code}: ${problems[problem.code].title}`
  const lines = [color ? `\u001b[31m${title}\u001b[39m` : title, problem.message, problem.hint, stack]
  return { text: maskSecrets(`${lines.filter((line) => line !== undefined).join("\n")}\n`), problem }
}
