/** Every setting that is in effect and where it comes from: what `config show` prints. */
import { Problem } from "@flatbed/contract"
import type { TSchema } from "@flatbed/typebox"
import { flowText } from "./describe-settings.ts"
import { findNearest } from "./nearest.ts"
import { redact } from "./redact.ts"
import { type MapNode, type Place, type SettingNode, showFile } from "./setting-node.ts"

export type EffectiveSetting = {
  /** Dotted. */
  readonly path: string
  /** Secrets as stars, amounts with their unit. */
  readonly value: unknown
  /** `loader.yaml:3`, the name of a variable, `command line` or `default`. */
  readonly from: string
}

/** One entry per setting that is no map, in the schema's order; a list is one setting. */
export function listEffective(schema: TSchema, settings: unknown, tree: MapNode): EffectiveSetting[] {
  return list(redact(schema, settings), tree, [])
}

function list(value: unknown, node: SettingNode | undefined, path: readonly string[]): EffectiveSetting[] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const entries = Object.entries(value)
    if (entries.length > 0) {
      return entries.flatMap(([key, child]) =>
        list(child, node?.kind === "map" ? node.entries.get(key) : undefined, [...path, key]),
      )
    }
  }
  return [{ path: path.join("."), value, from: namePlace(node?.place) }]
}

/**
 * The setting of this path, or those below it; without a path all.
 *
 * @throws Problem `usage-invalid` naming the nearest setting.
 */
export function selectEffective(
  settings: readonly EffectiveSetting[],
  path: string | undefined,
): readonly EffectiveSetting[] {
  if (path === undefined) return settings
  const found = settings.filter((one) => one.path === path || one.path.startsWith(`${path}.`))
  if (found.length > 0) return found
  const known = settings.flatMap((one) => {
    const keys = one.path.split(".")
    return keys.map((_, depth) => keys.slice(0, depth + 1).join("."))
  })
  const near = findNearest(path, [...new Set(known)])
  throw new Problem("usage-invalid", `${path} is no setting in effect.`, {
    hint: near === undefined ? "Name none to see all of them." : `Did you mean ${near}?`,
  })
}

/** One line a setting: its path, its value as YAML's flow style has it, whence it comes. */
export function formatEffective(settings: readonly EffectiveSetting[]): string {
  const written = settings.map(({ path, value, from }) => ({ path, text: flowText(value), from }))
  const widest = (lengths: readonly number[]) => Math.min(40, Math.max(0, ...lengths))
  const [paths, values] = [
    widest(written.map(({ path }) => path.length)),
    widest(written.map(({ text }) => text.length)),
  ]
  return written
    .map(({ path, text, from }) => `${`${path}:`.padEnd(paths + 1)} ${text.padEnd(values)}  # ${from}`)
    .join("\n")
}

function namePlace(place: Place | undefined): string {
  switch (place?.from) {
    case "file":
      return `${showFile(place.file)}:${place.line}`
    case "environment":
      return place.variable
    case "flag":
      return "command line"
    case "default":
    case undefined:
      return "default"
  }
}
