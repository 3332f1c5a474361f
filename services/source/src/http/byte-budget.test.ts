import { describe, expect, it } from "vitest"
import { createByteBudget } from "./byte-budget.ts"

function setup(limit: number) {
  const seen: number[] = []
  const budget = createByteBudget(limit, (claimed) => seen.push(claimed))
  return { budget, claimed: () => seen.at(-1) ?? 0 }
}

describe("byte budget", () => {
  it("refuses what does not fit beside others, for a retry", () => {
    const { budget, claimed } = setup(100)
    const first = budget.open()
    first.resize(60)
    const second = budget.open()
    expect(() => second.resize(41)).toThrow(
      expect.objectContaining({ code: "too-busy", retryable: true, retryAfterSeconds: 1 }),
    )
    second.resize(40)
    expect(() => second.resize(50)).toThrow()
    expect(claimed()).toBe(100)
    first.release()
    second.resize(90)
    expect(claimed()).toBe(90)
  })

  it("lets somebody alone have more than all, so that a large chunk is served at all", () => {
    const { budget } = setup(10)
    const alone = budget.open()
    alone.resize(50)
    expect(() => budget.open().resize(1)).toThrow()
    alone.resize(70)
    alone.release()
    budget.open().resize(10)
  })

  it("takes back once, and nothing is claimed after the release", () => {
    const { budget, claimed } = setup(100)
    const claim = budget.open()
    claim.resize(30)
    claim.release()
    claim.release()
    claim.resize(50)
    expect(claimed()).toBe(0)
  })
})
