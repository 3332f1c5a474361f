import { expect, it } from "vitest"
import { createHeldVersions, type HeldVersion } from "./held-versions.ts"

/** What is held here is only named and closed. */
function version(name: string) {
  const state = { closed: false }
  const held = {
    index: { manifest: { version: name } },
    open: {
      close: async () => {
        state.closed = true
      },
    },
  } as HeldVersion
  return { held, state }
}

it("holds at most 32 replaced versions, letting the oldest go", () => {
  const released: string[] = []
  const versions = createHeldVersions(60_000, (one) => released.push(one.index.manifest.version))
  const made = Array.from({ length: 34 }, (_, i) => version(`v${i}`))
  for (const { held } of made) versions.publish(held)
  expect(released).toEqual(["v0"])
  expect(made.filter(({ state }) => state.closed)).toHaveLength(1)
  expect(versions.current()?.index.manifest.version).toBe("v33")
  expect(versions.find("v0")).toBeUndefined()
  expect(versions.find("v1")).toBe(made[1]?.held)
  return versions.close()
})

it("gives up the descriptor of a version that is found again, and makes it current", async () => {
  const released: string[] = []
  const versions = createHeldVersions(60_000, (one) => released.push(one.index.manifest.version))
  const [first, other, again] = [version("a"), version("b"), version("a")]
  for (const { held } of [first, other, again]) versions.publish(held)
  expect(first.state.closed).toBe(true)
  expect(other.state.closed).toBe(false)
  expect(versions.current()).toBe(again.held)
  expect(versions.find("a")).toBe(again.held)
  expect(released).toEqual([])
  await versions.close()
  expect(other.state.closed && again.state.closed).toBe(true)
})
