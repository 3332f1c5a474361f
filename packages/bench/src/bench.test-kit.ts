/** The bench as npm runs it, in a folder of the test's own. */
import { createTestDatabase, temporaryFolder } from "@flatbed/testing"
import { expect, onTestFinished } from "vitest"
import { runBench } from "./bench.ts"
import { type Options, readOptions } from "./options.ts"

/** Many programs are started, one after another, beside everything else that is being tested. */
export const limitMs = 240_000

/** Runs it, and answers its report with the rows of the tables in it. */
export async function bench(argv: string[], env: Readonly<Record<string, string | undefined>> = process.env) {
  const folder = await temporaryFolder()
  onTestFinished(() => folder.remove())
  const notes: string[] = []
  const report = await runBench({
    options: readOptions(argv) as Options,
    folder: folder.path,
    command: "npm run bench",
    env,
    signal: new AbortController().signal,
    note: (text) => notes.push(text),
  })
  const rows = report.split("\n").filter((line) => line.startsWith("| "))
  return { folder: folder.path, report, rows, notes }
}

/** In the tests' server, so that no other has to be made. */
export async function emptyDatabase(): Promise<string> {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  return database.url
}

/** Each file has a row for either clock that names its reader and the rows it served, and three rows of costs. */
export function expectBothClocks(rows: readonly string[], served: Readonly<Record<string, string>>): void {
  for (const [name, reader] of Object.entries(served)) {
    for (const clock of ["published version", "unseen file"]) {
      const row = rows.find((line) => line.startsWith(`| ${name}: `) && line.includes(`| ${clock} |`))
      expect(row, `${name}, ${clock}`).toContain(`| ${reader} |`)
    }
    expect(rows.filter((line) => line.startsWith(`| ${name} |`))).toHaveLength(3)
  }
}
