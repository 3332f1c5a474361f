/** Files, environment and flags in; frozen settings or the full list of problems out. */
import { resolve } from "node:path"
import { Problem } from "@flatbed/contract"
import type { StaticDecode, TObject, TSchema } from "@flatbed/typebox"
import { decodeSettings, keepSound } from "./decode.ts"
import { type EffectiveSetting, listEffective } from "./effective-settings.ts"
import { applyEnvironment } from "./environment.ts"
import { createPathResolver } from "./folders.ts"
import { loadFiles } from "./include.ts"
import type { HandedDown } from "./merge.ts"
import { redact } from "./redact.ts"
import {
  findNode,
  type MapNode,
  mapNode,
  nodeFrom,
  type Place,
  type SettingsProblem,
  setNode,
  showPlace,
  untypedNode,
} from "./setting-node.ts"

/** What a process was started with: decoded, and frozen all the way down. */
export type Settings<S extends TSchema> = DeepReadonly<StaticDecode<S>>

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T

type Input<S extends TObject> = {
  /** `Type.Object({…})`; an object whose settings all have defaults may be left out by the user. */
  readonly schema: S
  /** `FLATBED_SOURCE`: variables `FLATBED_SOURCE__…` override the file. */
  readonly prefix: string
  /** The YAML file; relative to the working folder. */
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Dotted path → value, over everything else. Undefined values count as not given. */
  readonly flags?: Readonly<Record<string, unknown>>
  /** The service's own rules across settings; asked only when every setting is right by itself. */
  readonly check?: (settings: Settings<S>) => readonly SettingsProblem[]
  /**
   * Asked instead when some settings are wrong by themselves, so that what is wrong elsewhere is told with them. It gets
   * what could be decoded; items of lists that are wrong, or have something wrong in them, are undefined.
   */
  readonly checkParts?: (parts: unknown) => readonly SettingsProblem[]
  /** What an included file says at its top for the entries of one of its maps alone: setting → map. */
  readonly handedDown?: HandedDown
}

/**
 * Reads the settings: flag > environment > file > default.
 *
 * @throws Problem `settings-invalid` (exit 2) whose message lists every problem with file and line.
 */
export async function readSettings<S extends TObject>(
  input: Input<S>,
): Promise<{ settings: Settings<S>; file: string }> {
  const { settings, file } = await readTree(input)
  return { settings, file }
}

/**
 * The same for showing them: every setting in effect with where it comes from, secrets as stars.
 *
 * @throws Problem `settings-invalid` as `readSettings`.
 */
export async function inspectSettings<S extends TObject>(
  input: Input<S>,
): Promise<{ settings: Settings<S>; file: string; shown: unknown; effective: EffectiveSetting[] }> {
  const { settings, file, tree } = await readTree(input)
  const { schema } = input
  return { settings, file, shown: redact(schema, settings), effective: listEffective(schema, settings, tree) }
}

async function readTree<S extends TObject>(
  input: Input<S>,
): Promise<{ settings: Settings<S>; file: string; tree: MapNode }> {
  const { schema } = input
  const file = resolve(input.file)
  const {
    root: tree,
    problems,
    isBroken,
  } = await loadFiles(file, input.env, {
    schema,
    handedDown: input.handedDown ?? {},
  })
  if (tree === undefined || isBroken) throw settingsProblem(problems)
  const rootPlace = findNode(tree, ["root"])?.place
  const rootFile = rootPlace?.from === "file" ? rootPlace.file : undefined

  problems.push(...(await applyEnvironment(schema, tree, input.prefix, input.env)))
  applyFlags(tree, input.flags ?? {})
  const decoded = decodeSettings(schema, tree, createPathResolver({ schema, tree, mainFile: file, rootFile }))
  problems.push(...decoded.problems)
  if (problems.length > 0) {
    const sound = keepSound(
      decoded.value,
      problems.map(({ path }) => path),
    )
    const others = input.checkParts?.(sound) ?? []
    throw settingsProblem([...problems, ...others.map((problem) => placed(problem, tree))])
  }

  // No problem, so the walk has made what the schema describes.
  const settings = deepFreeze(decoded.value) as Settings<S>
  const broken = input.check?.(settings) ?? []
  if (broken.length > 0) throw settingsProblem(broken.map((problem) => placed(problem, tree)))
  return { settings, file, tree }
}

/**
 * Settings that a program writes for itself, by the same rules: what is left out has its default. Paths are absolute.
 *
 * @throws Problem `settings-invalid` as `readSettings`.
 */
export function completeSettings<S extends TObject>(
  { schema, check }: Pick<Input<S>, "schema" | "check">,
  written: Readonly<Record<string, unknown>>,
): Settings<S> {
  const tree = mapNode({ from: "default" })
  for (const [key, value] of Object.entries(written))
    setNode(tree, [key], nodeFrom(value, { from: "default" }))
  const mainFile = resolve("settings")
  const decoded = decodeSettings(
    schema,
    tree,
    createPathResolver({ schema, tree, mainFile, rootFile: undefined }),
  )
  if (decoded.problems.length > 0) throw settingsProblem(decoded.problems)
  const settings = deepFreeze(decoded.value) as Settings<S>
  const broken = check?.(settings) ?? []
  if (broken.length > 0) throw settingsProblem(broken.map((problem) => placed(problem, tree)))
  return settings
}

function applyFlags(tree: MapNode, flags: Readonly<Record<string, unknown>>): void {
  const place: Place = { from: "flag" }
  for (const [path, value] of Object.entries(flags)) {
    if (value === undefined) continue
    setNode(
      tree,
      path.split("."),
      typeof value === "string" ? untypedNode(place, value) : nodeFrom(value, place),
    )
  }
}

/** A rule's problem with the place of its setting, or of the nearest map around it. */
function placed(problem: SettingsProblem, tree: MapNode): SettingsProblem {
  if (problem.place !== undefined || problem.path === "") return problem
  const keys = problem.path.split(".")
  for (let depth = keys.length; depth > 0; depth -= 1) {
    const node = findNode(tree, keys.slice(0, depth))
    if (node !== undefined) return { ...problem, place: node.place }
  }
  return problem
}

function settingsProblem(problems: readonly SettingsProblem[]): Problem {
  const lines = problems.map(({ path, message, place }) =>
    [showPlace(place), path, path === "" ? "" : " ", message].join(""),
  )
  const once = [...new Set(lines)]
  const [only = "the settings cannot be used"] = once
  const detail =
    once.length === 1 ? only : [`${once.length} problems:`, ...once.map((l) => `  ${l}`)].join("\n")
  return new Problem("settings-invalid", detail, {
    hint: "Mend every line named above, then start again; the README lists all settings.",
    facts: { problems: once.length },
  })
}

function deepFreeze(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value
  for (const child of Object.values(value)) deepFreeze(child)
  return Object.freeze(value)
}
