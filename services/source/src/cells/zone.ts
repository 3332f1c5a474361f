/** Pure: how far a place's clocks are from UTC, by the time zone data that Node carries. */
import { findNearest } from "@flatbed/config"
import { daysFromCivil, spellTwo } from "./calendar.ts"

const secondsOfDay = 86_400
const rememberedDays = 50_000

/** A place's clocks. */
export type Zone = {
  readonly name: string
  /**
   * By how many seconds the clocks are ahead of UTC when they show this time (seconds since 1970 as read off the
   * clock). Two answers, the earlier instant first, when they were put back and show it twice; none when they were put
   * forward over it.
   */
  offsetsAt(clockSeconds: number): readonly number[]
}

const fixedOffset = /^([+-])([0-9]{2})(?::?([0-9]{2}))?$/

// What is known of a place does not change while the process lives, and each chunk compiles its columns anew.
const places = new Map<string, Zone>()

/** An IANA name (Europe/Berlin), UTC, Z, or a fixed offset (+01:00); undefined when it is none of them. */
export function findZone(name: string): Zone | undefined {
  if (name === "UTC" || name === "Z") return createFixedZone(name, 0)
  const fixed = fixedOffset.exec(name)
  if (fixed === null) return findPlace(name)
  const [, sign, hours, minutes = "00"] = fixed
  if (Number(hours) > 15 || Number(minutes) > 59) return undefined
  const seconds = Number(hours) * 3600 + Number(minutes) * 60
  return createFixedZone(name, sign === "-" ? -seconds : seconds)
}

function findPlace(name: string): Zone | undefined {
  const known = places.get(name)
  if (known !== undefined || !isKnown(name)) return known
  const zone = createNamedZone(name)
  places.set(name, zone)
  return zone
}

/** What the name was perhaps meant to be. */
export function findNearestZone(name: string): string | undefined {
  return findNearest(name, Intl.supportedValuesOf("timeZone"))
}

/** Whether what the zone says depends on the time zone data, which changes with Node. */
export function isNamedZone(name: string): boolean {
  return name !== "UTC" && name !== "Z" && !fixedOffset.test(name)
}

/** `Z`, `+01:00`; undefined for the offsets in seconds that places had before they had zones. */
export function spellOffset(seconds: number): string | undefined {
  if (seconds === 0) return "Z"
  if (seconds % 60 !== 0) return undefined
  const minutes = Math.abs(seconds) / 60
  return `${seconds < 0 ? "-" : "+"}${spellTwo(Math.floor(minutes / 60))}:${spellTwo(minutes % 60)}`
}

function isKnown(name: string): boolean {
  // Some versions of Node take offsets in spellings that were refused above.
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name }) !== undefined
  } catch {
    return false
  }
}

function createFixedZone(name: string, seconds: number): Zone {
  const offsets = [seconds]
  return { name, offsetsAt: () => offsets }
}

/** The clocks are changed at an instant from one offset to another. */
type Change = {
  readonly instant: number
  readonly before: readonly number[]
  readonly after: readonly number[]
}

function createNamedZone(name: string): Zone {
  const clock = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  })
  // Asking Intl costs as much as reading a hundred cells, so days are remembered: their one offset, or the change.
  const days = new Map<number, readonly number[] | Change>()

  function offsetOf(instant: number): number {
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {}
    for (const { type, value } of clock.formatToParts(instant * 1000)) parts[type] = value
    const shown = (type: Intl.DateTimeFormatPartTypes) => Number(parts[type])
    const year = parts.era?.startsWith("B") ? 1 - shown("year") : shown("year")
    const days = daysFromCivil(year, shown("month"), shown("day"))
    return days * secondsOfDay + shown("hour") * 3600 + shown("minute") * 60 + shown("second") - instant
  }

  // The offsets a day before and a day after are the only ones that the clocks can have had: no place has changed
  // them twice within three days (nearly the assumption of ECMAScript's Temporal, GetNamedTimeZoneEpochNanoseconds).
  function lookAt(day: number): readonly number[] | Change {
    let from = (day - 1) * secondsOfDay
    let to = (day + 2) * secondsOfDay
    const [before, after] = [offsetOf(from), offsetOf(to)]
    if (before === after) return [before]
    // The first instant of the new offset lies past `from`, at `to` at the latest.
    while (to - from > 1) {
      const middle = Math.floor((from + to) / 2)
      if (offsetOf(middle) === before) from = middle
      else to = middle
    }
    return { instant: to, before: [before], after: [after] }
  }

  return {
    name,
    offsetsAt(clockSeconds) {
      const day = Math.floor(clockSeconds / secondsOfDay)
      let known = days.get(day)
      if (known === undefined) {
        known = lookAt(day)
        if (days.size >= rememberedDays) days.clear()
        days.set(day, known)
      }
      return "instant" in known ? offsetsAround(known, clockSeconds) : known
    },
  }
}

const none: readonly number[] = []

function offsetsAround({ instant, before, after }: Change, clockSeconds: number): readonly number[] {
  const wasShown = clockSeconds < instant + (before[0] ?? 0)
  const isShown = clockSeconds >= instant + (after[0] ?? 0)
  if (wasShown && isShown) return [...before, ...after]
  return wasShown ? before : isShown ? after : none
}
