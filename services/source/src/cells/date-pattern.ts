/**
 * Pure: patterns such as `dd.MM.yyyy HH:mm`, in the letters of Unicode's LDML (UTS 35, Date Field Symbols), read
 * strictly: a letter once takes one or two digits, twice exactly two, and what is no letter stands for itself.
 */
import { daysInMonth, spellDay } from "./calendar.ts"
import {
  type Element,
  exampleOf,
  type Field,
  fieldNames,
  fieldOf,
  letters,
  months,
  type NumberField,
  refusedLetters,
} from "./pattern-letters.ts"

/** What a cell says, once read; whole numbers, the fraction as its digits. Lent until the next cell is read. */
export type DateParts = {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  fraction: string
  /** Seconds ahead of UTC, where the pattern has an offset. */
  offset: number
}

export type DatePattern = {
  readonly pattern: string
  readonly hasTime: boolean
  readonly hasMinute: boolean
  readonly hasSecond: boolean
  readonly hasOffset: boolean
  /**
   * Reads a cell: its parts, a day that exists and a time that clocks show. Else what is wrong, to be put behind what
   * was expected: nothing when it is only not written as the pattern, otherwise "; " and the reason.
   */
  read(cell: string): DateParts | string
  /** A cell that the pattern reads, for messages: 31 December 2024, 17:05:09. */
  readonly example: string
}

/** Compiles a pattern; a string says why it cannot be used, going on after the pattern itself. */
export function compilePattern(pattern: string): DatePattern | string {
  const elements = splitPattern(pattern)
  if (typeof elements === "string") return elements
  const fault = findFault(elements)
  if (fault !== undefined) return fault
  const fields = new Set(elements.map(fieldOf))
  const parts: DateParts = {
    year: 0,
    month: 0,
    day: 0,
    hour: 0,
    minute: 0,
    second: 0,
    fraction: "",
    offset: 0,
  }
  const read = createReader(elements, parts)
  return {
    pattern,
    hasTime: fields.has("hour") || fields.has("halfHour"),
    hasMinute: fields.has("minute"),
    hasSecond: fields.has("second"),
    hasOffset: fields.has("offset"),
    read: (cell) => (read(cell) ? (findImpossible(parts) ?? parts) : ""),
    example: elements.map(exampleOf).join(""),
  }
}

function splitPattern(pattern: string): Element[] | string {
  const elements: Element[] = []
  // A quoted text, '' for a quote, a run of one letter, or one other character.
  for (const [whole, quoted, letter] of pattern.matchAll(
    /'((?:[^']|'')+)'|([A-Za-z])\2*|''|[^A-Za-z']|'/gu,
  )) {
    if (whole === "'") return "has a quote that is never closed"
    if (letter === undefined) {
      const text = whole === "''" ? "'" : (quoted?.replaceAll("''", "'") ?? whole)
      elements.push({ kind: "literal", text })
      continue
    }
    const known = Object.hasOwn(letters, whole) ? letters[whole] : undefined
    if (known === undefined) return refuseLetters(whole, letter)
    elements.push(known.element)
  }
  return elements
}

function refuseLetters(run: string, letter: string): string {
  const reason = refusedLetters[run] ?? refusedLetters[letter]
  const known = `expected letters among ${Object.keys(letters).join(", ")}; other text stands in single quotes`
  return `has ${JSON.stringify(run)}, which is not a letter of a pattern here; ${reason ?? known}`
}

function findFault(elements: readonly Element[]): string | undefined {
  const fields = elements.flatMap((element) => fieldOf(element) ?? [])
  const twice = fields.find((field, i) => fields.indexOf(field) < i)
  if (twice !== undefined) return `has the ${fieldNames[twice]} twice, expected it once`
  const has = (...any: Field[]) => any.some((field) => fields.includes(field))
  if (has("year") && has("shortYear")) return "has the year twice, expected it once"
  if (!has("year", "shortYear") || !has("month") || !has("day")) {
    return "does not say a whole day, expected letters for year, month and day, as in dd.MM.yyyy"
  }
  if (has("hour") && has("halfHour", "halfDay")) return "has H beside h or a, expected HH alone or hh with a"
  if (has("halfHour") !== has("halfDay"))
    return "has one of h and a, expected both: without AM or PM an hour is two"
  if (has("minute") && !has("hour", "halfHour")) return "has minutes without hours"
  if (has("second") && !has("minute")) return "has seconds without minutes"
  if (has("fraction") && !has("second")) return "has a fraction without seconds"
  if (has("offset") && !has("hour", "halfHour")) return "has an offset without a time"
  const open = elements.findIndex((element, i) => mayBeLonger(element) && mayBeginWithDigit(elements[i + 1]))
  if (open !== -1)
    return "has what may be one or two digits long right before another digit, so that nobody can tell where it ends; expected two letters, or three X"
  return undefined
}

function mayBeLonger(element: Element): boolean {
  return element.kind === "number"
    ? element.least < element.most
    : element.kind === "offset" && element.minutes === "if any"
}

function mayBeginWithDigit(element: Element | undefined): boolean {
  if (element === undefined) return false
  if (element.kind === "literal") return /^[0-9]/.test(element.text)
  return element.kind === "number" || element.kind === "fraction"
}

/** Writes what the cell says into `parts`; false when it is not written as the pattern. */
function createReader(elements: readonly Element[], parts: DateParts): (cell: string) => boolean {
  let at = 0
  let half = 0

  function take(element: Element, cell: string): boolean {
    switch (element.kind) {
      case "number": {
        const from = at
        let value = 0
        while (at - from < element.most) {
          const digit = cell.charCodeAt(at) - 48
          if (!(digit >= 0 && digit <= 9)) break
          value = value * 10 + digit
          at += 1
        }
        if (at - from < element.least) return false
        return set(element.field, value)
      }
      case "fraction": {
        const to = at + element.digits
        for (let i = at; i < to; i += 1) if (!isDigit(cell.charCodeAt(i))) return false
        parts.fraction = cell.slice(at, to)
        at = to
        return true
      }
      case "month": {
        const index = element.names.findIndex((name) => continuesWith(cell, at, name))
        parts.month = index + 1
        at += element.names[index]?.length ?? 0
        return index !== -1
      }
      case "halfDay":
        half = continuesWith(cell, at, "AM") ? 0 : continuesWith(cell, at, "PM") ? 12 : -1
        at += 2
        return half !== -1
      case "offset":
        return takeOffset(element, cell)
      case "literal":
        if (!cell.startsWith(element.text, at)) return false
        at += element.text.length
        return true
    }
  }

  function takeOffset({ takesZ, colon, minutes }: Element & { kind: "offset" }, cell: string): boolean {
    if (takesZ && cell[at] === "Z") {
      at += 1
      parts.offset = 0
      return true
    }
    const sign = cell[at] === "+" ? 1 : cell[at] === "-" ? -1 : 0
    const hour = sign === 0 ? -1 : readTwo(cell, at + 1)
    let next = at + 3
    let minute = 0
    const after = colon ? (cell[next] === ":" ? next + 1 : -1) : next
    const written = after === -1 ? -1 : readTwo(cell, after)
    if (written !== -1) {
      minute = written
      next = after + 2
    } else if (minutes === "always") return false
    // Postgres takes offsets up to 15:59.
    if (hour < 0 || hour > 15 || minute > 59) return false
    parts.offset = sign * (hour * 3600 + minute * 60)
    at = next
    return true
  }

  function set(field: NumberField, value: number): boolean {
    switch (field) {
      case "shortYear":
        parts.year = value < 69 ? 2000 + value : 1900 + value
        return true
      case "halfHour":
        parts.hour = value % 12
        return value >= 1 && value <= 12
      default:
        parts[field] = value
        return true
    }
  }

  return (cell) => {
    at = 0
    half = 0
    parts.fraction = ""
    for (const element of elements) if (!take(element, cell)) return false
    parts.hour += half
    return at === cell.length
  }
}

const isDigit = (code: number) => code >= 48 && code <= 57

function readTwo(cell: string, at: number): number {
  const [tens, ones] = [cell.charCodeAt(at), cell.charCodeAt(at + 1)]
  return isDigit(tens) && isDigit(ones) ? (tens - 48) * 10 + ones - 48 : -1
}

function continuesWith(cell: string, at: number, word: string): boolean {
  // Only ASCII letters are compared without case: ſ (U+017F) in upper case would be an S.
  for (let i = 0; i < word.length; i += 1) {
    const found = cell.charCodeAt(at + i)
    const wanted = word.charCodeAt(i)
    if (found !== wanted && (found ^ 0x20) !== wanted) return false
  }
  return true
}

/** In words, the day or time that no calendar or clock has. */
function findImpossible({ year, month, day, hour, minute, second }: DateParts): string | undefined {
  if (year === 0) return "; there is no year 0000"
  if (month < 1 || month > 12) return `; there is no month ${month}`
  const days = daysInMonth(year, month)
  if (day < 1 || day > days) {
    const name = months[month - 1]
    return `; ${name} ${year} has ${days} days, not ${day}`
  }
  if (hour > 23) return "; the hours of a day are 0 to 23"
  if (minute > 59) return "; the minutes of an hour are 0 to 59"
  if (second > 59) return "; the seconds of a minute are 0 to 59"
  return undefined
}

/** A day of a calendar, `2024-02-29`. */
export function spellDate({ year, month, day }: DateParts): string {
  return spellDay(year, month, day)
}
