/** A settings file and the files it includes, as one tree. */
import { readFile } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import type { TSchema } from "@flatbed/typebox"
import { type HandedDown, handDown, mergeMaps } from "./merge.ts"
import {
  type MapNode,
  mapNode,
  type Place,
  type SettingNode,
  type SettingsProblem,
  showFile,
} from "./setting-node.ts"
import { parseYaml } from "./yaml-file.ts"

type Environment = Readonly<Record<string, string | undefined>>
type Rules = {
  /** Says which settings are paths. */
  readonly schema: TSchema
  readonly handedDown: HandedDown
}
type Loaded = {
  /** Undefined when the first file could not be read at all. */
  readonly root: MapNode | undefined
  readonly problems: SettingsProblem[]
  /** A file is not YAML: whatever else is found may only follow from that. */
  readonly isBroken: boolean
}

/**
 * Reads the file and, depth first, the files under its top-level `include:` (a path or a list of paths,
 * relative to the file that names them). Maps are merged; a setting that two files write differently is a problem, and so
 * is a file that includes itself. `handedDown` holds for files that are included, not for the first.
 */
export async function loadFiles(file: string, env: Environment, rules: Rules): Promise<Loaded> {
  const problems: SettingsProblem[] = []
  const broken: SettingsProblem[] = []
  const root = await load(file, { from: "default" }, [], new Set(), env, { ...rules, problems, broken })
  return broken.length > 0 ? { root, problems: broken, isBroken: true } : { root, problems, isBroken: false }
}

async function load(
  file: string,
  namedAt: Place,
  above: readonly string[],
  seen: Set<string>,
  env: Environment,
  parts: Rules & { readonly problems: SettingsProblem[]; readonly broken: SettingsProblem[] },
): Promise<MapNode | undefined> {
  const { schema, handedDown, problems, broken } = parts
  const report = (message: string, place: Place = namedAt) => {
    problems.push({ path: above.length === 0 ? "" : "include", message, place })
    return undefined
  }
  if (above.includes(file)) {
    return report(`goes in a circle: ${[...above, file].map(showFile).join(" includes ")}`)
  }
  if (seen.has(file)) return report(`names ${showFile(file)} a second time; once is enough`)
  seen.add(file)

  const text = await readText(file)
  if (typeof text !== "string") return report(text.problem)
  const parsed = parseYaml(text, file, env)
  if (!parsed.isYaml) {
    broken.push(...parsed.problems)
    return undefined
  }
  problems.push(...parsed.problems)
  const here: Place = { from: "file", file, line: 1 }
  if (parsed.root.kind !== "map") {
    if (parsed.root.kind === "scalar" && parsed.root.value === null) return mapNode(here)
    problems.push({
      path: "",
      message: "the file holds no settings, expected `key: value` lines",
      place: here,
    })
    return undefined
  }
  const include = parsed.root.entries.get("include")
  parsed.root.entries.delete("include")
  for (const named of includedFiles(include, problems)) {
    const path = resolve(dirname(file), named.path)
    const included = await load(path, named.place, [...above, file], seen, env, parts)
    if (included !== undefined) mergeMaps(parsed.root, included, schema, problems)
  }
  if (above.length > 0) handDown(parsed.root, handedDown)
  return parsed.root
}

function includedFiles(node: SettingNode | undefined, problems: SettingsProblem[]) {
  if (node === undefined || node.kind === "unusable") return []
  return (node.kind === "list" ? node.items : [node]).flatMap((item) => {
    if (item.kind === "scalar" && typeof item.value === "string" && item.value !== "") {
      return [{ path: item.value, place: item.place }]
    }
    if (item.kind !== "unusable") {
      problems.push({ path: "include", message: "must be a path or a list of paths", place: item.place })
    }
    return []
  })
}

async function readText(file: string): Promise<string | { problem: string }> {
  try {
    return await readFile(file, "utf8")
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code
    if (code === "ENOENT") {
      return {
        problem: `there is no settings file ${showFile(file)}; make one, or name another with --config`,
      }
    }
    return { problem: `the settings file ${showFile(file)} cannot be read: ${(thrown as Error).message}` }
  }
}
