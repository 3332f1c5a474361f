import { expect, test } from "vitest"
import { findNearest, suggest } from "./nearest.ts"

const known = ["listen", "admin", "root", "cache", "datasets"]

test.each([
  ["listn", "listen"],
  ["LISTEN", "listen"],
  ["dataset", "datasets"],
  ["chace", "cache"],
  ["orot", "root"],
])("%s is nearest to %s", (word, nearest) => {
  expect(findNearest(word, known)).toBe(nearest)
})

test("a word unlike all others has no nearest", () => {
  expect(findNearest("retention_policy", known)).toBeUndefined()
  expect(findNearest("x", ["y"])).toBeUndefined()
  expect(findNearest("id", ["zip", "nam"])).toBeUndefined()
  expect(findNearest("mri", ["uni", "mir"])).toBe("mir")
  expect(findNearest("mri", ["uni"])).toBeUndefined()
})

test("without a near word the suggestion lists what there is", () => {
  expect(suggest("listn", known)).toBe('did you mean "listen"?')
  expect(suggest("retention_policy", known)).toBe("expected one of listen, admin, root, cache, datasets")
  expect(suggest("any", [])).toBe("expected none here")
})
