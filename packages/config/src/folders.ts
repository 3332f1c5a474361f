/** Which folder a path setting is relative to. */
import { dirname, resolve } from "node:path"
import type { TObject } from "@flatbed/typebox"
import { markOf } from "./builders.ts"
import type { ResolvePath } from "./decode-scalar.ts"
import { findNode, type MapNode, type Place } from "./setting-node.ts"

/**
 * Paths in a file are relative to its folder, the defaults to the main file's, paths in variables and flags to
 * the working folder. `relativeTo: "root"` means the top-level `root` for the file that sets it (for the main
 * file also when a variable or a flag sets it, and always for variables and flags), and the file's own folder
 * for every other file: what is included speaks of its own surroundings.
 *
 * `rootFile` is the file that sets `root`, if one does; `tree` is the final tree, overrides included.
 */
export function createPathResolver(input: {
  readonly schema: TObject
  readonly tree: MapNode
  readonly mainFile: string
  readonly rootFile: string | undefined
}): ResolvePath {
  const { schema, tree, mainFile, rootFile } = input
  const root = findRoot()

  function folderOf(place: Place): string {
    switch (place.from) {
      case "file":
        return dirname(place.file)
      case "default":
        return dirname(mainFile)
      case "environment":
      case "flag":
        return process.cwd()
    }
  }

  function findRoot(): string {
    const node = findNode(tree, ["root"])
    if (node?.kind === "scalar" && typeof node.value === "string")
      return resolve(folderOf(node.place), node.value)
    const rootSchema = schema.properties.root
    const standard = rootSchema === undefined ? undefined : markOf(rootSchema).default
    return resolve(dirname(mainFile), typeof standard === "string" ? standard : ".")
  }

  return (written, place, relativeTo) => {
    const isOwnFolder = place.from === "file" && place.file !== rootFile && place.file !== mainFile
    return resolve(relativeTo === "root" && !isOwnFolder ? root : folderOf(place), written)
  }
}
