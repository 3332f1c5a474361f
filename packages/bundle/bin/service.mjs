#!/usr/bin/env node
/** `service.mjs services/loader` makes that service's `dist/program.js`, which its program runs. */
import { resolve } from "node:path"
import { bundle } from "./bundle.mjs"

const packages = ["config", "contract", "edge", "typebox"]

for (const room of process.argv.slice(2)) {
  await bundle({
    room: resolve(room),
    input: "dist/main.js",
    output: "dist/program.js",
    // It brings a file of its own, the codec's WebAssembly.
    external: ["@flatbed/codec"],
    sources: ["dist", ...packages.map((name) => `../../packages/${name}/dist`), "../../pnpm-lock.yaml"],
  })
}
