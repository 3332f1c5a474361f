// If this fails, a cell that somebody wrote into a file arrives as something else, or does not arrive at all.
// Two files, so that two cores share the work.
import { expect, test } from "vitest"
import { checkGeneratedFiles } from "./exactness.test-kit.ts"

const files = Number(process.env.FLATBED_TEST_FILES ?? 5000) / 2
const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000) + 0 * files

test(`${files} generated files arrive cell for cell: as JSON, as NDJSON and in the table (seed ${seed})`, async () => {
  const shares = await checkGeneratedFiles(files, seed)
  process.stdout.write(`seed ${seed}: ${shares}\n`)
  // Of few files more columns than a tenth may happen to be of one type, which leaves the other classes less.
  const least = files < 1_000 ? 4 : 5
  for (const [, share] of shares.matchAll(/([\d.]+) %/g)) expect(Number(share)).toBeGreaterThanOrEqual(least)
}, 900_000)
