#!/usr/bin/env node
import { prepare } from "../../local/bin/prepare.mjs"

await prepare()
const { main } = await import("../dist/main.js")
process.exitCode = await main(process.argv.slice(2))
