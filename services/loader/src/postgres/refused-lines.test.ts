// If this file fails, one bad row stops a whole file, or a good row is set aside with it.
import { createTestDatabase } from "@flatbed/testing"
import { expect, test } from "vitest"
import { describeRefusedLines } from "./describe-refused-lines.test-kit.ts"
import { hasPostgres15, startPostgres15 } from "./postgres-15.test-kit.ts"
import { chooseRepairWay } from "./repair-way.ts"

const open = async () => {
  const database = await createTestDatabase()
  return { url: database.url, close: database.drop }
}

// Postgres 18 knows all three ways, so each is tried here; which one a version gets is a rule of its own.
describeRefusedLines({ name: "as this server's version says", way: undefined, open })
describeRefusedLines({ name: "by checking input, as Postgres 16", way: "input-check", open })
describeRefusedLines({ name: "by trial assignment, as Postgres 15", way: "trial-assignment", open })
if (hasPostgres15) {
  describeRefusedLines({
    name: "on a real Postgres 15",
    way: undefined,
    open: async () => {
      const postgres = await startPostgres15()
      return { url: postgres.url, close: postgres.stop }
    },
  })
}

test.each([
  [150_000, "trial-assignment"],
  [159_999, "trial-assignment"],
  [160_000, "input-check"],
  [160_010, "input-check"],
  [169_999, "input-check"],
  [170_000, "on-error-ignore"],
  [180_004, "on-error-ignore"],
  [190_000, "on-error-ignore"],
])("version %i is repaired by %s", (version, way) => {
  expect(chooseRepairWay(version)).toBe(way)
})
