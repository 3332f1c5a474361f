#!/usr/bin/env node
import { setFlagsFromString } from "node:v8"

// Set before anything is loaded. A row never becomes an object, so little is ever new; a nursery that grows would only
// keep buffers longer that nobody needs any more. It costs no time and spares some 30 to 50 MiB.
setFlagsFromString("--semi-space-growth-factor=1")
// undici's parser would be optimized after a few headers, and the process cannot end before that is done: a load that
// finds nothing new took twice as long. Code that chunks pass through earns this budget with the first of them.
setFlagsFromString("--wasm-tiering-budget=40000000")

// On two cores V8's optimizing compiler takes its time from Postgres: a tenth of what a load of a few seconds costs here.
// What is worth it in a long load has this budget soon. Later versions of V8 count otherwise.
if (Number(process.versions.node.split(".")[0]) < 22) setFlagsFromString("--interrupt-budget=1000000")

// pg asks which runtime this is. Where there is no navigator, before Node 21, it tries a Response out, and that loads all of
// Node's fetch: a tenth of the time in which a command starts.
globalThis.navigator ??= { userAgent: `Node.js/${process.versions.node.split(".")[0]}` }

await import("../dist/program.js")
