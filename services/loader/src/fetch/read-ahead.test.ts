// If this file fails, a slow database lets fetched chunks fill the memory, or chunks arrive twice.
import fc from "fast-check"
import { expect, test } from "vitest"
import { createReadAhead } from "./read-ahead.ts"

test("items come in order, each fetched once, never more than the limit ahead", () => {
  fc.assert(
    fc.property(fc.nat({ max: 40 }), fc.nat({ max: 6 }), (count, limit) => {
      const fetched: number[] = []
      const items = Array.from({ length: count }, (_, i) => i)
      const left = [...items]
      const ahead = createReadAhead(
        () => left.shift(),
        async (item) => fetched.push(item),
        limit,
      )
      for (const item of items) {
        expect(fetched.length).toBeLessThanOrEqual(item + limit)
        expect(ahead.take()?.item).toBe(item)
      }
      expect(ahead.take()).toBeUndefined()
      expect(fetched).toEqual(items)
    }),
  )
})

test("a failure is the taker's, and no failure goes unhandled when nobody takes", async () => {
  const left = [1, 2, 3]
  const ahead = createReadAhead(
    () => left.shift(),
    async (item) => {
      throw new Error(`no ${item}`)
    },
    2,
  )
  await expect(ahead.take()?.result).rejects.toThrow("no 1")
})
