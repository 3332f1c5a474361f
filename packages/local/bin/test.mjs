#!/usr/bin/env node
import { join } from "node:path"
import { prepare, root, run } from "./prepare.mjs"

await prepare()
const vitest = join(root, "node_modules", "vitest", "vitest.mjs")
process.exitCode = await run(process.execPath, [vitest, "run", ...process.argv.slice(2)])
