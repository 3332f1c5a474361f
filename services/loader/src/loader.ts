/**
 * The loader: parts made and joined here, released in reverse order. Long because all that a command, a schedule or a test
 * may ask of it is told here.
 */
import { asProblem, Problem } from "@flatbed/contract"
import { commandLine, maskProblem } from "@flatbed/edge"
import type { Logger } from "pino"
import { abortLater } from "./abort-later.ts"
import { readAuthorities } from "./fetch/certificates.ts"
import { openSource } from "./fetch/configured-source.ts"
import type { SourceClient } from "./fetch/source-client.ts"
import { readFreshness } from "./freshness.ts"
import type { LeaseSettings } from "./lease.ts"
import { recordAttempt } from "./ledger/attempt-ledger.ts"
import type { LoaderMetrics } from "./metrics.ts"
import { makeModels, type WantedModels } from "./models/make-models.ts"
import type { ModelOutcome } from "./models/model-outcome.ts"
import { getModelStatus, type ModelStatus } from "./models/model-status.ts"
import { inspectModels, readModels } from "./models/read-models.ts"
import { type Once, selectForLoad } from "./once.ts"
import { uniqueOwner } from "./owner.ts"
import { type PlannedPipeline, type PlanParts, planPipelines } from "./plan/plan-load.ts"
import { type ModelPlan, planModels } from "./plan/plan-models.ts"
import { type Database, openDatabase, type Work } from "./postgres/database.ts"
import { migrateLedger } from "./postgres/migrate.ts"
import { listPendingMigrations, type OwnMigrations, runOwnMigrations } from "./postgres/own-migrations.ts"
import { appliedOf } from "./receipt.ts"
import { chooseValues } from "./reports/given-parameters.ts"
import { findNeeded } from "./reports/needed.ts"
import { inspectReports, type OpenReport, openReport } from "./reports/report-file.ts"
import { type ReportAnswer, runReport } from "./reports/run-report.ts"
import { type Patience, patience as realPatience, withRetries } from "./retry.ts"
import { runPipeline } from "./run.ts"
import { type RunProgress, tellEnd } from "./run-log.ts"
import { createFollow } from "./schedule/follow.ts"
import { describeNext } from "./schedule/next-run.ts"
import { createSchedule } from "./schedule/schedule.ts"
import { createTicks } from "./schedule/ticks.ts"
import { listPipelines, type Pipeline, selectPipelines } from "./settings/pipeline-settings.ts"
import { listReports, selectReport } from "./settings/report-settings.ts"
import type { LoaderSettings } from "./settings/settings.ts"
import { databaseOf, leaseOf } from "./settings/settings-of.ts"
import { getStatus, type PipelineStatus } from "./status.ts"
import { counted, outcomeWithoutRows, type RunOutcome, type ShowCommand } from "./summary.ts"
import { isPublishedVersion } from "./target.ts"
import type { VerifyParts } from "./verify/verify-parts.ts"

export type LoaderParts = {
  readonly log: Logger
  /** The program's version, for the metrics. */
  readonly version: string
  /** How messages write a command of this program; without a settings file named unless told. */
  readonly showCommand?: ShowCommand
  /** Told how each run ended. */
  readonly onEnd?: (outcome: RunOutcome) => void
  /** Told how each model ended. */
  readonly onModel?: (outcome: ModelOutcome) => void
  readonly onProgress?: (pipeline: string, progress: RunProgress) => void
  readonly patience?: Patience
  readonly now?: () => Date
}

export type Loader = {
  /**
   * Loads these pipelines, or all, one after the other; goes on after a failure. Each outcome carries its problem.
   *
   * @throws Problem `usage-invalid` for a name that is no pipeline, or a version for pipelines of several datasets;
   * `settings-invalid` when source.ca cannot be read; `migration-failed` for the user's migrations; a database problem
   * when the ledger cannot be prepared.
   */
  load(names?: readonly string[], signal?: AbortSignal, once?: Once): Promise<RunOutcome[]>
  /**
   * What `load` would do with these pipelines, or all, and with the models behind them; writes nothing. What would end
   * one is in its plan.
   *
   * @throws Problem `usage-invalid` and `settings-invalid` as `load`.
   */
  plan(names?: readonly string[], signal?: AbortSignal): Promise<PlannedLoad>
  /** The user's migrations that a load would run first; writes nothing. Raises migration-failed when it could not. */
  pendingMigrations(signal?: AbortSignal): Promise<string[]>
  /** Runs the schedules, follows the source, and serves the admin port until `stop`. Returns the admin address. */
  start(): Promise<string>
  /** Ends schedules and following; chunks being COPYed may end within `deadlines.stop`. */
  stop(): Promise<void>
  /**
   * Makes models: those that depend on these pipelines and are stale, as `start` does after each run; or those named.
   *
   * @throws Problem `usage-invalid` for a name that is no model; `settings-invalid` when a file of SQL cannot be used; a
   * database problem when the ledger cannot be prepared. What a model fails of is in its outcome.
   */
  makeModels(wanted: WantedModels, signal?: AbortSignal): Promise<ModelOutcome[]>
  /** One status per pipeline, in the order of the file. */
  status(): Promise<PipelineStatus[]>
  /** The reports of the settings with what their files say, without those whose files cannot be used. */
  reports(): Promise<Told<"reports", OpenReport>>
  /**
   * The answer of a report to these values, by parameter.
   *
   * @throws Problem `usage-invalid` for a name that is no report, and for values that are not what it takes;
   * `settings-invalid` for its file; `report-failed` when Postgres refuses it.
   */
  report(name: string, given: ReadonlyMap<string, string>, signal?: AbortSignal): Promise<ReportAnswer>
  /** One status per model, in the order in which they are made, without those whose files cannot be used. */
  modelStatus(): Promise<Told<"models", ModelStatus>>
  /** Asks the ledger something in one transaction, once it is of this program's version. */
  askLedger<T>(question: Work<T>): Promise<T>
  /** Gives `work` the pipelines, in the order of the file, and what asks source and database: for who loads nothing. */
  look<T>(work: (parts: LookParts) => Promise<T>, signal?: AbortSignal): Promise<T>
}

export type PlannedLoad = {
  readonly planned: readonly PlannedPipeline[]
  readonly models: readonly ModelPlan[]
}

/** What is told of those whose files can be used, and beside it what is wrong with the others. */
type Told<Key extends string, One> = { readonly [K in Key]: readonly One[] } & {
  readonly problem: Problem | undefined
}

export type LookParts = VerifyParts & {
  readonly pipelines: readonly Pipeline[]
  readonly showCommand: ShowCommand
  readonly lease: LeaseSettings
}

/** Opens nothing yet: connections are made by `load`, `start` and `status`, and closed by them or by `stop`. */
export function createLoader(settings: LoaderSettings, parts: LoaderParts): Loader {
  const { log } = parts
  const patience = parts.patience ?? realPatience
  const now = parts.now ?? (() => new Date())
  const showCommand = parts.showCommand ?? ((args: string) => commandLine("flatbed-loader", args))
  const pipelines = listPipelines(settings)
  let metrics: LoaderMetrics | undefined
  const retries = { attempts: settings.retries.attempts, capMs: settings.retries.cap }
  const started: { close(): Promise<void> }[] = []
  const stopping = new AbortController()

  const openPool = (name: string, connections: number): Database =>
    openDatabase(databaseOf(settings), { name, connections, patience })

  /** For one run at a time: beside the COPYs one for the heartbeat, one for what the run asks in between. */
  async function withRunPool<T>(use: (pool: Database) => Promise<T>): Promise<T> {
    const pool = openPool("flatbed-loader", settings.connections + 2)
    try {
      return await use(pool)
    } finally {
      await pool.close()
    }
  }

  const mayRepeat = (error: unknown) => error instanceof Problem && error.code === "database-unreachable"

  async function prepareLedger(signal?: AbortSignal): Promise<void> {
    const { url, schema } = settings.database
    await withRetries(() => migrateLedger(url, { schema, connectTimeoutMs: settings.deadlines.connect }), {
      policy: retries,
      patience,
      mayRepeat,
      signal,
    })
  }

  /** What stands in the settings' folder of migrations; the ledger is there. */
  function ownMigrations(): OwnMigrations | undefined {
    const { migrations: folder, database, deadlines } = settings
    if (folder === undefined) return undefined
    const { connect: connectTimeoutMs, lock: lockTimeoutMs, statement: statementTimeoutMs } = deadlines
    return { folder, ...database, connectTimeoutMs, lockTimeoutMs, statementTimeoutMs }
  }

  async function prepareDatabase(signal?: AbortSignal): Promise<void> {
    await prepareLedger(signal)
    const own = ownMigrations()
    if (own === undefined) return
    const ran = await withRetries(() => runOwnMigrations(own), {
      policy: retries,
      patience,
      mayRepeat,
      signal,
    })
    if (ran.length > 0) log.info({ event: "migrations.run", migrations: ran }, `ran ${ran.join(", ")}`)
  }

  async function listPending(signal?: AbortSignal): Promise<string[]> {
    const own = ownMigrations()
    if (own === undefined) return []
    const database = openPool("flatbed-loader", 1)
    try {
      const doing = "looking for migrations"
      return await database.transaction((session) => listPendingMigrations(session, own), { doing, signal })
    } finally {
      await database.close()
    }
  }

  /** A rehearsal runs none: it leaves everything as it was. */
  async function tellPending(signal?: AbortSignal): Promise<void> {
    await prepareLedger(signal)
    const migrations = await listPending(signal)
    if (migrations.length === 0) return
    log.warn(
      { event: "migrations.pending", migrations },
      `a load would run ${migrations.join(", ")} first; the rehearsal goes without`,
    )
  }

  async function askLedger<T>(question: Work<T>): Promise<T> {
    await prepareLedger()
    const database = openPool("flatbed-loader", 1)
    try {
      return await database.transaction(question, { doing: "asking the ledger" })
    } finally {
      await database.close()
    }
  }

  /** For who loads nothing: what asks source and database. */
  async function withSource<T>(work: (parts: PlanParts) => Promise<T>, signal: AbortSignal): Promise<T> {
    const source = await openSource(settings, 2)
    const database = openPool("flatbed-loader", 2)
    const indexingMs = settings.deadlines.indexing
    try {
      return await work({ source, database, log, patience, retries, indexingMs, signal })
    } finally {
      await source.close()
      await database.close()
    }
  }

  async function runOnce(
    pipeline: Pipeline,
    pool: Database,
    signal: AbortSignal,
    once: Once = {},
  ): Promise<RunOutcome> {
    metrics?.beginRun()
    const runLog = log.child({ pipeline: pipeline.name })
    const { outcome, version } = await attemptRun(pipeline, pool, signal, runLog, once)
    // What `status` tells is how the table came by what it shows, or why it does not: not that somebody mistyped a version.
    const isMistyped = once.version !== undefined && outcome.problem?.code === "version-not-found"
    if (once.rehearse !== true && !isMistyped) await recordAttempt(pool, { ...outcome, version })
    const next = describeNext(pipeline, { timezone: settings.timezone, now: now() })
    tellEnd(runLog, outcome, { next, showCommand })
    parts.onEnd?.(outcome)
    metrics?.endRun(outcome)
    return outcome
  }

  async function runModels(wanted: WantedModels, signal: AbortSignal): Promise<ModelOutcome[]> {
    const models = await readModels(settings)
    if (models.length === 0 && "after" in wanted) return []
    await prepareDatabase(signal)
    const database = openPool("flatbed-loader", 2)
    try {
      const outcomes = await makeModels(models, wanted, { database, log, signal })
      for (const outcome of outcomes) {
        metrics?.endModel(outcome)
        parts.onModel?.(outcome)
      }
      return outcomes
    } finally {
      await database.close()
    }
  }

  /** For a process that stays: what stops the models is told, and tried again after the next run. */
  async function runModelsAfter({ pipeline, outcome }: RunOutcome): Promise<void> {
    if (outcome !== "published" && outcome !== "up-to-date") return
    await runModels({ after: [pipeline] }, stopping.signal).catch((error: unknown) => {
      if (stopping.signal.aborted) return
      const { code, message, hint } = maskProblem(asProblem(error))
      log.error({ event: "models.not_made", pipeline, code, hint }, `no model was made: ${message}`)
    })
  }

  async function attemptRun(
    pipeline: Pipeline,
    pool: Database,
    signal: AbortSignal,
    runLog: Logger,
    { rehearse = false, version: chosen }: Once,
  ): Promise<{ outcome: RunOutcome; version: string | undefined }> {
    let version: string | undefined
    const began = performance.now()
    const seconds = () => (performance.now() - began) / 1000
    const ended = (outcome: RunOutcome["outcome"], problem?: Problem) =>
      outcomeWithoutRows(pipeline, outcome, problem, seconds())
    const hardStop = new AbortController()
    const release = abortLater(signal, hardStop, settings.deadlines.stop)
    const { connections, read_ahead: readAhead, group: groupBytes } = settings
    const database = pool.as(`flatbed-loader/${pipeline.name}`)
    let source: SourceClient | undefined
    try {
      source = await openSource(settings, connections + readAhead)
      const result = await runPipeline(pipeline, {
        source,
        database,
        log: runLog,
        patience,
        retries,
        lease: leaseOf(settings),
        connections,
        readAhead,
        groupBytes,
        indexingMs: settings.deadlines.indexing,
        owner: uniqueOwner(),
        showCommand,
        rehearse,
        chosen,
        onVersion: (newest) => {
          version = newest
        },
        onProgress: (progress) => parts.onProgress?.(pipeline.name, progress),
        signal,
        hardStop,
      })
      const { receipt } = result
      const applied = receipt === undefined ? undefined : appliedOf(receipt)
      return { outcome: { ...ended(result.outcome), ...result, applied }, version }
    } catch (error) {
      if (signal.aborted) return { outcome: ended("stopped"), version }
      // A lease found lost by the heartbeat ends the COPYs; why is in the stop, what they say is a consequence.
      const problem = maskProblem(asProblem(hardStop.signal.aborted ? hardStop.signal.reason : error))
      const outcome = ended(problem.code === "lease-held" ? "skipped" : "failed", problem)
      return { outcome, version }
    } finally {
      release()
      await source?.close()
    }
  }

  return {
    async load(names = [], signal = stopping.signal, once = {}) {
      const wanted = selectForLoad(pipelines, names, once)
      // What the models' files lack is told before a row moves.
      await readModels(settings)
      await readAuthorities(settings.source.ca)
      await (once.rehearse === true ? tellPending(signal) : prepareDatabase(signal))
      return await withRunPool(async (pool) => {
        const outcomes: RunOutcome[] = []
        for (const pipeline of wanted) {
          if (signal.aborted) break
          outcomes.push(await runOnce(pipeline, pool, signal, once))
        }
        return outcomes
      })
    },

    async plan(names = [], signal = stopping.signal) {
      const wanted = selectPipelines(pipelines, names)
      // As a load, which does nothing with files that it cannot use.
      const models = await readModels(settings)
      return await withSource(async (asked) => {
        const planned = await planPipelines(wanted, asked)
        return { planned, models: await planModels(models, planned, asked) }
      }, signal)
    },

    pendingMigrations: (signal = stopping.signal) => listPending(signal),

    async start() {
      // Only a process that stays needs an HTTP server and metrics: `load` begins without reading them.
      const [{ createMetrics }, { startAdmin }] = await Promise.all([
        import("./metrics.ts"),
        import("./admin.ts"),
      ])
      const told = createMetrics(parts.version)
      metrics = told
      await readModels(settings)
      await readAuthorities(settings.source.ca)
      await prepareDatabase(stopping.signal)
      const database = openPool("flatbed-loader", 2)
      started.push(database)
      const admin = await startAdmin(settings.admin, {
        registry: told.registry,
        beforeMetrics: async () => told.tellFreshness(await readFreshness(database, pipelines)),
        isReady: database.isReachable,
      })
      started.push(admin)
      const run = async (pipeline: Pipeline) => {
        const outcome = await withRunPool((pool) => runOnce(pipeline, pool, stopping.signal))
        await runModelsAfter(outcome)
        return outcome
      }
      const schedule = createSchedule(pipelines, {
        timezone: settings.timezone,
        log,
        now,
        ticks: createTicks(database, uniqueOwner),
        run: async (pipeline) => {
          await run(pipeline)
        },
      })
      started.push({ close: schedule.stop })
      const follow = createFollow(pipelines, {
        log,
        patience,
        openSource: () => openSource(settings, 1),
        run,
        isPublished: (pipeline, version) =>
          database.transaction((session) => isPublishedVersion(session, pipeline, version), {
            doing: "asking the ledger",
          }),
      })
      started.push({ close: follow.stop })
      await schedule.start()
      follow.start()
      const scheduled = pipelines.filter((pipeline) => pipeline.schedule !== undefined).length
      const following = pipelines.filter((pipeline) => pipeline.follow).length
      log.info(
        { event: "loader.started", admin: admin.url, scheduled, following },
        `${counted(scheduled, "pipeline")} on schedule, ${following} following the source`,
      )
      return admin.url
    },

    async stop() {
      stopping.abort(new DOMException("the loader was stopped", "AbortError"))
      for (const part of started.splice(0).reverse()) await part.close()
    },

    async makeModels(wanted, signal = stopping.signal) {
      return await runModels(wanted, signal)
    },

    async modelStatus() {
      const { models, problem } = await inspectModels(settings)
      if (models.length === 0) return { models: [], problem }
      return { models: await askLedger((session) => getModelStatus(session, models)), problem }
    },

    async status() {
      const clock = { timezone: settings.timezone, now: now() }
      return await askLedger((session) => getStatus(session, pipelines, clock))
    },

    askLedger,

    reports: () => inspectReports(listReports(settings)),

    async report(name, given, signal = stopping.signal) {
      const report = await openReport(selectReport(listReports(settings), name))
      const values = chooseValues(report, given)
      const usesModels = report.needs.some((need) => Object.hasOwn(settings.models, need))
      const models = usesModels ? await readModels(settings) : []
      const asked = { values, needed: findNeeded(report.needs, pipelines, models), showCommand }
      await prepareLedger(signal)
      const database = openPool("flatbed-loader", 1)
      try {
        return await database.transaction((session) => runReport(session, report, asked), {
          doing: `running report ${name}`,
          oneSnapshot: true,
          signal,
        })
      } finally {
        await database.close()
      }
    },

    async look(work, signal = stopping.signal) {
      await prepareLedger(signal)
      return await withSource(
        (asked) => work({ ...asked, pipelines, showCommand, lease: leaseOf(settings) }),
        signal,
      )
    },
  }
}
