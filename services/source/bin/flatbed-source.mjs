#!/usr/bin/env node
import { setFlagsFromString } from "node:v8"

// Set before anything is loaded. A row never becomes an object, so little is ever new; a nursery that grows would only
// keep buffers longer that nobody needs any more. It costs no time and spares some 30 to 50 MiB.
setFlagsFromString("--semi-space-growth-factor=1")
// What outlives the nursery would otherwise be collected when there is several times as much of it as is needed.
setFlagsFromString("--heap-growing-percent=50")

await import("../dist/program.js")
