import { expect, it } from "vitest"
import { describeWhereToLook } from "./where-to-look.ts"

const look = {
  sourceUrl: "http://127.0.0.1:4000",
  datasets: ["shops"],
  databaseUrl: "postgres://u:p@h/d",
  tables: ["public.shops"],
  reports: ["takings"],
  config: "data/loader.yaml",
  logs: ["a.log", "b.log"],
}

it("prints lines that work as they stand, for what is there", () => {
  const told = describeWhereToLook(look)
  expect(told).toContain("\n  curl -s http://127.0.0.1:4000/v1/datasets/shops/chunks/1\n")
  expect(told).toContain("\n  psql 'postgres://u:p@h/d' -c 'select * from public.shops limit 5'\n")
  expect(told).toContain(
    "\n  DATABASE_URL='postgres://u:p@h/d' npx flatbed-loader report takings --config 'data/loader.yaml'\n",
  )
  expect(told).toContain("\nLogs: a.log, b.log\n")
  expect(describeWhereToLook({ ...look, tables: [] })).not.toContain("psql")
  expect(describeWhereToLook({ ...look, reports: [] })).not.toContain("question")
})

it("names what is many, and shows the lines for the first", () => {
  const told = describeWhereToLook({ ...look, datasets: ["a", "b", "c", "d"] })
  expect(told.match(/curl -s http/g)).toHaveLength(2)
  expect(told).toContain("\n  curl -s http://127.0.0.1:4000/v1/datasets/a\n")
  expect(told).toContain("\n  and so for: b, c, d\n")
})
