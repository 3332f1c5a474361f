/** Cron ticks become runs. node-cron fires; the ledger decides whose tick it is, so several loaders run it once. */
import { schedule as cron, type ScheduledTask } from "node-cron"
import type { Logger } from "pino"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import { findDueTick, findNextTick } from "./due-ticks.ts"

export type ScheduleParts = {
  readonly timezone: string
  readonly log: Logger
  readonly now: () => Date
  /** See ticks.ts: the same three, each in a transaction of its own. */
  readonly ticks: {
    readonly claim: (pipeline: string, tick: Date) => Promise<boolean>
    readonly findLast: (pipeline: string) => Promise<Date | undefined>
    readonly recordFirst: (pipeline: string, tick: Date) => Promise<void>
  }
  /** Runs the pipeline; never throws. */
  readonly run: (pipeline: Pipeline, tick: Date) => Promise<void>
}

type Scheduled = Pipeline & { readonly schedule: string }

/**
 * The schedules of these pipelines. However a pipeline is woken, by its own expression or by the look that happens
 * every minute, the question is the same: is the latest due tick later than the last one taken? So downtime over
 * several ticks is caught up by one run, a local time that a clock change leaves out is run after it, and a tick
 * that could not be claimed while Postgres was away is claimed a minute later.
 */
export function createSchedule(pipelines: readonly Pipeline[], parts: ScheduleParts) {
  const scheduled = pipelines.filter((pipeline): pipeline is Scheduled => pipeline.schedule !== undefined)
  const tasks: ScheduledTask[] = []
  const running = new Set<Promise<void>>()
  const seen = new Map<string, Date>()
  let stopped = false

  async function look(pipeline: Scheduled): Promise<void> {
    const due = findDueTick(pipeline.schedule, parts.timezone, parts.now())
    const last = seen.get(pipeline.name)
    if (stopped || due === undefined || (last !== undefined && due <= last)) return
    const claimed = await parts.ticks.claim(pipeline.name, due)
    seen.set(pipeline.name, due)
    if (stopped) return
    const fields = { pipeline: pipeline.name, tick: due.toISOString() }
    if (!claimed) {
      parts.log.debug({ event: "tick.taken", ...fields }, "another loader has this tick")
      tellNext(pipeline)
      return
    }
    parts.log.info({ event: "tick.claimed", ...fields }, `${pipeline.name} was due at ${fields.tick}`)
    const run = parts.run(pipeline, due).finally(() => {
      running.delete(run)
      if (!stopped) tellNext(pipeline)
    })
    running.add(run)
  }

  function lookQuietly(pipeline: Scheduled): void {
    look(pipeline).catch((error) => {
      const fields = { event: "schedule.failed", pipeline: pipeline.name, code: error?.code }
      parts.log.error(fields, `the tick could not be claimed and is tried again: ${error?.message}`)
    })
  }

  function tellNext(pipeline: Scheduled): void {
    const next = findNextTick(pipeline.schedule, parts.timezone, parts.now())
    const fields = { event: "schedule.next", pipeline: pipeline.name, next: next?.toISOString() }
    parts.log.info(fields, `${pipeline.name} is due next at ${next?.toISOString() ?? "no time"}`)
  }

  // A pipeline that was never due before must not run for its past; from now on it counts as seen.
  async function begin(pipeline: Scheduled): Promise<void> {
    if ((await parts.ticks.findLast(pipeline.name)) !== undefined) return await look(pipeline)
    const due = findDueTick(pipeline.schedule, parts.timezone, parts.now())
    if (due !== undefined) await parts.ticks.recordFirst(pipeline.name, due)
  }

  return {
    /** Catches up what was missed, one run per pipeline, then waits for ticks. */
    async start(): Promise<void> {
      for (const pipeline of scheduled) await begin(pipeline)
      for (const pipeline of scheduled) {
        tellNext(pipeline)
        const options = { timezone: parts.timezone, suppressMissedWarning: true }
        tasks.push(cron(pipeline.schedule, () => lookQuietly(pipeline), options))
      }
      const everyMinute = { suppressMissedWarning: true }
      if (scheduled.length > 0)
        tasks.push(cron("* * * * *", () => scheduled.forEach(lookQuietly), everyMinute))
    },

    /** Fires no more; resolves when the runs under way have ended. */
    async stop(): Promise<void> {
      stopped = true
      for (const task of tasks.splice(0).reverse()) await task.destroy()
      await Promise.all(running)
    },
  }
}
