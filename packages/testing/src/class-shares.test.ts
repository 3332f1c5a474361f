import { expect, test } from "vitest"
import { createClassShares } from "./class-shares.ts"

const classes = {
  even: { least: 50, has: (n: number) => n % 2 === 0 },
  large: { least: 10, has: (n: number) => n > 100 },
}

test("a case counts in every class that has it, and classes that fell short are named", () => {
  const shares = createClassShares(classes)
  for (const n of [1, 2, 3, 104]) shares.add(n)
  expect(shares.describe()).toBe("4 cases: even 50.0 %, large 25.0 %")
  expect(shares.tooFew()).toEqual([])
  shares.add(5)
  expect(shares.tooFew()).toEqual(["even: 40.0 %, expected 50 %"])
})

test("without a case every class falls short", () => {
  expect(createClassShares(classes).tooFew()).toEqual([
    "even: 0.0 %, expected 50 %",
    "large: 0.0 %, expected 10 %",
  ])
})
