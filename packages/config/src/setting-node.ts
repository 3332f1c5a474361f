/** Settings as they were written, before any schema: a tree in which everything knows where it stands. */
import { relative, sep } from "node:path"

export type Place =
  | { readonly from: "file"; readonly file: string; readonly line: number }
  | { readonly from: "environment"; readonly variable: string }
  | { readonly from: "flag" }
  | { readonly from: "default" }

export type MapNode = {
  readonly kind: "map"
  readonly place: Place
  readonly entries: Map<string, SettingNode>
}
export type ListNode = {
  readonly kind: "list"
  readonly place: Place
  readonly items: readonly SettingNode[]
}
export type ScalarNode = {
  readonly kind: "scalar"
  readonly place: Place
  readonly value: string | number | boolean | null
  /** The characters in the file, for messages: `007`, not 7. */
  readonly written: string
  /** Whether the value came as text from the environment, so that the schema decides what it is. */
  readonly untyped: boolean
}
/** Stands where something was written that has been reported already, so that it is not reported twice. */
type UnusableNode = { readonly kind: "unusable"; readonly place: Place }
export type SettingNode = MapNode | ListNode | ScalarNode | UnusableNode

/** One thing wrong with the settings. `message` goes on after the path: `is 0, expected …`. */
export type SettingsProblem = {
  /** Dotted path of the setting; empty when the file as a whole is meant. */
  readonly path: string
  readonly message: string
  /** Where it stands; found from the path when left out. */
  readonly place?: Place
}

export function mapNode(place: Place): MapNode {
  return { kind: "map", place, entries: new Map() }
}

/** Text from the environment: what it means is for the schema to say. */
export function untypedNode(place: Place, text: string): ScalarNode {
  return { kind: "scalar", place, value: text, written: JSON.stringify(text), untyped: true }
}

/** A plain value (a default, a flag) as a tree of one place. */
export function nodeFrom(value: unknown, place: Place): SettingNode {
  if (Array.isArray(value)) return { kind: "list", place, items: value.map((item) => nodeFrom(item, place)) }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined)
    return {
      kind: "map",
      place,
      entries: new Map(entries.map(([key, item]) => [key, nodeFrom(item, place)])),
    }
  }
  if (
    typeof value === "string" ||
    typeof value === "number" ||
    typeof value === "boolean" ||
    value === null
  ) {
    return { kind: "scalar", place, value, written: JSON.stringify(value), untyped: false }
  }
  throw new TypeError(`A ${typeof value} cannot be a setting.`)
}

/** The node at a path, or undefined. Items of a list are numbered from 1. */
export function findNode(root: SettingNode, path: readonly string[]): SettingNode | undefined {
  let node: SettingNode | undefined = root
  for (const key of path) node = childOf(node, key)
  return node
}

function childOf(node: SettingNode | undefined, key: string): SettingNode | undefined {
  if (node?.kind === "map") return node.entries.get(key)
  return node?.kind === "list" ? node.items[Number(key) - 1] : undefined
}

/** Puts a node at a path, making maps on the way; what stood there before gives way. */
export function setNode(root: MapNode, path: readonly string[], node: SettingNode): void {
  let map = root
  for (const key of path.slice(0, -1)) {
    const found = map.entries.get(key)
    const next = found?.kind === "map" ? found : mapNode(node.place)
    map.entries.set(key, next)
    map = next
  }
  map.entries.set(path.at(-1) ?? "", node)
}

/** `data/source.yaml:12: ` as the head of a line; paths below the working folder are shown relative to it. */
export function showPlace(place: Place | undefined): string {
  switch (place?.from) {
    case "file":
      return `${showFile(place.file)}:${place.line}: `
    case "environment":
      return `${place.variable}: `
    case "flag":
      return "command line: "
    case "default":
    case undefined:
      return ""
  }
}

/** A path as a person in the working folder would type it. */
export function showFile(file: string): string {
  const fromHere = relative(process.cwd(), file)
  return fromHere === "" || fromHere === ".." || fromHere.startsWith(`..${sep}`) ? file : fromHere
}
