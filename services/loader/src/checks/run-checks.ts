/**
 * The checks of a run, asked of all its rows in staging before they are published. Rows that break a check of severity
 * `reject` leave staging first, so that the others are asked of what is left.
 */
import type { Reject } from "@flatbed/contract"
import type { Logger } from "pino"
import {
  countRows,
  findRows,
  listQuestions,
  type OnNotComputable,
  type Question,
} from "../postgres/broken-rows.ts"
import type { Work } from "../postgres/database.ts"
import { dropStaging, stagingTable } from "../postgres/staging.ts"
import { placeRefusals, recordSome } from "../rejects/place-refusals.ts"
import type { Refusal } from "../rejects/refusal.ts"
import { TooManyRejects } from "../rejects/reject-tally.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import { type ChunkGroup, chunkOfRow } from "../staging/chunk-groups.ts"
import { enoughRejects, type GroupParts, type StagedRun } from "../staging/stage-group.ts"
import type { Check, CheckResult } from "./check.ts"
import { getResults, recordResults, takeOut } from "./check-ledger.ts"
import {
  type BrokenCheck,
  checkFailed,
  describeBroken,
  type FoundRow,
  notComputable,
  toRefusal,
} from "./check-report.ts"
import type { CompiledCheck } from "./check-sql.ts"

type Parts = GroupParts & { readonly log: Logger }

/** Rows that are set aside in one transaction. */
const rowsAtOnce = 10_000
/** Rows of a broken check that are named. */
const shownRows = 5

/**
 * How the checks came out, in the order of the settings; the ledger has it too. Conditions are asked in transactions
 * that may only read.
 *
 * @throws Problem `check-failed` when one of severity `fail` does not hold, or a condition cannot be computed;
 * TooManyRejects when rows were to be set aside beyond the tally's limit; those of asking the source for their places.
 */
export async function runChecks(
  { name, target, rules }: Pick<Pipeline, "name" | "target" | "rules">,
  checks: readonly CompiledCheck[],
  { runId, manifest, columns }: StagedRun,
  parts: Parts,
): Promise<CheckResult[]> {
  if (checks.length === 0) return []
  const { lease, hardSignal, tally, log } = parts
  const names = columns.filter(({ isOwn, isIgnored }) => !isOwn && !isIgnored).map((column) => column.name)
  const rows = { staging: stagingTable(lease, runId), columns: names, rules }
  let stuck: { check: Check; error: Error; row: number } | undefined
  const onNotComputable: OnNotComputable = (check, error, row) => {
    if (row !== undefined) stuck = { check, error, row }
    return notComputable(target, check, error)
  }
  const rejecting = checks.filter(({ severity }) => severity === "reject")
  for (const question of listQuestions(rejecting)) await setAside(question)

  const asked = listQuestions(checks.filter(({ severity }) => severity !== "reject"))
  const counts = await count(asked)
  const results = [...rejecting.map((check) => ({ check, failed: 0 })), ...counts]
  const write: Work<CheckResult[]> = async (session) => {
    await recordResults(session, runId, results)
    return await getResults(session, runId)
  }
  const recorded = await lease.transaction(write, { doing: "noting how checks came out", signal: hardSignal })
  const left = manifest.rows - tally.rejects()
  const broken: BrokenCheck[] = []
  for (const { check, failed } of counts) if (failed > 0) broken.push(await lookAt(check, failed))
  for (const one of broken) tell(one)
  const [first, ...others] = broken.filter(({ check }) => check.severity === "fail")
  if (first !== undefined) throw checkFailed({ name, target }, [first, ...others], left)
  return recorded

  async function count(questions: readonly Question[]) {
    return await readOnly(async (session) => {
      const found: { check: CompiledCheck; failed: number }[] = []
      for (const question of questions) {
        const numbers = await countRows(session, question, rows, onNotComputable)
        found.push(...question.map((check, i) => ({ check, failed: numbers[i] ?? 0 })))
      }
      return found.sort((a, b) => a.check.place - b.check.place)
    })
  }

  async function find(question: Question, most: number): Promise<FoundRow[]> {
    return await readOnly((session) => findRows(session, question, rows, most, onNotComputable))
  }

  /** Settings may hold what writes, by a function; a check is to look and nothing else. */
  async function readOnly<T>(work: Work<T>): Promise<T> {
    const looking: Work<T> = async (session) => {
      await session.query("set transaction read only")
      return await work(session)
    }
    try {
      return await lease.transaction(looking, { doing: `asking the checks of ${name}`, signal: hardSignal })
    } catch (error) {
      if (stuck === undefined) throw error
      const { row } = stuck
      const refusal = { row, code: "check-error", column: null, value: null, reason: "" } as const
      const [at = { row }] = await place([refusal]).catch(() => [])
      throw notComputable(target, stuck.check, stuck.error, at)
    }
  }

  async function setAside(question: Question): Promise<void> {
    for (;;) {
      const found = await find(question, rowsAtOnce)
      if (found.length === 0) return
      const refusals = found.map(toRefusal)
      if (!tally.add(refusals.length)) {
        const loader = await place(refusals.slice(0, enoughRejects))
        // Their receipts count them too, so staging goes: it no longer adds up.
        const drop: Work<void> = async (session) => await dropStaging(session, [runId])
        await recordSome(runId, { chunkOf, source: [], loader }, refusals.length, parts, drop)
        throw new TooManyRejects(`the checks of ${name}`)
      }
      const rejects = await place(refusals)
      const taken = found.map(({ check }, i) => ({ check, reject: rejects[i] as Reject }))
      await lease.transaction((session) => takeOut(session, runId, taken, chunkOf), {
        doing: "setting rows aside that break a check",
        signal: hardSignal,
      })
      parts.onRejects(rejects)
      if (found.length < rowsAtOnce) return
    }
  }

  /** The check with its first rows; where the source cannot say where they stand, their numbers do. */
  async function lookAt(check: CompiledCheck, failed: number): Promise<BrokenCheck> {
    const refusals = (await find([check], shownRows)).map(toRefusal)
    const placed = await place(refusals).catch(() => refusals)
    return { check, failed, rows: placed }
  }

  function tell(one: BrokenCheck): void {
    const { check, failed } = one
    if (check.severity !== "warn") return
    const fields = { check: check.name, columns: check.columns, failed, rows: one.rows.map(({ row }) => row) }
    log.warn({ event: "check.failed", ...fields }, `check ${describeBroken(one, left)}`)
  }

  function chunkOf(row: number): number {
    return chunkOfRow(manifest.chunks as unknown as ChunkGroup, row).chunk
  }

  /** Found in the order of their rows, they come back in it. */
  async function place(refusals: readonly Refusal[]): Promise<Reject[]> {
    // Where there is a row there is a chunk.
    return await placeRefusals(refusals, manifest.chunks as unknown as ChunkGroup, manifest, parts)
  }
}
