// If this fails, npm run bench does not run through, or Flatbed and psql no longer load the same rows.
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { bench, emptyDatabase, expectBothClocks, limitMs } from "./bench.test-kit.ts"

test("files are loaded by both sides, from both clocks, with the same rows", {
  timeout: limitMs,
}, async () => {
  const only = "telecom,unicode,types,ndjson"
  const argv = ["--rows", "2000", "--pairs", "1", "--only", only, "--database", await emptyDatabase()]
  const { folder, report, rows } = await bench(argv)
  expectBothClocks(rows, {
    telecom: "`bytes`: 2,000",
    unicode: "`bytes`: 280",
    types: "`bytes`: 1,000",
    ndjson: "`json`: 2,000",
  })
  expect(await readFile(join(folder, "RESULTS.md"), "utf8")).toBe(report)
  expect(existsSync(join(folder, "run"))).toBe(false)
})
