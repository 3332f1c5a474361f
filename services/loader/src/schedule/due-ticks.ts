/** Which moments of a cron expression are due. Pure: the time is an argument. */
import { Cron } from "croner"
import { validate } from "node-cron"

/** Why the expression cannot be a schedule; undefined when it can. Five fields: minute to day of the week. */
export function findCronError(expression: string): string | undefined {
  const fields = expression.trim().split(/\s+/).length
  if (fields !== 5 && fields !== 6) return `it has ${fields} field(s), not 5, or 6 with seconds first`
  // node-cron fires and croner says which moment is due: both must be able to read it.
  if (!validate(expression)) return "it is not one that cron knows"
  try {
    if (open(expression, "UTC").nextRun() === null) return "it is never due"
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The latest moment that is due at `now`, itself included. A local time that a clock change leaves out is due after it. */
export function findDueTick(expression: string, timezone: string, now: Date): Date | undefined {
  // croner looks at whole seconds before the one given.
  const reference = new Date(now.getTime() + 1000)
  return open(expression, timezone).previousRuns(1, reference)[0]
}

/** The first moment that is due after `now`. */
export function findNextTick(expression: string, timezone: string, now: Date): Date | undefined {
  return open(expression, timezone).nextRun(now) ?? undefined
}

// Day of the month and day of the week must both fit, as node-cron reads them.
function open(expression: string, timezone: string): Cron {
  return new Cron(expression, { paused: true, timezone, domAndDow: true })
}
