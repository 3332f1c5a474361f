/** Pure: the places in a dataset's JSON records that values were seen at, in order of their first appearance. */
import { Problem } from "@flatbed/contract"
import { escapeKey } from "./json-walk.ts"

/** A map of keys to more than this is data and no columns. */
export const maxPaths = 10_000

/** A key of an object, below the keys that lead to it. */
export type PathNode = {
  readonly key: string
  readonly parent: PathNode | undefined
  readonly children: Map<string, PathNode>
  /** Its number among the places where values stand, from 0; −1 as long as only objects do. */
  id: number
  /** Whether an object was taken apart here. */
  isObject: boolean
  /** The key as it stood in the bytes, quotes included. */
  raw: Uint8Array
  /** What came behind it in the object before, and inside it first: most records repeat their keys. */
  next: PathNode | undefined
  first: PathNode | undefined
  /** The object in which the key was met last. */
  seenIn: number
  /** Whether the way to the exploded array goes through here, so that objects are taken apart in any case. */
  leads: boolean
}

const noBytes = new Uint8Array(0)

export function createNode(key: string, parent: PathNode | undefined): PathNode {
  return {
    ...{ key, parent, children: new Map(), id: -1, isObject: false, raw: noBytes },
    ...{ next: undefined, first: undefined, seenIn: -1, leads: false },
  }
}

/** The keys from the record down to the place. */
export function keysOf(node: PathNode): string[] {
  const keys: string[] = []
  for (let at: PathNode | undefined = node; at?.parent !== undefined; at = at.parent) keys.unshift(at.key)
  return keys
}

/** Objects that were taken apart and have none of these places below them. */
export function listBareObjects(root: PathNode, places: ReadonlySet<PathNode>): PathNode[] {
  const filled = new Set<PathNode>()
  for (const place of places)
    for (let at = place.parent; at !== undefined && !filled.has(at); at = at.parent) filled.add(at)
  const bare: PathNode[] = []
  const stack = [...root.children.values()]
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.isObject && !filled.has(node)) bare.push(node)
    stack.push(...node.children.values())
  }
  return bare
}

/** RFC 6901. */
export function pointerOf(keys: readonly string[]): string {
  return keys.map((key) => `/${escapeKey(key)}`).join("")
}

/** The problem of a file with more places than could ever be columns. */
export function tooManyPaths(file: string, node: PathNode): Problem {
  const pointer = pointerOf(keysOf(node))
  return new Problem(
    "header-invalid",
    `The records of ${file} have more than ${maxPaths} different keys; ${JSON.stringify(pointer)} is one more.`,
    {
      hint: "Objects whose keys are data stay jsonb with  flatten: false.",
      facts: { file, pointer },
    },
  )
}
