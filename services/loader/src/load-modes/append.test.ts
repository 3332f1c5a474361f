// If this file fails, rows that a table had are gone after an append, or those that were to come are not there.
import { expect, test } from "vitest"
import { append } from "./append.ts"
import { describeLoadMode } from "./describe-load-mode.test-kit.ts"
import { loadModeNames } from "./load-mode.ts"

describeLoadMode({
  name: "append",
  apply: append,
  // In the order of id, then name, in which Postgres puts NULL last.
  expected: (before, staged) =>
    [...before, ...staged].sort(([a, x], [b, y]) => a - b || Number(x === null) - Number(y === null)),
})

test("append is a mode that settings can name", () => {
  expect(loadModeNames).toContain("append")
})
