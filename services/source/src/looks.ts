/** How often is looked at what takes long to look at, however many ask. */

// Of the time, a tenth at most goes into it because somebody asks.
const restFactor = 9
const cheapMs = 50

export type Looks = {
  /** Looks, unless that takes long, was done just now and nothing was `heard` since. */
  look(heard?: "heard"): Promise<void>
}

/** `lookNow` answers how long the part took that grows with what there is, in ms. It raises nothing. */
export function createLooks(lookNow: () => Promise<number>): Looks {
  let looking: Promise<void> | undefined
  let queued: Promise<void> | undefined
  let isDear = false
  let restUntil = 0

  async function begin(): Promise<void> {
    const took = await lookNow()
    isDear = took > cheapMs
    restUntil = isDear ? performance.now() + restFactor * took : 0
  }

  function start(): Promise<void> {
    const mine = begin().finally(() => {
      if (looking === mine) looking = undefined
    })
    looking = mine
    return mine
  }

  return {
    async look(heard) {
      if (heard === undefined && performance.now() < restUntil) return
      if (looking === undefined || !isDear) return start()
      // One that is under way may have passed by what is new; one more is enough for all who ask meanwhile.
      queued ??= looking.then(() => {
        queued = undefined
        return start()
      })
      return queued
    },
  }
}
