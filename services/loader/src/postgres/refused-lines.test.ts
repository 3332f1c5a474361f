// If this file fails, one bad row stops a whole file, or a good row is set aside with it.
import { createTestDatabase } from "@flatbed/testing"
import { describeRefusedLines } from "./describe-refused-lines.test-kit.ts"
import { hasPostgres15, startPostgres15 } from "./postgres-15.test-kit.ts"

const open = async () => {
  const database = await createTestDatabase()
  return { url: database.url, close: database.drop }
}

// Postgres 18 knows both ways, so each is tried here.
describeRefusedLines({ name: "as this server's version says", way: undefined, open })
describeRefusedLines({ name: "by checking input, as Postgres 16 and later", way: "input-check", open })
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
