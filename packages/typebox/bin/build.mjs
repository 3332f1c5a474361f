#!/usr/bin/env node
/** Makes `dist/bundle.js` of what `src/index.ts` names. Plain JavaScript: it is part of the build. */
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { bundle } from "@flatbed/bundle"

await bundle({
  room: dirname(dirname(fileURLToPath(import.meta.url))),
  input: "src/index.ts",
  output: "dist/bundle.js",
  sources: ["package.json", "src/index.ts"],
})
