/**
 * The publish in earnest, taken back before its commit. All that it would do is done, what is checked at a commit too, and
 * nobody else ever sees it; of the run only its row in the ledger stays, with the rejects that it found.
 */
import type { Lease } from "./lease.ts"
import { isRehearsed, recordRehearsed } from "./ledger/ledger.ts"
import type { Session } from "./postgres/database.ts"
import { nameTables, readLocks } from "./postgres/locks.ts"
import { dropStaging } from "./postgres/staging.ts"
import { type Aside, awaitReaders, type Publish, type PublishParts, publishIn } from "./publish.ts"
import type { RunReceipt } from "./receipt.ts"
import { type HeldLock, lockModes } from "./rehearsal.ts"

export type RehearsedPublish = { readonly receipt: RunReceipt; readonly locks: readonly HeldLock[] }

/**
 * Answers the receipt that the load would have, and the locks that it would take on tables.
 *
 * @throws what `publish` throws.
 */
export async function rehearsePublish(
  lease: Lease,
  run: Publish,
  parts: PublishParts,
): Promise<RehearsedPublish> {
  const mayAdopt = await awaitReaders(lease, run, parts)
  let done: RehearsedPublish | undefined
  const doing = `rehearsing the publish of ${run.identity.target}`
  const { signal } = parts
  // A copy with wider columns is committed beside this one, and dropped with staging.
  const aside: Aside = async (work) => await lease.transaction(work, { doing, signal })
  return await lease.transaction(
    async (session) => {
      done = await takeBack(session, run, mayAdopt, aside)
      await recordRehearsed(session, run.runId)
      await dropStaging(session, [run.runId])
      return done
    },
    {
      doing,
      signal,
      settle: async (session) => ((await isRehearsed(session, run.runId)) ? done : undefined),
    },
  )
}

/** What the savepoint's rollback gives back are the locks as well: they are read before it, and named behind it. */
async function takeBack(
  session: Session,
  run: Publish,
  mayAdopt: boolean,
  aside: Aside,
): Promise<RehearsedPublish> {
  await session.query("savepoint rehearsal")
  const { receipt } = await publishIn(session, run, mayAdopt, aside)
  // What is deferred to the commit would never be looked at.
  await session.query("set constraints all immediate")
  const held = await readLocks(session)
  await session.query("rollback to savepoint rehearsal")
  // A table that only this transaction knew has no name any more, and nobody waits for it.
  const names = await nameTables(
    session,
    held.map(({ oid }) => oid),
    session.ledgerSchema,
  )
  const strongest = (oid: number) => {
    const modes = new Set(held.filter((lock) => lock.oid === oid).map(({ mode }) => mode))
    return lockModes.findLast(([mode]) => modes.has(mode))?.[1] ?? [...modes].join(", ")
  }
  return { receipt, locks: [...names].map(([oid, table]) => ({ table, lock: strongest(oid) })) }
}
