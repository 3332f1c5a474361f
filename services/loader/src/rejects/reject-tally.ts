/** How many records of a version are set aside so far, against how many may be. */

/** The tally is over its limit: the run is to end. Rejects that say why are in the ledger. */
export class TooManyRejects extends Error {}

export type RejectTally = {
  readonly allowed: number
  /** The source's rejects and the rows that were refused here. */
  readonly rejects: () => number
  /** Counts rows refused here. False when that is more than allowed. */
  readonly add: (refused: number) => boolean
}

/** A tally that begins with what is known. */
export function createRejectTally(known: number, allowed: number): RejectTally {
  let rejects = known
  return {
    allowed,
    rejects: () => rejects,
    add(refused) {
      rejects += refused
      return rejects <= allowed
    },
  }
}
