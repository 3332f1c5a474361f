#!/usr/bin/env node
/** `service.mjs services/loader` makes that service's `dist/program.js`, which its program runs. */
import { resolve } from "node:path"
import { bundle } from "./bundle.mjs"

const packages = ["config", "contract", "edge", "typebox"]

/**
 * undici without what nobody here asks for: its index brings fetch, WebSocket, caches and mocks along, and with them Node's
 * own undici, in half of the time that a command takes to start. What is missing here does not get through the build.
 */
const undici = {
  name: "undici",
  resolveId: (id) => (id === "undici" ? "\0undici" : undefined),
  load: (id) =>
    id === "\0undici"
      ? `import api from "undici/lib/api/index.js"
         import errors from "undici/lib/core/errors.js"
         import Dispatcher from "undici/lib/dispatcher/dispatcher.js"
         import Pool from "undici/lib/dispatcher/pool.js"
         Object.assign(Dispatcher.prototype, api)
         export { errors, Pool }`
      : undefined,
}

for (const room of process.argv.slice(2)) {
  await bundle({
    room: resolve(room),
    input: "dist/main.js",
    output: "dist/program.js",
    // It brings a file of its own, the codec's WebAssembly.
    external: ["@flatbed/codec"],
    plugins: [undici],
    sources: ["dist", ...packages.map((name) => `../../packages/${name}/dist`), "../../pnpm-lock.yaml"],
  })
}
