/** Pure: how dates, times and booleans are written in the file, to the one spelling in which they are served. */
import type { ColumnType } from "@flatbed/contract"
import { daysFromCivil, spellSeconds, spellTwo } from "./calendar.ts"
import { compilePattern, type DateParts, type DatePattern, spellDate } from "./date-pattern.ts"
import { findNearestZone, findZone, spellOffset, type Zone } from "./zone.ts"

/** As it stands in the settings: a pattern, with the zone whose clocks were read if the cells do not say it. */
export type DateFormat = string | { readonly pattern: string; readonly zone?: string | undefined }

export type BooleanWords = { readonly true: readonly string[]; readonly false: readonly string[] }

/** A way of writing one type. */
export type Format = {
  readonly type: ColumnType
  /** The cell as it is served, or what to put behind what was expected: nothing, or "; " and a reason. */
  read(cell: string): { readonly served: string } | { readonly why: string }
  /** What a cell must be, in words. */
  readonly expected: string
}

const dateTypes: readonly ColumnType[] = ["date", "timestamp", "timestamptz"]

/** The type that a format says by itself. A pattern that cannot be used says date; it is refused elsewhere. */
export function typeOfFormat(format: DateFormat): ColumnType {
  const { pattern, zone } = takeApart(format)
  const compiled = compilePattern(pattern)
  if (typeof compiled === "string") return "date"
  if (compiled.hasOffset || zone !== undefined) return "timestamptz"
  return compiled.hasTime ? "timestamp" : "date"
}

/** Compiles a format for a column of this type; a string says why it cannot be, going on after the setting's name. */
export function compileFormat(format: DateFormat, type: ColumnType): Format | string {
  const { pattern, zone: zoneName } = takeApart(format)
  const shown = JSON.stringify(pattern)
  const compiled = compilePattern(pattern)
  if (typeof compiled === "string") return `${shown} ${compiled}`
  if (!dateTypes.includes(type)) {
    return `is given, but the column's type is ${type}; expected date, timestamp or timestamptz`
  }
  const { hasTime, hasOffset } = compiled
  if (type === "date" && hasTime) return `${shown} has a time, which a date cannot keep; expected timestamp`
  if (type !== "timestamptz" && (hasOffset || zoneName !== undefined)) {
    return `${shown} has ${hasOffset ? "an offset" : "a zone"}, which a ${type} cannot keep; expected timestamptz`
  }
  if (type !== "timestamptz") return createFormat(type, compiled, undefined)
  if (hasOffset && zoneName !== undefined) return `${shown} has an offset and a zone, expected one of them`
  if (hasOffset) return createFormat(type, compiled, undefined)
  if (zoneName === undefined) {
    return `${shown} has no offset (X, XX or XXX), which a timestamptz needs; expected one, or { pattern: ${shown}, zone: Europe/Berlin }`
  }
  const zone = findZone(zoneName)
  if (zone === undefined) {
    const nearest = findNearestZone(zoneName)
    const hint =
      nearest === undefined
        ? "expected a name such as Europe/Berlin, UTC or +01:00"
        : `did you mean ${nearest}?`
    return `has the zone ${JSON.stringify(zoneName)}, which is not known; ${hint}`
  }
  return createFormat(type, compiled, zone)
}

function takeApart(format: DateFormat): { readonly pattern: string; readonly zone?: string | undefined } {
  return typeof format === "string" ? { pattern: format } : format
}

function createFormat(type: ColumnType, pattern: DatePattern, zone: Zone | undefined): Format {
  const finish = finishOf(pattern, zone)
  const where = zone === undefined ? "" : `, by the clocks of ${zone.name}`
  return {
    type,
    expected: `${type} written as ${pattern.pattern}, such as ${pattern.example}${where}`,
    read(cell) {
      const parts = pattern.read(cell)
      return typeof parts === "string" ? { why: parts } : finish(parts)
    },
  }
}

function finishOf(
  pattern: DatePattern,
  zone: Zone | undefined,
): (parts: DateParts) => ReturnType<Format["read"]> {
  if (zone !== undefined) return (parts) => placeInZone(parts, pattern, zone)
  if (!pattern.hasTime) return (parts) => ({ served: spellDate(parts) })
  if (!pattern.hasOffset) return (parts) => ({ served: `${spellDate(parts)}T${spellTime(parts, pattern)}` })
  return (parts) => {
    const time = `${spellDate(parts)}T${spellTime(parts, pattern)}`
    return { served: time + (spellOffset(parts.offset) ?? "") }
  }
}

function placeInZone(parts: DateParts, pattern: DatePattern, zone: Zone): ReturnType<Format["read"]> {
  const { year, month, day, hour, minute, second } = parts
  const shown = daysFromCivil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
  const [offset, later] = zone.offsetsAt(shown)
  if (offset === undefined) return { why: `; the clocks of ${zone.name} were put forward over that time` }
  if (later !== undefined) {
    const both = [offset, later].map((seconds) => spellOffset(seconds) ?? `${seconds} s`).join(" and ")
    return {
      why: `; the clocks of ${zone.name} showed that time twice, at the offsets ${both}: only a file that has the offset (X, XX or XXX) tells which`,
    }
  }
  const spelled = spellOffset(offset)
  if (spelled !== undefined) return { served: `${spellDate(parts)}T${spellTime(parts, pattern)}${spelled}` }
  // Before a place had a zone its clocks were some seconds off, which no offset on the wire can say.
  const utc = spellSeconds(shown - offset)
  if (utc === undefined) return { why: "; in UTC that is outside the years 1 to 9999" }
  return { served: `${utc}${parts.fraction === "" ? "" : `.${parts.fraction}`}Z` }
}

/** As many digits as the pattern has; hours and minutes always, since no type's grammar takes less. */
function spellTime({ hour, minute, second, fraction }: DateParts, { hasSecond }: DatePattern): string {
  const time = `${spellTwo(hour)}:${spellTwo(minute)}`
  if (!hasSecond) return time
  return `${time}:${spellTwo(second)}${fraction === "" ? "" : `.${fraction}`}`
}

/** Compiles the words for true and false, as they are written; a string says why they cannot be used. */
export function compileBooleans(words: BooleanWords, type: ColumnType): Format | string {
  if (type !== "boolean") return `are given, but the column's type is ${type}; expected boolean`
  const both = words.true.find((word) => words.false.includes(word))
  if (both !== undefined) return `have ${JSON.stringify(both)} for true and for false, expected it once`
  const meanings = new Map<string, { readonly served: string }>([
    ...words.true.map((word) => [word, { served: "true" }] as const),
    ...words.false.map((word) => [word, { served: "false" }] as const),
  ])
  const unknown = { why: "" }
  const list = (some: readonly string[]) => some.map((word) => JSON.stringify(word)).join(", ")
  return {
    type,
    expected: `boolean: ${list(words.true)} for true, ${list(words.false)} for false`,
    read: (cell) => meanings.get(cell) ?? unknown,
  }
}
