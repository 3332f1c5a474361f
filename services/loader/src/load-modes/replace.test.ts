// If this file fails, rows of an older version stay, or readers find the table empty.

import { expect, test } from "vitest"
import { describeLoadMode } from "./describe-load-mode.test-kit.ts"
import { loadModeNames } from "./load-mode.ts"
import { replace } from "./replace.ts"

describeLoadMode({ name: "replace", apply: replace, expected: (_before, staged) => staged })

describeLoadMode({
  name: "replace by difference",
  apply: replace,
  rules: { key: ["id"] },
  expected: (_before, staged) => staged,
})

describeLoadMode({
  name: "replace by swap",
  apply: replace,
  rules: { swap: true },
  swaps: true,
  expected: (_before, staged) => staged,
})

test("replace is a mode that settings can name", () => {
  expect(loadModeNames).toContain("replace")
})
