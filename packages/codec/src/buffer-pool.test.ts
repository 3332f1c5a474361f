// If this fails, two chunks share memory, so that one's rows are loaded as the other's; or memory grows with the file.
import { expect, test } from "vitest"
import { createBufferPool } from "./buffer-pool.ts"

test("two buffers in use never share memory; one that was given back is used again", () => {
  const pool = createBufferPool(2)
  const [a, b] = [pool.take(1_000), pool.take(1_000)]
  expect(a.buffer).not.toBe(b.buffer)
  pool.give(a.subarray(10, 20))
  expect(pool.take(900).buffer).toBe(a.buffer)
  expect(pool.take(900).buffer).not.toBe(b.buffer)
})

test("a buffer has the length that was asked for, and a smaller one is not taken for it", () => {
  const pool = createBufferPool(2)
  const small = pool.take(10)
  pool.give(small)
  const large = pool.take(5_000_000)
  expect(large).toHaveLength(5_000_000)
  expect(large.buffer).not.toBe(small.buffer)
  expect(pool.take(0)).toHaveLength(0)
})

test("given back twice, it is lent once; a foreign buffer is never lent", () => {
  const pool = createBufferPool(5)
  const [own, foreign] = [pool.take(10), Buffer.allocUnsafeSlow(1 << 20)]
  pool.give(own)
  pool.give(own)
  pool.give(foreign)
  const later = Array.from({ length: 4 }, () => pool.take(10).buffer)
  expect(new Set(later).size).toBe(4)
  expect(later).not.toContain(foreign.buffer)
})

test("at most so many are kept", () => {
  const pool = createBufferPool(2)
  const taken = Array.from({ length: 5 }, () => pool.take(10))
  for (const one of taken) pool.give(one)
  const kept = taken.map(({ buffer }) => buffer)
  expect(
    Array.from({ length: 5 }, () => pool.take(10).buffer).filter((one) => kept.includes(one)),
  ).toHaveLength(2)
})

test("of the free buffers that are large enough, the smallest is lent", () => {
  const pool = createBufferPool(3)
  const [large, small, medium] = [pool.take(5_000_000), pool.take(10), pool.take(1_000_000)]
  for (const one of [large, small, medium]) pool.give(one)
  expect(pool.take(900_000).buffer).toBe(medium.buffer)
  expect(pool.take(900_000).buffer).toBe(large.buffer)
})
