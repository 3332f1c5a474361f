// Postgres on one server of a test, until SIGTERM or the end of whoever started it: folder in, connection URL out.
import { openPostgres, removePostgres } from "@flatbed/local"

const folder = process.argv[2]
const startedBy = process.ppid
const postgres = await openPostgres({ folder, durable: false, note: () => undefined })
console.log(JSON.stringify({ event: "up", url: postgres.url("postgres"), port: postgres.port }))
await new Promise((resolve) => {
  process.once("SIGTERM", resolve)
  // A listener for a signal keeps no process alive, and a test that was killed sends none.
  setInterval(() => process.ppid !== startedBy && resolve(), 1000)
})
await removePostgres(folder)
process.exit()
