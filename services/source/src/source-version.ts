/** The version of this program, as its package says. */
import { readFileSync } from "node:fs"

/** Reads package.json, which lies beside both src and dist. */
export function readSourceVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
  return String(manifest.version)
}
