/** What a rehearsed load tells beside its counts: how long each part took, and which locks it took. Pure. */
import { printable } from "./printable.ts"

/** The parts of a load, in their order. */
export const phases = ["asking", "staging", "publishing"] as const
export type Phase = (typeof phases)[number]

/** The strongest lock that the publish held on a table that was there before, by its name in LOCK TABLE. */
export type HeldLock = { readonly table: string; readonly lock: string }

export type Rehearsal = {
  readonly locks: readonly HeldLock[]
  readonly seconds: Readonly<Record<Phase, number>>
}

/** Postgres' lock modes, the weakest first (Postgres manual, 13.3.1), and whom each keeps waiting. */
export const lockModes = [
  ["AccessShareLock", "access share", "nobody waits"],
  ["RowShareLock", "row share", "nobody waits"],
  ["RowExclusiveLock", "row exclusive", "nobody waits who reads or writes rows"],
  ["ShareUpdateExclusiveLock", "share update exclusive", "nobody waits who reads or writes rows"],
  ["ShareLock", "share", "writers wait, readers do not"],
  ["ShareRowExclusiveLock", "share row exclusive", "writers wait, readers do not"],
  ["ExclusiveLock", "exclusive", "writers wait, readers do not"],
  ["AccessExclusiveLock", "access exclusive", "everybody waits, for the last moment of it"],
] as const

/** Begins with the first phase; each `enter` ends the one before. `now` is in milliseconds. */
export function createPhases(now: () => number = () => performance.now()) {
  const seconds: Record<Phase, number> = { asking: 0, staging: 0, publishing: 0 }
  let phase: Phase = "asking"
  let since = now()
  const end = () => {
    seconds[phase] += (now() - since) / 1000
    since = now()
  }
  return {
    enter(next: Phase): void {
      end()
      phase = next
    },
    seconds(): Readonly<Record<Phase, number>> {
      end()
      return { ...seconds }
    },
  }
}

/** The lines for a terminal. */
export function describeRehearsal({ locks, seconds }: Rehearsal): string[] {
  const times = [
    `${seconds.asking.toFixed(2)} s asking the source`,
    `${seconds.staging.toFixed(2)} s staging`,
    `${seconds.publishing.toFixed(2)} s publishing`,
  ]
  const held = locks.map(({ table, lock }) => {
    const who = lockModes.find(([, name]) => name === lock)?.[2]
    return `${printable(table)}: ${lock}${who === undefined ? "" : ` (${who})`}`
  })
  return [
    `time: ${times.join(", ")}`,
    ...(held.length === 0
      ? ["locks while publishing: none, on no table that was there before"]
      : held.map((line) => `lock while publishing: ${line}`)),
  ]
}

/** As `--json` prints it; seconds to the millisecond. */
export function rehearsalToJson({ locks, seconds }: Rehearsal): Record<string, unknown> {
  const rounded = phases.map((phase) => [phase, Math.round(seconds[phase] * 1000) / 1000])
  return { locks, seconds: Object.fromEntries(rounded) }
}
