// If this fails, a line of what Flatbed must reach has no figure.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { bench, emptyDatabase, limitMs } from "./bench.test-kit.ts"

test("what is not a race is measured too", { timeout: limitMs }, async () => {
  const only = "indexing,chunks,clients,unchanged,changed,verify,models"
  const argv = ["--rows", "500", "--pairs", "1", "--only", only, "--database", await emptyDatabase()]
  const { rows, report } = await bench(argv)
  const figures = [
    "indexing",
    "any of 1 chunks",
    "100 parallel clients",
    "unchanged file",
    "`verify` of 167 rows",
  ]
  for (const figure of figures) expect(rows.join("\n")).toContain(`| ${figure}`)
  expect(rows.find((line) => line.includes("100 parallel clients"))).toContain("400 bodies whole")
  // A third of 500 rows, and of them the 100th.
  for (const mode of ["upsert", "mirror"]) {
    expect(rows.find((line) => line.startsWith(`| \`${mode}\`: 1 of 167 rows |`))).toContain("| 0 + 1 + 0 |")
    expect(rows.find((line) => line.includes(`rows changed, \`${mode}\``))).toContain("| those alone; ")
  }
  for (const days of [1, 10])
    expect(rows.join("\n")).toContain(`| models over 180 streams, after a file about ${days} of 30 days`)
  expect(report).toContain("Hash Join")
})

test("a file larger than memory, here a small one, is loaded, and its chunks are asked for", {
  timeout: limitMs,
}, async () => {
  const { folder, rows, report } = await bench(["--big", "0.001", "--database", await emptyDatabase()])
  // Below the table's head: a tenth of it, and all of it.
  const [, small = "", big = "", ...figures] = rows
  const counts = [small, big].map((row) => {
    const [, count = "none", ...served] =
      row.match(/^\| 0\.0 GB, ([0-9,]+) rows \| `([a-z]+)`: ([0-9,]+) \|/) ?? []
    expect(served, row).toEqual(["bytes", count])
    return Number(count.replaceAll(",", ""))
  })
  expect(counts[1]).toBeGreaterThan(counts[0] ?? 0)
  for (const figure of ["peak RSS with 0.0 GB: source", "peak RSS with 0.0 GB: loader", "any of "])
    expect(figures.join("\n")).toContain(figure)
  expect(await readFile(join(folder, "RESULTS-big.md"), "utf8")).toBe(report)
})
