// If this file fails, rows that were changed or are new do not arrive, or others are lost.
import { describeLoadMode } from "./describe-load-mode.test-kit.ts"
import { upsert } from "./upsert.ts"

describeLoadMode({
  name: "upsert",
  apply: upsert,
  rules: { key: ["id"] },
  expected: (before, staged) =>
    [...before.filter(([id]) => !staged.some(([one]) => one === id)), ...staged].sort(([a], [b]) => a - b),
})
