import { expect, it } from "vitest"
import { createTurns } from "./turns.ts"

it("runs so many at once and the others in order, also after a failure", async () => {
  const turns = createTurns(2)
  const log: string[] = []
  const ends: (() => void)[] = []
  const begin = (name: string) =>
    turns.take(async () => {
      log.push(name)
      await new Promise<void>((resolve) => ends.push(resolve))
      if (name === "a") throw new Error("a fails")
      return name
    })
  const failed = expect(begin("a")).rejects.toThrow("a fails")
  const others = ["b", "c", "d"].map(begin)
  await Promise.resolve()
  expect(log).toEqual(["a", "b"])
  ends[0]?.()
  await failed
  expect(log).toEqual(["a", "b", "c"])
  for (let i = 1; i < 4; i++) {
    ends[i]?.()
    await others[i - 1]
  }
  expect(await Promise.all(others)).toEqual(["b", "c", "d"])
})
