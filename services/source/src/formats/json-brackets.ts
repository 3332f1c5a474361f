/** Pure: which brackets are open. A byte each: a record may be nothing but brackets, millions of them. */
import { closeArray, closeObject } from "./json-bytes.ts"

export type Brackets = ReturnType<typeof createBrackets>

/** A stack of open brackets, told apart by the byte that closes each. */
export function createBrackets() {
  let closers = new Uint8Array(128)
  let depth = 0
  return {
    depth: (): number => depth,
    /** What closes the innermost; only where one is open. */
    closer: (): number => closers[depth - 1] as number,
    open(isArray: boolean): void {
      if (depth === closers.length) {
        const longer = new Uint8Array(depth * 2)
        longer.set(closers)
        closers = longer
      }
      closers[depth] = isArray ? closeArray : closeObject
      depth += 1
    },
    close(): void {
      depth -= 1
    },
    clear(): void {
      depth = 0
    },
  }
}
