/** One making of a model: a transaction that turns old into new, or leaves the old. The page to read first. */
import { Problem } from "@flatbed/contract"
import type { Database, Session } from "../postgres/database.ts"
import { quoteTable } from "../postgres/identifier.ts"
import { makeMissingIndexes } from "../postgres/indexes.ts"
import { applyRows } from "./apply-rows.ts"
import { applyView } from "./apply-view.ts"
import type { Made, Model } from "./model.ts"
import { askChecks } from "./model-checks.ts"
import {
  claimRun,
  findMade,
  findNewVersions,
  type MadeTable,
  type ModelFacts,
  readFacts,
  recordMade,
} from "./model-ledger.ts"
import { stageSelect } from "./stage-select.ts"
import { describeStale, findStale, findUnloaded } from "./staleness.ts"

export type MakeParts = {
  /** All models, in the order in which they are made. */
  readonly models: readonly Model[]
  readonly database: Database
  /** A name that no other making has. */
  readonly token: string
  /** Whether it is made also when nothing is new to it. */
  readonly force: boolean
  /** Ends it by ending its connection: then the old model stays. */
  readonly signal: AbortSignal
}

/**
 * `overtaken`: a model that it needs has to be made first, for something was published since. `waiting`: for pipelines
 * that never published anything.
 */
export type Making =
  | {
      readonly outcome: "made"
      readonly made: Made
      readonly reason: string
      readonly told: readonly string[]
    }
  | { readonly outcome: "up-to-date"; readonly tableRows: number | undefined }
  | { readonly outcome: "overtaken" }
  | { readonly outcome: "waiting"; readonly pipelines: readonly string[] }

/**
 * Makes the model when it is stale, exactly once: what it saw of pipelines and of other models is one snapshot with what
 * its select reads, and is recorded in the transaction that changes its table.
 *
 * @throws Problem `model-failed`; a database problem; then table and ledger are as before.
 */
export async function makeModel(model: Model, parts: MakeParts): Promise<Making> {
  const { database, token, signal } = parts
  return await database.transaction((session) => makeIn(session, model, parts), {
    doing: `making model ${model.name}`,
    oneSnapshot: true,
    signal,
    settle: async (session) => {
      const made = await findMade(session, token)
      return made === undefined ? undefined : { outcome: "made", made, reason: "", told: [] }
    },
  })
}

async function makeIn(session: Session, model: Model, { models, token, force }: MakeParts): Promise<Making> {
  const facts = await readFacts(session, models)
  const stale = findStale(models, facts)
  const before = facts.made.get(model.name)
  const unloaded = findUnloaded(model, facts)
  if (unloaded.length > 0) return { outcome: "waiting", pipelines: unloaded }
  if (model.models.some((name) => stale.has(name))) return { outcome: "overtaken" }
  const reason = stale.get(model.name)
  if (reason === undefined && !force) return { outcome: "up-to-date", tableRows: before?.tableRows }

  const number = await claimRun(session, model, token)
  const versions = model.isIncremental ? await listNewVersions(session, model, facts) : undefined
  const made =
    model.as === "view"
      ? await makeView(session, model, number, before)
      : await makeTable(session, model, number, before, versions)
  const done = { ...made.done, number, newVersions: versions?.length }
  await recordMade(session, model, facts, seenByRows(model, facts), { ...done, ...made.recorded })
  const why = reason === undefined ? "it was asked for" : describeStale(reason, model)
  return { outcome: "made", made: done, reason: why, told: made.told }
}

/**
 * Those that the model has not seen. All that there ever were where it has nothing of them: the first time, and when its
 * table is another one. Its definition changed: all again for an upsert, which only rewrites what it finds; what was
 * appended by the old definition stays, so an append goes on behind it.
 */
async function listNewVersions(session: Session, model: Model, facts: ModelFacts): Promise<string[]> {
  const before = facts.made.get(model.name)
  const goesOn = model.as === "append" || before?.definitionSha256 === model.definitionSha256
  return await findNewVersions(
    session,
    model.pipelines,
    goesOn ? seenByRows(model, facts) : {},
    model.as === "append",
  )
}

/** What the rows saw that are in the table and stay there. */
function seenByRows({ name }: Model, { made, oids }: ModelFacts): MadeTable["seenPublications"] {
  const before = made.get(name)
  return before?.targetOid === oids.get(name) ? (before?.seenPublications ?? {}) : {}
}

type Part = {
  readonly done: Omit<Made, "number" | "newVersions">
  readonly recorded: {
    readonly rows: number | null
    readonly targetOid: number
    readonly isOwn: boolean
    readonly columns: readonly string[]
  }
  readonly told: readonly string[]
}

async function makeTable(
  session: Session,
  model: Model,
  number: number,
  before: MadeTable | undefined,
  versions: readonly string[] | undefined,
): Promise<Part> {
  const selected = await stageSelect(session, model, versions)
  const checked = await askChecks(session, model, number, selected)
  const staged = { ...selected, rows: selected.rows - checked.rejects }
  const { applied, targetOid, isOwn, tableRows } = await applyRows(session, model, staged, before)
  // Behind the rows: an index over all of them at once is made faster than row by row.
  await makeMissingIndexes(session, model.table, model.indexes)
  await session.query(`drop table ${quoteTable(staged.staging)}`)
  const columns = staged.columns.map(({ name }) => name)
  return {
    done: { tableRows, applied, rejects: checked.rejects, checks: checked.results },
    recorded: { rows: staged.rows, targetOid, isOwn, columns },
    told: checked.told,
  }
}

/** A view keeps no rows; its select is run for its checks alone. */
async function makeView(
  session: Session,
  model: Model,
  number: number,
  before: MadeTable | undefined,
): Promise<Part> {
  const targetOid = await applyView(session, model, before)
  const nothing = { results: [], told: [] }
  let checked: Pick<Awaited<ReturnType<typeof askChecks>>, "results" | "told"> = nothing
  if (model.checks.length > 0) {
    const staged = await stageSelect(session, model, undefined)
    checked = await askChecks(session, model, number, staged)
    await session.query(`drop table ${quoteTable(staged.staging)}`)
  }
  return {
    done: { tableRows: null, applied: undefined, rejects: 0, checks: checked.results },
    recorded: { rows: null, targetOid, isOwn: true, columns: [] },
    told: checked.told,
  }
}

/** Any failure of a making as the model's: `model-failed`, with the first problem's words and code. */
export function asModelFailure(model: Model, problem: Problem): Problem {
  if (problem.code === "model-failed") return problem
  const hint = problem.hint?.replace(/^Nothing was (?:loaded|changed)\. ?/, "") ?? ""
  return new Problem("model-failed", `Model ${model.name} failed: ${problem.message}`, {
    hint: `${hint}${hint === "" ? "" : " "}The loaded data and ${model.target} are as they were; the next load tries again.`,
    facts: { ...problem.facts, model: model.name, table: model.target, problem: problem.code },
    cause: problem,
  })
}
