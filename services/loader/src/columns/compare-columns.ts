/** Before a row moves: the version's columns are held against the table's and the contract. */
import { type Evidence, type Manifest, Problem } from "@flatbed/contract"
import type { Logger } from "pino"
import { refuseUnchangeable, rewrites } from "../postgres/alter-columns.ts"
import type { Session } from "../postgres/database.ts"
import { inTableOrder } from "../postgres/staging.ts"
import type { Table } from "../postgres/table.ts"
import type { Publish } from "../publish.ts"
import { tellChanges } from "../run-log.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import { refuseSwap, type Target } from "../target.ts"
import { refuseChanges } from "./column-changes.ts"
import type { ColumnChange } from "./column-contract.ts"
import { findNews } from "./column-ledger.ts"
import { refuseUnusableNames } from "./column-names.ts"
import {
  type ColumnPlan,
  namedColumns,
  planColumns,
  planStaging,
  refuseUnknownColumns,
  takesSameRows,
} from "./column-plan.ts"
import { ownColumns, refuseOwnNames } from "./own-columns.ts"

type Compared = {
  readonly pipeline: Pipeline
  readonly manifest: Manifest
  readonly evidence: readonly Evidence[] | null
  /** How many records may be set aside. */
  readonly allowed: number
  readonly target: Pick<Target, "table">
  /** Columns that only checks name are told later, with whatever else is wrong about the checks. */
  readonly checksLater?: boolean
}

/** What a load would do about columns. Asks nobody; raises what the settings and names alone forbid. */
export function planLoadColumns(compared: Compared): ColumnPlan {
  const { pipeline, manifest, evidence, allowed, target, checksLater } = compared
  const { columns } = manifest
  refuseUnknownColumns(checksLater ? { ...pipeline, checks: [] } : pipeline, columns, target.table)
  refuseOwnNames(pipeline, columns)
  refuseUnusableNames(manifest.dataset, columns)
  return planColumns({
    target: pipeline.target,
    columns,
    evidence,
    table: target.table,
    tolerant: allowed > 0,
    own: ownColumns(pipeline.rules),
    key: pipeline.rules.key,
    contract: pipeline.contract,
    named: namedColumns(pipeline),
  })
}

/** At the publish: the table may have been altered, dropped or made since the run began. Answers what is to be changed in it. */
export function planAgain(run: PublishedColumns, table: Table | undefined): readonly ColumnChange[] {
  const { target, part, evidence, allowed, staging, rules, contract } = run
  const now = planColumns({
    ...{ target, evidence, table, contract },
    columns: part.manifest.columns,
    tolerant: allowed > 0,
    own: ownColumns(rules),
    key: rules.key,
    named: namedColumns(run),
  })
  refuseChanges(target, now.changes, contract)
  if (takesSameRows(planStaging(now, undefined, rules), staging)) return now.changes
  throw new Problem("columns-differ", `The columns of ${target} were changed while it was loaded.`, {
    hint: "Nothing was published. Run the load again.",
    facts: { table: target },
  })
}

type PublishedColumns = Pick<
  Publish,
  "part" | "evidence" | "allowed" | "staging" | "rules" | "contract" | "indexes"
> & { readonly target: string }

/** Raises what the contract does not accept, and what would keep the table from being changed or swapped. */
export async function refuseColumns(
  session: Session,
  { pipeline, target: { table } }: Pick<Compared, "pipeline" | "target">,
  plan: ColumnPlan,
): Promise<void> {
  const { target, contract, rules } = pipeline
  refuseChanges(target, plan.changes, contract)
  if (table === undefined) return
  await refuseUnchangeable(session, pipeline.table, plan.changes)
  // A copy with wider columns takes the place of the table, whatever `publish` says.
  if (!rules.swap || rewrites(plan.changes)) return
  const loaded = inTableOrder(planStaging(plan, table, rules).columns).filter(({ isIgnored }) => !isIgnored)
  const added = plan.changes.flatMap(({ column, effect }) => (effect?.does === "add" ? [column] : []))
  await refuseSwap(
    session,
    pipeline,
    loaded.map(({ name }) => name),
    added,
  )
}

/** Both of them for a load; the log tells what is new about the columns. */
export async function agreeOnColumns(
  compared: Compared,
  ask: <T>(work: (session: Session) => Promise<T>) => Promise<T>,
  log: Logger,
): Promise<ColumnPlan> {
  const plan = planLoadColumns(compared)
  const { pipeline } = compared
  const { changes } = plan
  const isRefused = changes.some(({ effect }) => effect === undefined)
  if (isRefused) tellChanges(log, pipeline.target, changes)
  if (changes.length === 0 && !pipeline.rules.swap) return plan
  const news = await ask(async (session) => {
    await refuseColumns(session, compared, plan)
    return await findNews(session, pipeline.target, changes)
  })
  if (news.length > 0) tellChanges(log, pipeline.target, news)
  return plan
}
