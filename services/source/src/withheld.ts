/**
 * Pure: what is not told of records whose cells are hashed. A record that is set aside was never cleaned, so its bytes
 * hold what the hash was to keep on this server.
 */
import { type Reject, type RejectCode, rejectCodes } from "@flatbed/contract"
import type { Layout } from "./formats/format.ts"

/** The served columns whose cells are hashed. */
export function hashedColumns({ fields }: Pick<Layout, "fields">): string[] {
  return fields.flatMap(({ name, cell }) => {
    const isHashed = cell?.clean.some((step) => typeof step === "object" && "hash" in step) ?? false
    return isHashed ? [name] : []
  })
}

// Their reasons count cells and bytes, and quote none. Any other code's may quote what it found.
const quotingNothing: ReadonlySet<RejectCode> = new Set(["missing-cell", "extra-cell", "quote-error"])

/**
 * The reject without bytes. A cell is told only where it surely stands in another column: a type error is found in a
 * record of the right width, any other fault may have moved its cells.
 */
export function withholdCells(reject: Reject, hashed: readonly string[]): Reject {
  const { code, column } = reject
  const isElsewhere = code === "type-error" && column !== null && !hashed.includes(column)
  const reason =
    isElsewhere || quotingNothing.has(code) ? reject.reason : `${capitalized(rejectCodes[code])}.`
  const which = hashed.map((name) => JSON.stringify(name)).join(", ")
  return {
    ...reject,
    value: isElsewhere ? reject.value : null,
    reason: `${reason} Its bytes stay with the source, which hashes ${which}.`,
    raw: "",
  }
}

function capitalized(words: string): string {
  return words.slice(0, 1).toUpperCase() + words.slice(1)
}
