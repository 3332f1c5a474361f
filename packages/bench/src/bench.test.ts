// If this fails, npm run bench does not run through, or the two sides no longer load the same rows.
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { bench, emptyDatabase, limitMs } from "./bench.test-kit.ts"
import { rowSets } from "./data-sets.ts"

test("every file is loaded by both sides, from both clocks, with the same rows", {
  timeout: limitMs,
}, async () => {
  const files = [...Object.keys(rowSets), "general"]
  const argv = ["--rows", "2000", "--pairs", "1", "--only", files.join(), "--database", await emptyDatabase()]
  const { folder, report, rows } = await bench(argv)
  for (const name of files) {
    const served = { general: "`csv-parse`: 200", telecom: "`bytes`: 2,000" }[name] ?? "`bytes`: "
    for (const clock of ["published version", "unseen file"]) {
      const row = rows.find((line) => line.startsWith(`| ${name}: `) && line.includes(`| ${clock} |`))
      expect(row, `${name}, ${clock}`).toContain(served)
    }
    expect(rows.filter((line) => line.startsWith(`| ${name} |`))).toHaveLength(3)
  }
  expect(await readFile(join(folder, "RESULTS.md"), "utf8")).toBe(report)
  expect(existsSync(join(folder, "run"))).toBe(false)
})

test("where psql is missing a raw COPY stream takes its place, in a Postgres of the bench's own", {
  timeout: limitMs,
}, async () => {
  const { folder, rows } = await bench(["--rows", "500", "--pairs", "1", "--only", "quoted"], { PATH: "" })
  expect(rows.filter((line) => line.includes("`raw COPY stream`"))).not.toEqual([])
  expect(rows.join("\n")).not.toContain("psql")
  expect(existsSync(join(folder, "postgres"))).toBe(false)
})
