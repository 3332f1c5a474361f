/** `FLATBED_SOURCE__LISTEN__PORT=4010` sets `listen.port`; `…__TOKEN_FILE=/run/secrets/t` reads a secret. */
import { readFile } from "node:fs/promises"
import Type, { type TSchema } from "@flatbed/typebox"
import { markOf } from "./builders.ts"
import { suggest } from "./nearest.ts"
import { recordValue } from "./schema-shape.ts"
import {
  findNode,
  type MapNode,
  type Place,
  type SettingNode,
  type SettingsProblem,
  setNode,
  untypedNode,
} from "./setting-node.ts"
import { parseYaml } from "./yaml-file.ts"

type Environment = Readonly<Record<string, string | undefined>>
type Target = { readonly path: readonly string[]; readonly schema: TSchema }
type Miss = { readonly problem: string }

/**
 * Lays the variables that begin with the prefix over the tree. Names are compared without case; a segment that
 * names an entry of a map (a dataset, a pipeline) finds the written entry, `_` standing for `-` too.
 * A variable that names no setting is a problem.
 */
export async function applyEnvironment(
  schema: TSchema,
  root: MapNode,
  prefix: string,
  env: Environment,
): Promise<SettingsProblem[]> {
  const problems: SettingsProblem[] = []
  const names = Object.keys(env).filter((name) => name.startsWith(`${prefix}__`))
  // Fewer segments first: DATASETS='{…}' is laid down before DATASETS__A__FILES changes a part of it.
  names.sort((a, b) => a.split("__").length - b.split("__").length || (a < b ? -1 : 1))
  const setBy = new Map<string, string>()
  for (const name of names) {
    const place: Place = { from: "environment", variable: name }
    const segments = name.slice(prefix.length + 2).split("__")
    const found = resolveVariable(schema, root, segments)
    if ("problem" in found) {
      problems.push({ path: "", message: found.problem, place })
      continue
    }
    const path = found.path.join(".")
    const other = setBy.get(path)
    if (other !== undefined) problems.push({ path, message: `is set by ${other} too; unset one`, place })
    setBy.set(path, name)
    const node = await readVariable(found, env[name] ?? "", place, problems)
    setNode(root, found.path, node)
  }
  return problems
}

type Resolved = Target & { readonly fromFile: boolean }

function resolveVariable(schema: TSchema, root: MapNode, segments: readonly string[]): Resolved | Miss {
  const direct = resolveSegments(schema, root, segments)
  if (!("problem" in direct)) return { ...direct, fromFile: false }
  const last = segments.at(-1) ?? ""
  if (last.toUpperCase().endsWith("_FILE")) {
    const secret = resolveSegments(schema, root, [...segments.slice(0, -1), last.slice(0, -"_FILE".length)])
    if (!("problem" in secret)) {
      if (holdsSecretItself(secret.schema)) return { ...secret, fromFile: true }
      return { problem: `only secrets are read from files, and ${secret.path.join(".")} is none` }
    }
  }
  return direct
}

function resolveSegments(schema: TSchema, root: MapNode, segments: readonly string[]): Target | Miss {
  let targets: Target[] = [{ path: [], schema }]
  for (const segment of segments) {
    const next = targets.flatMap((target) => step(target, segment, root))
    if (next.length === 0) {
      const known = targets.flatMap((target) => keysBelow(target.schema))
      const above = targets[0]?.path.join(".") ?? ""
      const where = above === "" ? "" : ` below ${above}`
      return { problem: `names no setting${where}; ${suggest(segment.toLowerCase(), [...new Set(known)])}` }
    }
    targets = next
  }
  return targets[0] ?? { problem: "names no setting" }
}

function step(target: Target, segment: string, root: MapNode): Target[] {
  const { schema, path } = target
  if (Type.IsUnion(schema))
    return schema.anyOf.flatMap((branch) => step({ path, schema: branch }, segment, root))
  if (Type.IsObject(schema)) {
    const key = Object.keys(schema.properties).find((known) => known.toLowerCase() === segment.toLowerCase())
    const below = key === undefined ? undefined : schema.properties[key]
    return key === undefined || below === undefined ? [] : [{ path: [...path, key], schema: below }]
  }
  if (!Type.IsRecord(schema) || segment === "") return []
  const node = findNode(root, path)
  const written = node?.kind === "map" ? [...node.entries.keys()] : []
  const spelled = (name: string) => name.toLowerCase().replaceAll("-", "_")
  const key =
    written.find((name) => name.toLowerCase() === segment.toLowerCase()) ??
    written.find((name) => spelled(name) === spelled(segment)) ??
    segment.toLowerCase()
  return [{ path: [...path, key], schema: recordValue(schema) }]
}

function keysBelow(schema: TSchema): string[] {
  if (Type.IsUnion(schema)) return schema.anyOf.flatMap(keysBelow)
  return Type.IsObject(schema) ? Object.keys(schema.properties) : []
}

function holdsSecretItself(schema: TSchema): boolean {
  if (Type.IsUnion(schema)) return schema.anyOf.some(holdsSecretItself)
  return markOf(schema).setting === "secret"
}

async function readVariable(
  target: Resolved,
  value: string,
  place: Place,
  problems: SettingsProblem[],
): Promise<SettingNode> {
  if (target.fromFile) return await readSecretFile(target, value, place, problems)
  if (!takesCollection(target.schema) || !/^\s*[[{]/.test(value)) return untypedNode(place, value)
  const parsed = parseYaml(value, "", undefined)
  for (const { message } of parsed.problems) problems.push({ path: target.path.join("."), message, place })
  return parsed.problems.length > 0 ? { kind: "unusable", place } : placedAt(parsed.root, place)
}

function takesCollection(schema: TSchema): boolean {
  if (Type.IsUnion(schema)) return schema.anyOf.some(takesCollection)
  return Type.IsObject(schema) || Type.IsRecord(schema) || Type.IsArray(schema)
}

// Lines inside a variable mean nothing to anybody: the variable is the place of it all.
function placedAt(node: SettingNode, place: Place): SettingNode {
  switch (node.kind) {
    case "map":
      return {
        ...node,
        place,
        entries: new Map([...node.entries].map(([key, child]) => [key, placedAt(child, place)])),
      }
    case "list":
      return { ...node, place, items: node.items.map((item) => placedAt(item, place)) }
    case "scalar":
    case "unusable":
      return { ...node, place }
  }
}

async function readSecretFile(target: Target, file: string, place: Place, problems: SettingsProblem[]) {
  try {
    // Editors and `echo` end a file with a newline that is no part of the secret.
    return untypedNode(place, (await readFile(file, "utf8")).replace(/\r?\n$/, ""))
  } catch (thrown) {
    // The file's name stays away: where the secret itself was put there, it would be told.
    const code = (thrown as NodeJS.ErrnoException).code ?? "unreadable"
    const message = `cannot be read from its file (${code}); expected the path of a file that holds the secret`
    problems.push({ path: target.path.join("."), message, place })
    return { kind: "unusable", place } as const
  }
}
