#!/usr/bin/env node
import { join } from "node:path"
import { prepare, root, run } from "./prepare.mjs"

await prepare()
process.stderr.write(`Testing on Node ${process.versions.node}\n`)
const vitest = join(root, "node_modules", "vitest", "vitest.mjs")
process.exitCode = await run(process.execPath, [vitest, "run", ...process.argv.slice(2)], {
  env: { ...process.env, FLATBED_BUILT: "1" },
})
