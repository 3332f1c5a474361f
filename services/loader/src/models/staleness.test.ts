// If this file fails, a model shows old numbers after a load, or is made again for nothing.
import { describe, expect, test } from "vitest"
import type { Model } from "./model.ts"
import { failed } from "./stage-select.ts"
import { describeStale, type Facts, findStale, findUnloaded } from "./staleness.ts"

const model = (name: string, models: string[], pipelines: string[]): Model => ({
  ...{ name, models, pipelines, needs: [...models, ...pipelines] },
  ...{ as: "table", table: { schema: "public", name }, target: `public.${name}`, key: [] },
  ...{ indexes: [], checks: [], file: `${name}.sql`, select: "", isIncremental: false },
  definitionSha256: `definition of ${name}`,
})

// `days` reads streams; `best` reads days, and with them streams; `people` has nothing to do with either.
const models = [
  model("days", [], ["streams"]),
  model("best", ["days"], ["streams"]),
  model("people", [], ["users"]),
]

const run = (name: string, number: number, publications: object, seenModels: object, oid: number) =>
  [
    name,
    {
      ...{ number, definitionSha256: `definition of ${name}`, targetOid: oid },
      ...{ seenPublications: publications as Record<string, number> },
      ...{ seenModels: seenModels as Record<string, number> },
    },
  ] as const

const current: Facts = {
  publications: new Map([
    ["streams", 7],
    ["users", 3],
  ]),
  made: new Map([
    run("days", 4, { streams: 7 }, {}, 100),
    run("best", 2, { streams: 7 }, { days: 4 }, 200),
    run("people", 1, { users: 3 }, {}, 300),
  ]),
  oids: new Map([
    ["days", 100],
    ["best", 200],
    ["people", 300],
  ]),
}

const reasons = (facts: Partial<Facts>) =>
  Object.fromEntries(
    [...findStale(models, { ...current, ...facts })].map(([name, stale]) => [
      name,
      describeStale(stale, { target: `public.${name}`, as: "table" }),
    ]),
  )

describe("stale is", () => {
  test("nothing when all was seen", () => {
    expect(reasons({})).toEqual({})
  })

  test("what never ran, and what needs it", () => {
    const made = new Map([...current.made].filter(([name]) => name !== "days"))
    expect(reasons({ made })).toEqual({ days: "it was never made", best: "news from days" })
  })

  test("what needs a pipeline that published since, directly and through a model", () => {
    const publications = new Map([...current.publications, ["streams", 8] as const])
    expect(reasons({ publications })).toEqual({
      days: "news from streams",
      best: "news from streams, days",
    })
  })

  test("what needs a model that was made anew since", () => {
    const made = new Map([...current.made, run("days", 5, { streams: 7 }, {}, 100)])
    expect(reasons({ made })).toEqual({ best: "news from days" })
  })

  test("what has another definition, or another table of its name, or none", () => {
    const [name, old] = run("days", 4, { streams: 7 }, {}, 100)
    const made = new Map([...current.made, [name, { ...old, definitionSha256: "old" }] as const])
    expect(reasons({ made })).toEqual({ days: "its definition changed", best: "news from days" })
    const gone = "the table public.people is not the one that it made"
    expect(reasons({ oids: new Map([...current.oids, ["people", 301] as const]) })).toEqual({ people: gone })
    const oids = new Map([...current.oids].filter(([one]) => one !== "people"))
    expect(reasons({ oids })).toEqual({ people: gone })
  })
})

test("a pipeline that never published anything is waited for", () => {
  const publications = new Map([["users", 3]])
  expect(models.map((one) => findUnloaded(one, { ...current, publications }))).toEqual([
    ["streams"],
    ["streams"],
    [],
  ])
})

test.each([
  ["Drop the view by hand:  drop view a.b;", "Drop the view by hand:  drop view a.b;  The loaded data"],
  ["Mend the SQL.", "Mend the SQL. The loaded data"],
  ["Mend the SQL", "Mend the SQL. The loaded data"],
])("a hint ends so that a statement in it can be typed as it stands: %s", (hint, told) => {
  const rest = " and shop.b are as they were; the next load tries again."
  expect(failed({ name: "b", target: "shop.b" }, "it is a view", hint).hint).toBe(`${told}${rest}`)
})
