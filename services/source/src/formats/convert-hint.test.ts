// If this fails, the line that is to make a file UTF-8 does something else, or nothing.
import { execFileSync } from "node:child_process"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { temporaryFolder } from "@flatbed/testing"
import { expect, it, onTestFinished } from "vitest"
import { convertHint } from "./convert-hint.ts"

it.each([
  ["latin.csv", "latin-utf8.csv"],
  ["it's $HOME.v2.csv", "it's $HOME.v2-utf8.csv"],
  ["-n.csv", "-n-utf8.csv"],
  ["no extension", "no extension-utf8"],
])("the line for %s writes %s", async (name, converted) => {
  const folder = await temporaryFolder()
  onTestFinished(folder.remove)
  await folder.write(`sub/${name}`, Buffer.from("caf\u00e9\n", "latin1"))
  const hint = convertHint(`sub/${name}`)
  expect(hint).toContain(`then serve ${converted} in its place`)
  const line = /(iconv .*); then/.exec(hint)?.[1] ?? ""
  execFileSync("sh", ["-c", line], { cwd: join(folder.path, "sub") })
  expect(await readFile(join(folder.path, "sub", converted), "utf8")).toBe("café\n")
})
