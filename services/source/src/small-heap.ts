/** How much V8 keeps of what nobody needs any more. */
import { setFlagsFromString } from "node:v8"

/**
 * From now on the nursery, in which objects are born, keeps the size it has, and behind it a collection begins when half
 * as much as was in use after the last one has come. `bin/flatbed-source.mjs` says so before anything is loaded; on Node 20
 * the start of a thread undoes it, so who starts one says it again.
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1")
  setFlagsFromString("--heap-growing-percent=50")
}
