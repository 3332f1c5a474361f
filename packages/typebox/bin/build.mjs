#!/usr/bin/env node
/** Makes `dist/bundle.js` of what `src/index.ts` names, unless it is there already. Plain JavaScript: it is part of the build. */
import { createHash } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const room = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(room, "dist", "bundle.sha256")
const hash = createHash("sha256")
for (const input of ["package.json", "src/index.ts", "bin/build.mjs"])
  hash.update(readFileSync(join(room, input)))
const wanted = hash.digest("hex")

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
  const { build } = await import("rolldown")
  await build({
    cwd: room,
    input: "src/index.ts",
    platform: "node",
    logLevel: "silent",
    output: { file: "dist/bundle.js", format: "esm" },
  })
  writeFileSync(stamp, wanted)
}
