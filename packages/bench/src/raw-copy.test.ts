// If this fails, npm run bench needs more than Node, or Flatbed and COPY no longer load the same rows.
import { existsSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { bench, expectBothClocks, limitMs } from "./bench.test-kit.ts"

test("where psql is missing a raw COPY stream takes its place, in a Postgres of the bench's own", {
  timeout: limitMs,
}, async () => {
  const argv = ["--rows", "500", "--pairs", "1", "--only", "quoted,wide,general"]
  const { folder, rows } = await bench(argv, { PATH: "" })
  expectBothClocks(rows, { quoted: "`bytes`: 500", wide: "`bytes`: 50", general: "`csv-parse`: 50" })
  expect(rows.filter((line) => line.includes("| `raw COPY stream` |"))).toHaveLength(3)
  expect(rows.join("\n")).not.toContain("psql")
  expect(existsSync(join(folder, "postgres"))).toBe(false)
})
