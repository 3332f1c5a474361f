// If this file fails, a mirrored table is not what the version says.
import { describeLoadMode } from "./describe-load-mode.test-kit.ts"
import { mirror } from "./mirror.ts"

describeLoadMode({
  name: "mirror",
  apply: mirror,
  rules: { key: ["id"] },
  expected: (_before, staged) => staged,
})
