/** What a load would do, found out without writing anything. */
import {
  asProblem,
  type ManifestChunk,
  Problem,
  type ProblemDocument,
  toProblemDocument,
} from "@flatbed/contract"
import { refuseRowCount } from "../checks/expected-rows.ts"
import { refuseShown } from "../checks/shown-version.ts"
import { alterActions, type ShownChange } from "../columns/column-changes.ts"
import { planStaging } from "../columns/column-plan.ts"
import { planLoadColumns, refuseColumns } from "../columns/compare-columns.ts"
import { ownColumns } from "../columns/own-columns.ts"
import { type AskParts, askForDataset, askForManifest } from "../fetch/ask-source.ts"
import type { Lease } from "../lease.ts"
import type { RunIdentity } from "../ledger/ledger.ts"
import { rightsOf } from "../load-modes/load-mode.ts"
import { findResumable } from "../open-run.ts"
import { planPart } from "../plan-part.ts"
import { rewrites } from "../postgres/alter-columns.ts"
import type { Database, Session } from "../postgres/database.ts"
import { quoteTable } from "../postgres/identifier.ts"
import { createIndexStatement, findMissingIndexes } from "../postgres/indexes.ts"
import { inspectLedger } from "../postgres/migrate.ts"
import { refuseMissingRights } from "../postgres/rights.ts"
import { createTableStatement, findTable } from "../postgres/table.ts"
import { allowedCount } from "../rejects/reject-limit.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import { findStandingPublication, readTarget, type Target } from "../target.ts"
import type { FileCounts, VersionPart } from "../version-part.ts"

export type PipelinePlan = {
  readonly pipeline: string
  readonly dataset: string
  readonly table: string
  readonly mode: Pipeline["mode"]
  /** `load`: something would be published. `up-to-date`: there is nothing to do. `refused`: for `problem`. */
  readonly outcome: "load" | "up-to-date" | "refused"
  /** Whether there is a table of this name; null when that is not known. */
  readonly has_table: boolean | null
  /** What the table shows now; null when this pipeline published nothing there. */
  readonly standing: StandingVersion | null
  /** The version that the source offers; null when that is not known. */
  readonly version: string | null
  /** What would be fetched: what an interrupted run has in staging, and `append` in the table, is not. */
  readonly moves: { readonly chunks: number; readonly rows: number; readonly bytes: number } | null
  /** The run that would be resumed. */
  readonly resumes: number | null
  /** For `append`, what would be done with the version's files. */
  readonly files: (FileCounts & { readonly changed: readonly ChangedFile[] }) | null
  readonly rejects: { readonly found: number; readonly allowed: number } | null
  /** What would be done about columns that differ. */
  readonly columns: readonly ShownChange[]
  /** How a table with wider columns would be made; null when no column is widened so that its rows are written anew. */
  readonly widened_by: "a copy that takes the table's place" | null
  /** Statements for what would be made or changed, in their order. Those of a copy are applied to the copy. */
  readonly statements: readonly string[]
  readonly problem: ProblemDocument | null
}

type StandingVersion = {
  readonly version: string
  readonly rows: number
  readonly published_at: string
  /** What shapes the table is another setting now: the version is loaded again. */
  readonly settings_changed: boolean
}

type ChangedFile = { readonly file: string; readonly state: string }

export type PlanParts = AskParts & { readonly database: Database }

type Known = { -readonly [Key in keyof PipelinePlan]?: PipelinePlan[Key] }

export type PlannedPipeline = {
  readonly pipeline: Pipeline
  readonly plan: PipelinePlan
  readonly problem: Problem | undefined
}

/** Plans their loads, one after the other; each knows of the table as it is now. */
export async function planPipelines(
  pipelines: readonly Pipeline[],
  parts: PlanParts,
): Promise<PlannedPipeline[]> {
  const planned: PlannedPipeline[] = []
  for (const pipeline of pipelines) planned.push(await planPipeline(pipeline, parts))
  return planned
}

/** Plans one pipeline's load. What would end it is in the plan, with what was known until then. */
async function planPipeline(pipeline: Pipeline, parts: PlanParts): Promise<PlannedPipeline> {
  const { name, dataset, target, mode } = pipeline
  const known: Known = {}
  const fill = (outcome: PipelinePlan["outcome"], problem?: Problem): PipelinePlan => ({
    ...{ pipeline: name, dataset, table: target, mode, outcome },
    ...{
      has_table: null,
      standing: null,
      version: null,
      moves: null,
      resumes: null,
      files: null,
      rejects: null,
    },
    ...{ columns: [], widened_by: null, statements: [] },
    ...known,
    problem: problem === undefined ? null : describeProblem(problem),
  })
  try {
    return { pipeline, plan: fill(await look(pipeline, parts, known)), problem: undefined }
  } catch (error) {
    parts.signal.throwIfAborted()
    const problem = asProblem(error)
    return { pipeline, plan: fill("refused", problem), problem }
  }
}

async function look(pipeline: Pipeline, parts: PlanParts, known: Known): Promise<"load" | "up-to-date"> {
  const asked = readOnly(pipeline, parts.database)
  const { target, hasLedger } = await asked((session) => inspect(session, pipeline))
  const standing = findStandingPublication(target, pipeline)
  known.has_table = target.table !== undefined
  known.standing = describeStanding(target, pipeline)
  const dataset = await askForDataset(pipeline.dataset, undefined, parts)
  if (dataset === "unchanged") throw new Error("the source answered a question that was not asked")
  const { evidence, version } = dataset
  known.version = version
  if (standing?.version === version) {
    refuseShown(pipeline, standing)
    return "up-to-date"
  }

  const whole = await askForManifest(pipeline.dataset, version, parts)
  const fenceless: Pick<Lease, "transaction"> = { transaction: (work) => asked(work) }
  const oid = hasLedger ? target.table?.oid : undefined
  const part = await planPart(pipeline, whole, oid, fenceless, parts)
  const { manifest } = part
  known.files = describeFiles(part)
  const allowed = allowedCount(pipeline.maxRejects, manifest.rows)
  known.rejects = { found: manifest.rejects, allowed }
  known.moves = measure(manifest.chunks)
  const rows = part.knownRows + manifest.rows - manifest.rejects
  if (manifest.rejects <= allowed) refuseRowCount(pipeline, { rows, rejects: manifest.rejects })
  const compared = { pipeline, manifest, evidence, allowed, target }
  const columns = planLoadColumns(compared)
  known.columns = columns.changes.map(({ column, kind, before, file, policy, outcome }) => ({
    ...{ column, kind, before, file, policy, outcome },
  }))
  known.widened_by = rewrites(columns.changes) ? "a copy that takes the table's place" : null
  await asked((session) => refuseColumns(session, compared, columns))
  const actions = alterActions(columns.changes)
  const { table, rules, indexes } = pipeline
  const made = [...columns.columns, ...ownColumns(rules)]
  const change =
    target.table === undefined
      ? [createTableStatement(table, made, rules.key)]
      : actions.length === 0
        ? []
        : [`alter table ${quoteTable(table)} ${actions.join(", ")}`]
  known.statements = change
  const missing =
    target.table === undefined
      ? indexes
      : await asked((session) => findMissingIndexes(session, table, indexes))
  known.statements = [...change, ...missing.map((index) => createIndexStatement(table, index))]
  if (hasLedger) await findWhatArrived()
  if (manifest.rejects > allowed) throw tooMany(pipeline, manifest.rejects, manifest.rows, allowed)
  return "load"

  async function findWhatArrived() {
    const { name, dataset, settingsSha256, target: shown } = pipeline
    const identity: RunIdentity = { pipeline: name, dataset, version, settingsSha256, target: shown }
    const staging = planStaging(columns, target.table, rules)
    const open = await asked((session) =>
      findResumable(session, { identity, manifest, staging, rehearsal: false }),
    )
    if (open === undefined) return
    known.resumes = open.runId
    known.moves = measure(manifest.chunks.filter(({ chunk }) => !open.arrived.has(chunk)))
  }
}

function measure(chunks: readonly ManifestChunk[]): NonNullable<PipelinePlan["moves"]> {
  const sum = (read: (chunk: ManifestChunk) => number) =>
    chunks.reduce((total, chunk) => total + read(chunk), 0)
  return {
    chunks: chunks.length,
    rows: sum(({ rows }) => rows),
    bytes: sum((chunk) => chunk.byte_to - chunk.byte_from),
  }
}

/** Asks in transactions that Postgres keeps from writing. */
function readOnly({ target }: Pipeline, database: Database) {
  return async <T>(question: (session: Session) => Promise<T>): Promise<T> =>
    await database.transaction(
      async (session) => {
        await session.query("set transaction read only")
        return await question(session)
      },
      { doing: `looking at ${target}` },
    )
}

async function inspect(
  session: Session,
  pipeline: Pipeline,
): Promise<{ readonly target: Target; readonly hasLedger: boolean }> {
  const ledger = await inspectLedger(session, session.ledgerSchema)
  if (ledger === "older") {
    throw new Problem(
      "database-failed",
      "The ledger is of an older flatbed-loader, and a plan writes nothing.",
      {
        hint: "`load`, `status` and `start` bring it to this version; then plan again.",
      },
    )
  }
  await refuseMissingRights(session, pipeline.table, rightsOf(pipeline.mode, pipeline.rules))
  const hasLedger = ledger === "current"
  const target = hasLedger
    ? await readTarget(session, pipeline)
    : { table: await findTable(session, pipeline.table), publication: undefined }
  return { target, hasLedger }
}

/** The pipeline's latest version in the table that is there, also when it was loaded with other settings. */
function describeStanding({ table, publication }: Target, { name, settingsSha256 }: Pipeline) {
  if (publication?.pipeline !== name || publication.targetOid !== table?.oid) return null
  const { version, rows, knownRows, publishedAt } = publication
  return {
    ...{ version, rows: rows + knownRows, published_at: publishedAt.toISOString() },
    settings_changed: publication.settingsSha256 !== settingsSha256,
  }
}

/** As a load would raise it, but for the assurance that it loaded nothing, which a plan never does. */
function describeProblem(problem: Problem): ProblemDocument {
  const { hint, ...rest } = toProblemDocument(problem)
  const advice = hint?.replace(/^Nothing was loaded(?: into .*?, and nothing deleted)?\. ?/, "")
  return advice === undefined || advice === "" ? rest : { ...rest, hint: advice }
}

function describeFiles({ counts, files }: VersionPart): PipelinePlan["files"] {
  if (counts === undefined) return null
  const changed = files
    .filter(({ state }) => state !== "known")
    .map(({ file, state }): ChangedFile => ({ file, state }))
  return { ...counts, changed }
}

function tooMany({ target }: Pipeline, rejects: number, records: number, allowed: number): Problem {
  return new Problem(
    "rejects-over-limit",
    `${rejects} of ${records} records would be set aside, and max_rejects allows ${allowed}.`,
    {
      hint: "See them at the source: flatbed-source check. Mend them, or raise max_rejects.",
      facts: { table: target, rejects, records, allowed },
    },
  )
}
