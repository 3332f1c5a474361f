/** One YAML text as a tree of settings that know their lines. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument, type Scalar } from "yaml"
import { interpolate, isInterpolated } from "./interpolate.ts"
import {
  mapNode,
  type Place,
  type SettingNode,
  type SettingsProblem,
  showPlace,
  untypedNode,
} from "./setting-node.ts"

type ParsedYaml = {
  readonly root: SettingNode
  readonly problems: readonly SettingsProblem[]
  /** False when it is not YAML; then only that is told, since what the tree lacks may be a consequence. */
  readonly isYaml: boolean
}

/**
 * Parses YAML 1.2. Duplicate keys, unset variables, unknown tags and broken syntax are problems with their
 * line. Without `env`, `${…}` stays as it is. Where the syntax holds, the tree has whatever could be read all the
 * same, so that one start shows every problem.
 */
export function parseYaml(
  text: string,
  file: string,
  env: Readonly<Record<string, string | undefined>> | undefined,
): ParsedYaml {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false })
  const at = (offset: number | undefined): Place => ({
    from: "file",
    file,
    line: Math.max(1, lines.linePos(offset ?? 0).line),
  })
  const problems: SettingsProblem[] = [...document.errors, ...document.warnings].map((error) => ({
    path: "",
    message: `this is not YAML as expected: ${withoutValue(error.message)}`,
    place: at(error.pos[0]),
  }))
  if (document.errors.length > 0)
    return { root: mapNode(at(0)), problems: firstOfEachLine(problems), isYaml: false }
  // Nodes being read, innermost last: an alias to one of them would never end.
  const open = new Set<unknown>()

  function read(node: unknown, place: Place, path: readonly string[]): SettingNode {
    if (isAlias(node)) {
      const target = node.resolve(document)
      if (target === undefined)
        return unusable(
          place,
          path,
          "refers to an anchor that is not there; put text that begins with * in quotes",
        )
      if (open.has(target)) return unusable(place, path, `contains itself through *${node.source}`)
      return read(target, place, path)
    }
    if (isScalar(node)) return readScalar(node, place, path)
    if (node === null || node === undefined) {
      return { kind: "scalar", place, value: null, written: "", untyped: false }
    }
    open.add(node)
    const result = readCollection(node, place, path)
    open.delete(node)
    return result
  }

  function readCollection(node: unknown, place: Place, path: readonly string[]): SettingNode {
    if (isSeq<{ range?: [number, number, number] }>(node)) {
      const items = node.items.map((item, index) =>
        read(item, at(item?.range?.[0]), [...path, `${index + 1}`]),
      )
      return { kind: "list", place, items }
    }
    const map = mapNode(place)
    if (isMap(node)) for (const pair of node.items) readPair(pair, map.entries, path)
    return map
  }

  function readPair(pair: Pair, entries: Map<string, SettingNode>, path: readonly string[]): void {
    const key = pair.key
    const keyPlace = at((key as Scalar | null)?.range?.[0])
    // `null:` is a name as good as `true:`; `~:` and `? :` are none.
    const isName = isScalar(key) && (key.value !== null || key.source?.toLowerCase() === "null")
    if (!isName) {
      problems.push({ path: path.join("."), message: "has a key that is not text", place: keyPlace })
      return
    }
    const name = typeof key.value === "string" ? key.value : (key.source ?? String(key.value))
    const first = entries.get(name)
    if (first !== undefined) {
      const line = first.place.from === "file" ? ` in line ${first.place.line}` : ""
      problems.push({
        path: [...path, name].join("."),
        message: `stands here a second time, the first is${line}`,
        place: keyPlace,
      })
      return
    }
    entries.set(name, read(pair.value, keyPlace, [...path, name]))
  }

  function readScalar(node: Scalar, place: Place, path: readonly string[]): SettingNode {
    const { value, source } = node
    if (typeof value === "string") {
      if (env === undefined || !isInterpolated(value)) {
        return { kind: "scalar", place, value, written: JSON.stringify(value), untyped: false }
      }
      const { text, problems: found } = interpolate(value, env)
      if (found.length === 0) return untypedNode(place, text)
      for (const message of found) problems.push({ path: path.join("."), message, place })
      return { kind: "unusable", place }
    }
    if (typeof value === "number" || typeof value === "boolean" || value === null) {
      return { kind: "scalar", place, value, written: source ?? String(value), untyped: false }
    }
    return unusable(place, path, `is ${source ?? "of a kind"} that settings do not have`)
  }

  function unusable(place: Place, path: readonly string[], message: string): SettingNode {
    problems.push({ path: path.join("."), message, place })
    return { kind: "unusable", place }
  }

  return { root: read(document.contents, at(0), []), problems, isYaml: true }
}

// Behind a colon stands what was found, which may be a secret without its quotes.
function withoutValue(message: string): string {
  return message.replace(
    /^(Unresolved (?:tag|alias)|Unknown [^:]*):.*$/s,
    "$1; put text that begins with ! or * in quotes",
  )
}

// A slip in a line makes the parser complain of its rest too.
function firstOfEachLine(problems: readonly SettingsProblem[]): SettingsProblem[] {
  const seen = new Set<string>()
  return problems.filter(({ place }) => {
    const line = showPlace(place)
    return !seen.has(line) && seen.add(line)
  })
}
