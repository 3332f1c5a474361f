/** The table a pipeline loads into, and what the ledger says was last published there. */
import type { Lease } from "./lease.ts"
import { rightsOf } from "./load-modes/load-mode.ts"
import type { Pipeline } from "./pipeline-settings.ts"
import type { Session } from "./postgres/database.ts"
import { refuseMissingRights } from "./postgres/rights.ts"
import { analyzeTable, findTable, type Table } from "./postgres/table.ts"
import { findLatestPublication, type Publication, recordDatasetTag } from "./publication-ledger.ts"

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

async function readTarget(session: Session, pipeline: Pipeline): Promise<Target> {
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
