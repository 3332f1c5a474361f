#!/usr/bin/env node
/** Compiles `assembly/` to `dist/codec.wasm`, unless that is what it was compiled from already. Plain JavaScript: it is part of the build. */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const room = dirname(dirname(fileURLToPath(import.meta.url)))
const target = join(room, "dist", "codec.wasm")
const stamp = join(room, "dist", "codec.sha256")
const options = ["-O3", "--noAssert", "--runtime", "stub", "--enable", "simd"]

const inputs = ["package.json", ...readdirSync(join(room, "assembly")).map((name) => join("assembly", name))]
const hash = createHash("sha256").update(options.join(" "))
for (const input of inputs.sort()) hash.update(`\0${input}\0`).update(readFileSync(join(room, input)))
const wanted = hash.digest("hex")

if (!existsSync(target) || !existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
  mkdirSync(join(room, "dist"), { recursive: true })
  const { main } = await import("assemblyscript/asc")
  const args = ["assembly/index.ts", "--baseDir", room, "--outFile", "dist/codec.wasm", ...options]
  const { error, stderr } = await main(args)
  if (error !== null) {
    process.stderr.write(`${stderr.toString()}\n${error.message}\n`)
    process.exit(1)
  }
  writeFileSync(stamp, wanted)
}
