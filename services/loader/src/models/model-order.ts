/** Pure: in which order models are made, and what depends on what. */

export type Needing = { readonly name: string; readonly needs: readonly string[] }

/** The names of a circle, the first again at its end: `a`, `b`, `a`; undefined when there is none. */
export function findCircle(models: readonly Needing[]): string[] | undefined {
  const byName = new Map(models.map((model) => [model.name, model]))
  const done = new Set<string>()
  const walk = (name: string, above: readonly string[]): string[] | undefined => {
    const at = above.indexOf(name)
    if (at !== -1) return [...above.slice(at), name]
    const model = byName.get(name)
    if (model === undefined || done.has(name)) return undefined
    for (const need of model.needs) {
      const circle = walk(need, [...above, name])
      if (circle !== undefined) return circle
    }
    done.add(name)
    return undefined
  }
  for (const { name } of models) {
    const circle = walk(name, [])
    if (circle !== undefined) return circle
  }
  return undefined
}

/** Each model behind all that it needs; beside that in the order in which they are given. They have no circle. */
export function orderModels<M extends Needing>(models: readonly M[]): M[] {
  const byName = new Map(models.map((model) => [model.name, model]))
  const ordered = new Set<M>()
  const put = (model: M): void => {
    if (ordered.has(model)) return
    for (const need of model.needs) {
      const before = byName.get(need)
      if (before !== undefined) put(before)
    }
    ordered.add(model)
  }
  for (const model of models) put(model)
  return [...ordered]
}

/** What a model needs, directly or through others: models and whatever else is named. Not itself. */
export function allNeeds(models: readonly Needing[], name: string): Set<string> {
  const byName = new Map(models.map((model) => [model.name, model]))
  const found = new Set<string>()
  const walk = (one: string): void => {
    for (const need of byName.get(one)?.needs ?? []) {
      if (found.has(need)) continue
      found.add(need)
      walk(need)
    }
  }
  walk(name)
  return found
}

/** The names of models that need one of these names, directly or through others, in the order in which they are given. */
export function dependingOn(models: readonly Needing[], names: readonly string[]): string[] {
  return models
    .filter(({ name }) => {
      const needs = allNeeds(models, name)
      return names.some((one) => needs.has(one))
    })
    .map(({ name }) => name)
}
