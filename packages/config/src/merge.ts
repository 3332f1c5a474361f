/** Settings of two files as one: maps are joined, and a setting that both have must be the same in both. Pure. */
import { dirname, resolve } from "node:path"
import Type, { type TSchema } from "@flatbed/typebox"
import { markOf } from "./builders.ts"
import { recordValue } from "./schema-shape.ts"
import { type MapNode, type SettingNode, type SettingsProblem, showPlace } from "./setting-node.ts"

/**
 * Joins `from` into `into`. What both have stays as `into` has it; where they differ that is a problem. Paths are the same
 * when they lead to the same place, each from its own file.
 */
export function mergeMaps(
  into: MapNode,
  from: MapNode,
  schema: TSchema | undefined,
  problems: SettingsProblem[],
  path: readonly string[] = [],
): void {
  for (const [key, node] of from.entries) {
    const present = into.entries.get(key)
    const below = childSchema(schema, key)
    if (present === undefined) into.entries.set(key, node)
    else if (present.kind === "map" && node.kind === "map")
      mergeMaps(present, node, below, problems, [...path, key])
    else if (!isSame(present, node, below)) {
      problems.push({
        path: [...path, key].join("."),
        message: `is also set in ${showPlace(present.place).replace(/: $/, "")}, to something else; one file must let go of it`,
        place: node.place,
      })
    }
  }
}

/**
 * Settings at the top of a file that are each entry's of one of its maps: `{ root: "datasets" }` gives every dataset of the
 * file its `root`, unless it has one, and takes it from the top. A file without such entries keeps the setting.
 */
export type HandedDown = Readonly<Record<string, string>>

/** Hands them down within one file and what it includes. */
export function handDown(root: MapNode, handed: HandedDown): void {
  for (const [setting, mapName] of Object.entries(handed)) {
    const node = root.entries.get(setting)
    const map = root.entries.get(mapName)
    if (node === undefined || map?.kind !== "map" || map.entries.size === 0) continue
    root.entries.delete(setting)
    for (const entry of map.entries.values()) {
      if (entry.kind === "map" && !entry.entries.has(setting)) entry.entries.set(setting, node)
    }
  }
}

function isSame(a: SettingNode, b: SettingNode, schema: TSchema | undefined): boolean {
  // What is unusable has been told already.
  if (a.kind === "unusable" || b.kind === "unusable") return true
  if (a.kind === "scalar" && b.kind === "scalar") {
    if (a.untyped !== b.untyped) return false
    if (!isPath(schema)) return a.value === b.value && a.written === b.written
    return placeOf(a) === placeOf(b)
  }
  if (a.kind === "list" && b.kind === "list") {
    const items = schema !== undefined && Type.IsArray(schema) ? schema.items : undefined
    return (
      a.items.length === b.items.length &&
      a.items.every((item, i) => isSame(item, b.items[i] as SettingNode, items))
    )
  }
  if (a.kind !== "map" || b.kind !== "map" || a.entries.size !== b.entries.size) return false
  return [...a.entries].every(([key, item]) => {
    const other = b.entries.get(key)
    return other !== undefined && isSame(item, other, childSchema(schema, key))
  })
}

function isPath(schema: TSchema | undefined): boolean {
  return schema !== undefined && markOf(schema).setting === "path"
}

function placeOf({ value, place }: SettingNode & { readonly kind: "scalar" }): string {
  return place.from === "file" ? resolve(dirname(place.file), String(value)) : String(value)
}

/** The schema of what stands below a key; undefined where the schema does not say, as in a union. */
function childSchema(schema: TSchema | undefined, key: string): TSchema | undefined {
  if (schema === undefined) return undefined
  if (Type.IsObject(schema)) return Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined
  return Type.IsRecord(schema) ? recordValue(schema) : undefined
}
