// If this file fails, a model is made before what it needs, or two that need each other are not told.
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { allNeeds, dependingOn, findCircle, orderModels } from "./model-order.ts"

const model = (name: string, ...needs: string[]) => ({ name, needs })

test("each model stands behind all that it needs, else as it was written", () => {
  const models = [
    model("report", "facts", "days"),
    model("days", "streams"),
    model("alone", "songs"),
    model("facts", "songs", "days"),
  ]
  expect(orderModels(models).map(({ name }) => name)).toEqual(["days", "facts", "report", "alone"])
  expect([...allNeeds(models, "report")].sort()).toEqual(["days", "facts", "songs", "streams"])
  expect(dependingOn(models, ["streams"])).toEqual(["report", "days", "facts"])
  expect(dependingOn(models, ["alone", "nothing"])).toEqual([])
})

test.each([
  ["itself", [model("a", "a")], ["a", "a"]],
  ["another", [model("a", "b"), model("b", "a", "x")], ["a", "b", "a"]],
  [
    "three, behind one that is in no circle",
    [model("z", "a"), model("a", "b"), model("b", "c"), model("c", "a")],
    ["a", "b", "c", "a"],
  ],
])("a circle through %s is named", (_what, models, circle) => {
  expect(findCircle(models)).toEqual(circle)
})

describe("of any models", () => {
  // Needs point at any of ten models, or at pipelines p.
  const models = fc.uniqueArray(
    fc.record({
      name: fc.integer({ min: 0, max: 9 }).map((n) => `m${n}`),
      needs: fc.uniqueArray(fc.constantFrom("p", ...Array.from({ length: 10 }, (_, n) => `m${n}`)), {
        maxLength: 3,
      }),
    }),
    { selector: ({ name }) => name, maxLength: 10 },
  )

  test("either a circle is found that is one, or the order holds", () => {
    fc.assert(
      fc.property(models, (some) => {
        const needsOf = (name: string) => some.find((one) => one.name === name)?.needs ?? []
        const circle = findCircle(some)
        if (circle !== undefined) {
          expect(circle[0]).toBe(circle.at(-1))
          expect(circle.length).toBeGreaterThan(1)
          for (const [i, name] of circle.slice(0, -1).entries())
            expect(needsOf(name)).toContain(circle[i + 1])
          return
        }
        const order = orderModels(some).map(({ name }) => name)
        expect([...order].sort()).toEqual(some.map(({ name }) => name).sort())
        for (const [i, name] of order.entries())
          for (const need of needsOf(name))
            if (order.includes(need)) expect(order.indexOf(need)).toBeLessThan(i)
      }),
    )
  })
})
