/** The table a pipeline loads into, and what the ledger says was last published there. */
import { Problem } from "@flatbed/contract"
import { ownColumns } from "./columns/own-columns.ts"
import type { Lease } from "./lease.ts"
import { findLatestPublication, type Publication, recordDatasetTag } from "./ledger/publication-ledger.ts"
import { rightsOf } from "./load-modes/load-mode.ts"
import type { Session } from "./postgres/database.ts"
import { refuseMissingRights } from "./postgres/rights.ts"
import { findSwapObstacles } from "./postgres/swap-obstacles.ts"
import { analyzeTable, findTable, type Table } from "./postgres/table.ts"
import type { Pipeline } from "./settings/pipeline-settings.ts"

export type Target = { readonly table: Table | undefined; readonly publication: Publication | undefined }

/** Reads both in one transaction. */
export async function inspectTarget(pipeline: Pipeline, lease: Lease): Promise<Target> {
  return await lease.transaction((session) => readTarget(session, pipeline), {
    doing: `looking at ${pipeline.target}`,
  })
}

/** The same before a load. Raises database-refused when the loader's role lacks a right that it will need. */
export async function inspectForLoad(pipeline: Pipeline, lease: Lease): Promise<Target> {
  const { mode, rules } = pipeline
  return await lease.transaction(
    async (session) => {
      await refuseMissingRights(session, pipeline.table, rightsOf(mode, rules))
      return await readTarget(session, pipeline)
    },
    { doing: `looking at ${pipeline.target}` },
  )
}

/** The table as it stands, and its latest publication. */
export async function readTarget(session: Session, pipeline: Pipeline): Promise<Target> {
  return {
    table: await findTable(session, pipeline.table),
    publication: await findLatestPublication(session, pipeline.target),
  }
}

/**
 * The publication that a run of this version would only repeat: the table's latest is of this pipeline and these
 * settings, and the table is still the one it went into.
 */
export function findStandingPublication(
  { table, publication }: Target,
  pipeline: Pipeline,
): Publication | undefined {
  const stands =
    publication !== undefined &&
    publication.pipeline === pipeline.name &&
    publication.settingsSha256 === pipeline.settingsSha256 &&
    publication.targetOid === table?.oid
  return stands ? publication : undefined
}

/**
 * Raises table-unsuitable, naming all reasons, when something hangs on the table that `publish: swap` would lose.
 * `columns` are those of the dataset that are loaded, in the table's order; `added`, those that it gets before.
 */
export async function refuseSwap(
  session: Session,
  { target, table, rules }: Pick<Pipeline, "target" | "table" | "rules">,
  columns: readonly string[],
  added: readonly string[] = [],
): Promise<void> {
  const own = ownColumns(rules).map(({ name }) => name)
  const obstacles = await findSwapObstacles(session, table, { loaded: [...columns, ...own], added })
  if (obstacles.length === 0) return
  throw new Problem("table-unsuitable", `${target} cannot be swapped: ${obstacles.join("; ")}.`, {
    hint: "Nothing was loaded. Remove what is named; or leave out  publish: swap  , then rows are deleted and inserted and the table itself stays.",
    facts: { table: target },
  })
}

/** Notes the tag with which the next run can ask whether anything changed. */
export async function rememberTag(lease: Lease, { runId }: Publication, tag: string): Promise<void> {
  await lease.transaction((session) => recordDatasetTag(session, runId, tag), {
    doing: "noting the dataset's tag",
  })
}

/** Whether the ledger says that the pipeline's table shows this version, loaded with these settings. */
export async function isPublishedVersion(
  session: Session,
  { name, target, settingsSha256 }: Pipeline,
  version: string,
): Promise<boolean> {
  const latest = await findLatestPublication(session, target)
  return latest?.pipeline === name && latest.version === version && latest.settingsSha256 === settingsSha256
}

/** Renews the planner's statistics after a publish. The version is visible already: a failure is only told. */
export async function analyzeTarget(
  pipeline: Pipeline,
  lease: Lease,
  onFailed: (error: unknown) => void,
): Promise<void> {
  const doing = `analyzing ${pipeline.target}`
  await lease.transaction((session) => analyzeTable(session, pipeline.table), { doing }).catch(onFailed)
}
