/**
 * Pure: dates that can be read in one order only, because the year comes first or the month is named. A guess is dropped
 * with the first cell that it does not fit.
 */
import type { ColumnType, Sighting } from "@flatbed/contract"
import { compileFormat, type Format } from "../cells/formats.ts"

// The strictest first: of several that fit all cells it is the one to propose.
const days = [
  ...["/", "."].flatMap((sign) => [`yyyy${sign}MM${sign}dd`, `yyyy${sign}M${sign}d`]),
  ...["-", " ", "/"].flatMap((sign) => [`dd${sign}MMM${sign}yyyy`, `d${sign}MMM${sign}yyyy`]),
  ...["dd MMMM yyyy", "d MMMM yyyy", "MMM dd, yyyy", "MMM d, yyyy", "MMMM dd, yyyy", "MMMM d, yyyy"],
]
const times = ["HH:mm:ss", "HH:mm", "H:mm:ss", "H:mm", "h:mm:ss a", "h:mm a"]

type Guess = { readonly pattern: string; readonly type: "date" | "timestamp"; readonly format: Format }

const guesses: readonly Guess[] = [
  ...days.map((pattern) => guess(pattern, "date")),
  ...days.flatMap((day) => times.map((time) => guess(`${day} ${time}`, "timestamp"))),
]

function guess(pattern: string, type: Guess["type"]): Guess {
  const format = compileFormat(pattern, type)
  if (typeof format === "string") throw new Error(`the pattern ${pattern} cannot be compiled: ${format}`)
  return { pattern, type, format }
}

export type SureDates = { readonly type: ColumnType; readonly pattern: string; readonly first: Sighting }

/** Takes a column's cells, NULLs and white space around them not among them. */
export function createSureDateCensus() {
  let open = guesses
  let first: Sighting | undefined
  return {
    isOver: () => open.length === 0,
    add(cell: string, sighting: Sighting): void {
      if (open.length === 0) return
      first ??= sighting
      open = open.filter(({ format }) => "served" in format.read(cell))
    },
    finish(): SureDates | undefined {
      const [best] = open
      return best === undefined || first === undefined
        ? undefined
        : { type: best.type, pattern: best.pattern, first }
    },
  }
}
