/** Pure: what `verify` found, for a terminal and for programs. */
import { toProblemDocument } from "@flatbed/contract"
import { counted } from "../summary.ts"
import type { Verified } from "./verify.ts"

/** One line per pipeline. */
export function describeVerified(verified: Verified): string {
  const { pipeline, table, version, outcome, rows, digest, notes, columns, seconds, problem } = verified
  const more = notes.length === 0 ? "" : `; ${notes.join("; ")}`
  const took = `${seconds.toFixed(2)} s`
  switch (outcome) {
    case "equal": {
      const part =
        columns === null || columns.compared === columns.of
          ? ""
          : ` in ${columns.compared} of its ${counted(columns.of, "column")} only`
      const proof = digest === null ? "" : `, digest ${digest}`
      return `${pipeline}: ${counted(rows, "row")} in ${table} equal version ${version?.slice(0, 12)}${part}${proof} (${took})${more}`
    }
    case "counts-only":
      return `${pipeline}: counts only: ${table} has ${counted(rows, "row")}, not fewer than were published (${took})${more}`
    case "failed":
      return `${pipeline}: failed with ${problem?.code}: ${problem?.message}${more}`
  }
}

/** The same for programs. */
export function verifiedToJson({
  first,
  firstRepeated,
  problem,
  ...verified
}: Verified): Record<string, unknown> {
  return {
    ...verified,
    first: first ?? null,
    first_repeated: firstRepeated ?? null,
    problem: problem === undefined ? null : toProblemDocument(problem),
  }
}
