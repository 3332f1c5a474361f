/** Pure: of the settings, what a part of the loader is made with. */
import type { LeaseSettings } from "../lease.ts"
import type { DatabaseSettings } from "../postgres/database.ts"
import type { LoaderSettings } from "./settings.ts"

/** For `claimLease`. */
export function leaseOf({ lease }: LoaderSettings): LeaseSettings {
  return { expiresMs: lease.expires, takeoverMs: lease.takeover }
}

/** For `openDatabase`. */
export function databaseOf({ database, deadlines, retries }: LoaderSettings): DatabaseSettings {
  return {
    url: database.url,
    ledgerSchema: database.schema,
    connectTimeoutMs: deadlines.connect,
    statementTimeoutMs: deadlines.statement,
    lockTimeoutMs: deadlines.lock,
    retries: { attempts: retries.attempts, capMs: retries.cap },
  }
}
