/** Names for whoever holds something in the ledger. */
import { randomUUID } from "node:crypto"
import { hostname } from "node:os"

/** A name that no other run or claim has; it begins with what a person looks for: machine and process. */
export function uniqueOwner(): string {
  return `${hostname()}/${process.pid}/${randomUUID()}`
}
