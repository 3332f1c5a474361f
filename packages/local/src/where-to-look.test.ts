import { expect, it } from "vitest"
import { describeWhereToLook } from "./where-to-look.ts"

it("prints lines that work as they stand, for what is there", () => {
  const look = { sourceUrl: "http://127.0.0.1:4000", datasets: ["shops"], databaseUrl: "postgres://u:p@h/d" }
  const told = describeWhereToLook({ ...look, tables: ["public.shops"], logs: ["a.log", "b.log"] })
  expect(told).toContain("\n  curl -s http://127.0.0.1:4000/v1/datasets/shops/chunks/1\n")
  expect(told).toContain("\n  psql 'postgres://u:p@h/d' -c 'select * from public.shops limit 5'\n")
  expect(told).toContain("\nLogs: a.log, b.log\n")
  expect(describeWhereToLook({ ...look, tables: [], logs: [] })).not.toContain("psql")
})
