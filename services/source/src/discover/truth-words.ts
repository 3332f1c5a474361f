/** Pure: a column whose cells are two words, one for true and one for false. A guess is dropped with the first other word. */
import type { Sighting } from "@flatbed/contract"
import type { BooleanWords } from "../cells/formats.ts"

// True first; as a language has them. Of a single letter nothing is sure, but of two that are a pair much is.
const pairs: readonly (readonly [string, string])[] = [
  ["true", "false"],
  ["t", "f"],
  ["yes", "no"],
  ["y", "n"],
  ["on", "off"],
  ["ja", "nein"],
  ["j", "n"],
  ["wahr", "falsch"],
  ["oui", "non"],
  ["o", "n"],
  ["vrai", "faux"],
  ["sí", "no"],
  ["si", "no"],
  ["s", "n"],
  ["sì", "no"],
  ["verdadero", "falso"],
  ["vero", "falso"],
  ["sim", "não"],
  ["ja", "nee"],
  ["ja", "nej"],
  ["tak", "nie"],
  ["да", "нет"],
]

export type TruthWords = { readonly words: BooleanWords; readonly first: Sighting }

/** Takes a column's cells, NULLs and white space around them not among them. */
export function createTruthCensus() {
  let open = pairs
  let first: Sighting | undefined
  const seen = new Set<string>()
  return {
    isOver: () => open.length === 0,
    add(cell: string, sighting: Sighting): void {
      if (open.length === 0 || seen.has(cell)) return
      const word = cell.toLowerCase()
      open = open.filter((pair) => pair.includes(word))
      seen.add(cell)
      first ??= sighting
    },
    /** Nothing unless both words were seen: a column of `no` alone may hold anything tomorrow. */
    finish(): TruthWords | undefined {
      const spellings = (word: string) => [...seen].filter((cell) => cell.toLowerCase() === word)
      for (const [yes, no] of open) {
        const words = { true: spellings(yes), false: spellings(no) }
        if (first !== undefined && words.true.length > 0 && words.false.length > 0) return { words, first }
      }
      return undefined
    },
  }
}
