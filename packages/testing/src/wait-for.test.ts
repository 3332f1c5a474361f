import { expect, it } from "vitest"
import { waitFor } from "./wait-for.ts"

it("answers the first answer that is something", async () => {
  let asked = 0
  const answer = await waitFor(() => {
    asked += 1
    if (asked === 1) throw new Error("not yet")
    return asked > 3 ? 0 : asked > 2 ? false : undefined
  })
  expect(answer).toBe(0)
  expect(asked).toBe(4)
})

it("names what it waited for, and the last error, when the limit is reached", async () => {
  const refused = new Error("refused")
  const waiting = waitFor(() => Promise.reject(refused), { limitMs: 30, what: "the server" })
  await expect(waiting).rejects.toThrow("Waited 30 ms in vain for the server.")
  await expect(waiting).rejects.toHaveProperty("cause", refused)
})
