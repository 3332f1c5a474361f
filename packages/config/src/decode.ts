/** Walks schema and tree together: defaults, unknown keys, every problem at once. */
import Type, { type TObject, type TSchema, type TUnion } from "@flatbed/typebox"
import { markOf } from "./builders.ts"
import { decodeScalar, type ResolvePath, refuse } from "./decode-scalar.ts"
import { suggest } from "./nearest.ts"
import { expectation, listKeys, recordKeyPattern, recordValue } from "./schema-shape.ts"
import {
  type MapNode,
  mapNode,
  nodeFrom,
  type Place,
  type SettingNode,
  type SettingsProblem,
} from "./setting-node.ts"

/** Stands for a value that could not be decoded; the problem is in the list. */
const nothing = Symbol("nothing")

type Walk = { readonly problems: SettingsProblem[]; readonly resolvePath: ResolvePath }
type Path = readonly string[]

/** Decodes the whole tree. The value means something only when there are no problems. */
export function decodeSettings(
  schema: TSchema,
  root: MapNode,
  resolvePath: ResolvePath,
): { value: unknown; problems: SettingsProblem[] } {
  const problems: SettingsProblem[] = []
  const value = decode(schema, root, [], { problems, resolvePath })
  return { value, problems }
}

/**
 * Of a decoded value what nobody found fault with: without settings that could not be decoded, and with undefined for
 * items of lists that a problem is in. `paths` are those of the problems.
 */
export function keepSound(value: unknown, paths: readonly string[], at: Path = []): unknown {
  if (value === nothing) return undefined
  if (Array.isArray(value)) {
    return value.map((item: unknown, i) => {
      const path = [...at, `${i + 1}`].join(".")
      const isWrong = paths.some((one) => one === path || one.startsWith(`${path}.`))
      return isWrong || item === nothing ? undefined : item
    })
  }
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, keepSound(child, paths, [...at, key])]),
  )
}

function decode(schema: TSchema, node: SettingNode, path: Path, walk: Walk): unknown {
  if (node.kind === "unusable") return nothing
  if (Type.IsUnion(schema)) return decodeUnion(schema, node, path, walk)
  if (Type.IsObject(schema) || Type.IsRecord(schema)) {
    // A key whose lines are all commented out is an empty map.
    const empty = node.kind === "scalar" && node.value === null && !node.untyped
    const map = empty ? mapNode(node.place) : node
    if (map.kind !== "map") return refused(schema, node, path, walk)
    return Type.IsObject(schema)
      ? decodeObject(schema, map, path, walk)
      : decodeRecord(schema, map, path, walk)
  }
  if (Type.IsArray(schema)) return decodeList(schema, node, path, walk)
  if (node.kind !== "scalar") return refused(schema, node, path, walk)
  const decoded = decodeScalar(schema, node, walk.resolvePath)
  return "value" in decoded ? decoded.value : report(decoded.problem, node.place, path, walk)
}

function decodeObject(schema: TObject, node: MapNode, path: Path, walk: Walk): unknown {
  const known = Object.keys(schema.properties)
  for (const [key, child] of node.entries) {
    if (!known.includes(key)) {
      report(`is not a setting; ${suggest(key, known)}`, child.place, [...path, key], walk)
    }
  }
  const entries: [string, unknown][] = []
  for (const [key, child] of Object.entries(schema.properties)) {
    const written = node.entries.get(key)
    const below = [...path, key]
    const value =
      written === undefined
        ? decodeAbsent(child, node.place, below, walk)
        : decode(child, written, below, walk)
    if (value !== undefined) entries.push([key, value])
  }
  return Object.fromEntries(entries)
}

/** A setting that nobody wrote: its default, the defaults below it, left out, or a problem. */
function decodeAbsent(schema: TSchema, place: Place, path: Path, walk: Walk): unknown {
  const { default: standard } = markOf(schema)
  if (standard !== undefined) return decode(schema, nodeFrom(standard, { from: "default" }), path, walk)
  if (Type.IsOptional(schema)) return undefined
  if (Type.IsObject(schema)) return decodeObject(schema, mapNode(place), path, walk)
  return report(`is missing, expected ${expectation(schema)}`, place, path, walk)
}

function decodeRecord(schema: TSchema, node: MapNode, path: Path, walk: Walk): unknown {
  const pattern = recordKeyPattern(schema)
  const { minProperties = 0, maxProperties = Number.POSITIVE_INFINITY } = schema as Record<string, number>
  if (node.entries.size < minProperties || node.entries.size > maxProperties) {
    const limit = node.entries.size < minProperties ? `at least ${minProperties}` : `at most ${maxProperties}`
    report(
      `has ${node.entries.size === 1 ? "1 entry" : `${node.entries.size} entries`}, expected ${limit}`,
      node.place,
      path,
      walk,
    )
  }
  const entries: [string, unknown][] = []
  for (const [key, child] of node.entries) {
    if (!pattern.test(key)) {
      const { expectedName = `a name that matches ${pattern.source}` } = markOf(schema)
      report(`is no name that is allowed here, expected ${expectedName}`, child.place, [...path, key], walk)
    }
    entries.push([key, decode(recordValue(schema), child, [...path, key], walk)])
  }
  return Object.fromEntries(entries)
}

function decodeList(
  schema: TSchema & { items: TSchema },
  node: SettingNode,
  path: Path,
  walk: Walk,
): unknown {
  if (node.kind !== "list") return refused(schema, node, path, walk)
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema as unknown as Record<string, number>
  if (node.items.length < minItems || node.items.length > maxItems) {
    const limit = node.items.length < minItems ? `at least ${minItems}` : `at most ${maxItems}`
    report(
      `has ${node.items.length === 1 ? "1 item" : `${node.items.length} items`}, expected ${limit}`,
      node.place,
      path,
      walk,
    )
  }
  const values = node.items.map((item, index) => decode(schema.items, item, [...path, `${index + 1}`], walk))
  if ((schema as { uniqueItems?: boolean }).uniqueItems === true) {
    for (const [index, value] of values.entries()) {
      if (value !== nothing && values.indexOf(value) < index) {
        const place = node.items[index]?.place ?? node.place
        report("stands in the list a second time", place, [...path, `${index + 1}`], walk)
      }
    }
  }
  return values
}

/**
 * The first branch that takes the value without a problem. When none does, a map is held against the one branch
 * that shares most of its keys, so that a slip inside a branch reads as what it is.
 */
function decodeUnion(schema: TUnion, node: SettingNode, path: Path, walk: Walk): unknown {
  const tries = schema.anyOf.map((branch) => {
    const problems: SettingsProblem[] = []
    const value = decode(branch, node, path, { ...walk, problems })
    return { branch, value, problems, shared: sharedKeys(branch, node) }
  })
  const fitting = tries.find(({ problems, value }) => problems.length === 0 && value !== nothing)
  if (fitting !== undefined) return fitting.value
  const most = Math.max(...tries.map(({ shared }) => shared))
  const nearest = tries.filter(({ shared }) => shared === most)
  if (most > 0 && nearest.length === 1 && nearest[0] !== undefined) {
    walk.problems.push(...nearest[0].problems)
    return nothing
  }
  if (node.kind !== "map") return refused(schema, node, path, walk)
  const given = listKeys([...node.entries.keys()])
  return report(`has ${given}, expected ${expectation(schema)}`, node.place, path, walk)
}

function sharedKeys(branch: TSchema, node: SettingNode): number {
  if (node.kind !== "map" || !Type.IsObject(branch)) return 0
  return [...node.entries.keys()].filter((key) => Object.hasOwn(branch.properties, key)).length
}

function refused(schema: TSchema, node: SettingNode, path: Path, walk: Walk): typeof nothing {
  return report(refuse(schema, node), node.place, path, walk)
}

function report(message: string, place: Place, path: Path, walk: Walk): typeof nothing {
  walk.problems.push({ path: path.join("."), message, place })
  return nothing
}
