/** Which files of one dataset are waited for, or left out, since they are not whole yet. */
import { Problem } from "@flatbed/contract"
import { beingWritten } from "./being-written.ts"
import { counted } from "./counted.ts"
import type { Found } from "./held-versions.ts"
import type { LeftOut } from "./list-files.ts"

export type WaitedFiles = ReturnType<typeof createWaitedFiles>

/** `tell` hears of what is waited for now, with what was before. */
export function createWaitedFiles(
  settleMs: number,
  tell: (before: readonly LeftOut[], now: readonly LeftOut[]) => void,
) {
  const reason = beingWritten(settleMs)
  let leftOut: readonly LeftOut[] = []
  // Without these nothing is read.
  let awaited: readonly LeftOut[] = []
  // What was told of such since there was a version.
  let told: readonly LeftOut[] = []

  const all = () => [...awaited, ...leftOut]

  return {
    all,
    /** The settle window has passed, and these files changed within it. */
    takeWritten(files: readonly string[]): void {
      awaited = files.map((file) => ({ file, reason }))
      tell(told, awaited)
      const known = new Set(told.map(({ file }) => file))
      told = [...told, ...awaited.filter(({ file }) => !known.has(file))]
    },
    /** These are left out, and the others are read. */
    takeChosen(waiting: readonly LeftOut[]): void {
      const before = leftOut
      awaited = []
      leftOut = waiting
      tell(before, leftOut)
    },
    /** The version that is served is the newest content. */
    takeServed(found: Found): void {
      told = []
      awaited = []
      leftOut = found.kind === "many" ? found.waiting : []
    },
    /** Why there is no version yet. */
    unavailable(
      dataset: string,
      progress: { readonly bytes: number; readonly of: number } | undefined,
    ): Problem {
      const [written] = awaited
      const facts = { dataset, ...progress }
      const indexing = (detail: string, hint: string) =>
        new Problem("indexing", detail, { hint, facts, retryAfterSeconds: 1 })
      if (progress !== undefined) {
        const { bytes, of } = progress
        return indexing(`${dataset} is being read: ${bytes} of ${counted(of, "byte")}.`, askAgain)
      }
      if (written === undefined) return indexing(`${dataset} is going to be read.`, askAgain)
      return indexing(
        `${dataset} is not read yet: ${written.file} ${written.reason}.`,
        "It is read once nothing has touched it for so long; ask again then.",
      )
    },
  }
}

const askAgain = "Ask again in a moment."
