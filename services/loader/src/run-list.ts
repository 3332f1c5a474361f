/** What `runs list` and `runs show` tell about runs, from the ledger. */
import type { CheckResult } from "./checks/check.ts"
import { readReceipt } from "./ledger/publication-ledger.ts"
import type { Session } from "./postgres/database.ts"
import { describeReceipt, type RunReceipt } from "./receipt.ts"
import { describeResults, type ShowCommand } from "./summary.ts"
import { formatFields, formatTable } from "./text-table.ts"
import type { FileCounts } from "./version-part.ts"

export type RunReport = {
  readonly run: number
  readonly pipeline: string
  readonly dataset: string
  readonly version: string
  readonly table: string
  /** `failed` and `loading` runs may be resumed; `abandoned` ones, and those of a rehearsal, will not be. */
  readonly state: "loading" | "published" | "rehearsed" | "failed" | "abandoned"
  /** Whether it was to publish nothing. */
  readonly rehearsal: boolean
  /** Records of the version that its filter does not leave out. */
  readonly records: number
  /** Records set aside as far as is known. */
  readonly rejects: number
  /** Records that the source's filter leaves out. */
  readonly filtered: number
  readonly bytes: number
  readonly chunks: number
  readonly loaded_chunks: number
  /** How often it was started or resumed. */
  readonly attempts: number
  readonly started_at: string
  readonly finished_at: string | null
  /** From start to end, waits between attempts included; null while it goes on. */
  readonly seconds: number | null
  readonly problem: { readonly code: string; readonly detail: string } | null
  /** What `append` did with the version's files, and the rows of theirs that the table had; null for other modes. */
  readonly files: (FileCounts & { readonly known_rows: number }) | null
  /** How the pipeline's checks came out; none where they were not asked. */
  readonly checks: readonly CheckResult[]
  /** The equation that it balanced; null when it was not published. */
  readonly receipt: RunReceipt | null
}

const select = (
  session: Session,
) => `select r.*, extract(epoch from finished_at - started_at)::double precision as seconds,
    (select count(*) from ${session.ledger}.chunks c where c.run_id = r.run_id) as loaded,
    (select json_agg(json_build_object('name', name, 'severity', severity, 'failed', failed) order by place)
       from ${session.ledger}.checks k where k.run_id = r.run_id) as checks,
    p.files_new, p.files_grown, p.files_known, p.known_rows, to_json(p) as publication
  from ${session.ledger}.runs r left join ${session.ledger}.publications p using (run_id)`

/** Names of all pipelines of which the ledger has a run, in their order. */
export async function listPipelinesThatRan(session: Session): Promise<string[]> {
  const { rows } = await session.query(`select distinct pipeline from ${session.ledger}.runs order by 1`)
  return rows.map(({ pipeline }) => pipeline)
}

/** The latest runs, newest first, of one pipeline or of all. */
export async function listRuns(
  session: Session,
  asked: { readonly pipeline?: string | undefined; readonly limit: number },
): Promise<RunReport[]> {
  const { rows } = await session.query(
    `${select(session)} where $1::text is null or r.pipeline = $1 order by run_id desc limit $2`,
    [asked.pipeline ?? null, asked.limit],
  )
  return rows.map(readRun)
}

/** One run; undefined when there is none with this number. */
export async function findRun(session: Session, run: number): Promise<RunReport | undefined> {
  const { rows } = await session.query(`${select(session)} where run_id = $1`, [run])
  return rows[0] === undefined ? undefined : readRun(rows[0])
}

// biome-ignore lint/suspicious/noExplicitAny: a row of the driver, read field by field here.
function readRun(row: any): RunReport {
  return {
    run: Number(row.run_id),
    pipeline: row.pipeline,
    dataset: row.dataset,
    version: row.version,
    table: row.target,
    state: row.state,
    rehearsal: row.rehearsal,
    records: Number(row.rows),
    rejects: Number(row.rejects),
    filtered: Number(row.filtered),
    bytes: Number(row.bytes),
    chunks: Number(row.chunks),
    loaded_chunks: Number(row.loaded),
    attempts: row.attempts,
    started_at: row.started_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
    seconds: row.seconds,
    problem: row.problem_code === null ? null : { code: row.problem_code, detail: row.problem_detail },
    files:
      row.files_new === null
        ? null
        : {
            new: Number(row.files_new),
            grown: Number(row.files_grown),
            known: Number(row.files_known),
            known_rows: Number(row.known_rows),
          },
    checks: row.checks ?? [],
    receipt: row.publication === null ? null : readReceipt(row.publication),
  }
}

/** Runs as a table for a terminal. */
export function formatRuns(runs: readonly RunReport[]): string {
  if (runs.length === 0) return "no runs"
  const head = ["RUN", "PIPELINE", "STATE", "RECORDS", "REJECTS", "CHUNKS", "VERSION", "STARTED", "SECONDS"]
  const lines = runs.map((run) => [
    String(run.run),
    run.pipeline,
    showState(run),
    String(run.records),
    String(run.rejects),
    `${run.loaded_chunks}/${run.chunks}`,
    run.version.slice(0, 12),
    run.started_at,
    run.seconds?.toFixed(2) ?? "-",
  ])
  return formatTable(head, lines)
}

/** All that is known of one run, a line each. */
export function formatRun(run: RunReport, showCommand: ShowCommand): string {
  const { problem, files, receipt } = run
  const [records, rows] = receipt === null ? [] : describeReceipt(receipt)
  return formatFields([
    ["run", String(run.run)],
    ["pipeline", run.pipeline],
    ["state", showState(run)],
    ["table", run.table],
    ["dataset", run.dataset],
    ["version", run.version],
    ["records", String(run.records)],
    ...(files === null ? [] : [["files", showFiles(files)] as const]),
    ["rejects", run.rejects === 0 ? "0" : `${run.rejects} (${showCommand(`rejects list --run ${run.run}`)})`],
    ["filtered", String(run.filtered)],
    ...(run.checks.length === 0 ? [] : [["checks", describeResults(run.checks) ?? ""] as const]),
    ...(records === undefined || rows === undefined
      ? []
      : ([
          ["receipt", records],
          ["", rows],
        ] as const)),
    ["bytes", String(run.bytes)],
    ["chunks", `${run.loaded_chunks} of ${run.chunks} loaded`],
    ["attempts", String(run.attempts)],
    ["started", run.started_at],
    ["finished", run.finished_at ?? "-"],
    ["seconds", run.seconds?.toFixed(3) ?? "-"],
    ["problem", problem === null ? "-" : `${problem.code}: ${problem.detail}`],
  ])
}

function showFiles({ new: whole, grown, known, known_rows: rows }: NonNullable<RunReport["files"]>): string {
  return `${whole} new, ${grown} grown, ${known} known (${rows} rows were there)`
}

function showState({ state, rehearsal, rejects, problem }: RunReport): string {
  if (state === "published" || state === "rehearsed") return rejects === 0 ? state : `${state} with rejects`
  const shown = rehearsal ? `rehearsal ${state}` : state
  return problem === null ? shown : `${shown} (${problem.code})`
}
