// Postgres on one server of a test, until SIGTERM: folder in, connection URL out.
import { once } from "node:events"
import { openPostgres } from "@flatbed/local"

const postgres = await openPostgres({ folder: process.argv[2], durable: false, note: () => undefined })
console.log(JSON.stringify({ event: "up", url: postgres.url("postgres"), port: postgres.port }))
await once(process, "SIGTERM")
await postgres.stop()
