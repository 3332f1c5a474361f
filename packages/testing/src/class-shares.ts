/** Which share of generated cases belongs to which class: a generator that lost one of them must fail its test. */

export type CaseClass<Value> = {
  /** The least share in percent. */
  readonly least: number
  readonly has: (value: Value) => boolean
}

export type ClassShares<Value> = {
  add(value: Value): void
  /** One line: every class with its share of the cases so far. */
  describe(): string
  /** The classes that fell short, each with its share and the least. */
  tooFew(): string[]
}

/** Counts cases by class; a case may belong to several, or to none. */
export function createClassShares<Value>(
  classes: Readonly<Record<string, CaseClass<Value>>>,
): ClassShares<Value> {
  const counted = Object.entries(classes).map(([name, { least, has }]) => ({ name, least, has, cases: 0 }))
  let all = 0
  const percent = (cases: number) => (all === 0 ? 0 : (cases / all) * 100)
  return {
    add(value) {
      all += 1
      for (const one of counted) if (one.has(value)) one.cases += 1
    },
    describe: () =>
      `${all} cases: ${counted.map(({ name, cases }) => `${name} ${percent(cases).toFixed(1)} %`).join(", ")}`,
    tooFew: () =>
      counted
        .filter(({ cases, least }) => percent(cases) < least)
        .map(({ name, cases, least }) => `${name}: ${percent(cases).toFixed(1)} %, expected ${least} %`),
  }
}
