/** Pure: limits that were tightened since a version was loaded are held against what the table shows of it. */
import { Problem } from "@flatbed/contract"
import type { Publication } from "../ledger/publication-ledger.ts"
import { allowedCount } from "../rejects/reject-limit.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import { counted, type ShowCommand } from "../summary.ts"

type Limits = Pick<Pipeline, "name" | "target" | "expectRows" | "maxRejects">
type Shown = Pick<Publication, "runId" | "version" | "rows" | "knownRows" | "rejects">

/**
 * Nothing is new, but who asks for a load is not told that all is well when it is not.
 *
 * @throws Problem `rows-unexpected` or `rejects-over-limit`; the table stays as it is.
 */
export function refuseShown(
  { name, target, expectRows, maxRejects }: Limits,
  { runId, version, rows, knownRows, rejects }: Shown,
  showCommand?: ShowCommand,
): void {
  const shows = `${target} shows version ${version.slice(0, 12)}`
  const change = (setting: string) =>
    `The table is as it was, and nothing is new. Mend the file, or change ${setting} of pipelines.${name}.`
  const all = rows + knownRows
  if (expectRows !== undefined && (all < expectRows.min || all > expectRows.max)) {
    const found = `${shows}, which has ${counted(all, "row")}, and expect_rows says ${expectRows.written}.`
    const facts = { table: target, rows: all, expected: expectRows.written }
    throw new Problem("rows-unexpected", found, { hint: change("expect_rows"), facts })
  }
  const allowed = allowedCount(maxRejects, rows + rejects)
  if (rejects <= allowed) return
  const list = showCommand === undefined ? "" : ` List them: ${showCommand(`rejects list --run ${runId}`)}`
  const found = `${shows} without ${rejects} of ${counted(rows + rejects, "record")}, which were set aside; max_rejects allows ${allowed}.`
  throw new Problem("rejects-over-limit", found, {
    hint: `${change("max_rejects")}${list}`,
    facts: { table: target, run: runId, rejects, allowed },
  })
}
