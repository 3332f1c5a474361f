/** V8's nursery, in which objects are born. */
import { setFlagsFromString } from "node:v8"

/**
 * From now on the nursery keeps the size it has. `bin/flatbed-source.mjs` says so before anything is loaded; on Node 20 the
 * start of a thread undoes it, so who starts one says it again.
 */
export function keepNursery(): void {
  setFlagsFromString("--semi-space-growth-factor=1")
}
