/** "Did you mean": the known word nearest to a misspelt one. */
import { distance } from "fastest-levenshtein"

/**
 * The nearest of the known words, or undefined when none is near: more than a third of the letters differ, or of short
 * words more than half.
 */
export function findNearest(word: string, known: Iterable<string>): string | undefined {
  let nearest: string | undefined
  let least = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const edits = countEdits(word.toLowerCase(), candidate.toLowerCase())
    const isAlike = edits < candidate.length && 2 * edits <= Math.max(word.length, candidate.length)
    if (edits < least && isAlike) {
      nearest = candidate
      least = edits
    }
  }
  return nearest
}

/** Two neighbours that changed places are one slip of the fingers, though two letters differ. */
function countEdits(word: string, other: string): number {
  const at = [...word].findIndex((letter, i) => letter !== other[i])
  const swapped = word.slice(0, at) + (word[at + 1] ?? "") + (word[at] ?? "") + word.slice(at + 2)
  return at !== -1 && swapped === other ? 1 : distance(word, other)
}

/** The nearest known word as a sentence's end, or the list of all of them when none is near. */
export function suggest(word: string, known: readonly string[]): string {
  const nearest = findNearest(word, known)
  if (nearest !== undefined) return `did you mean "${nearest}"?`
  return known.length === 0 ? "expected none here" : `expected one of ${known.join(", ")}`
}
