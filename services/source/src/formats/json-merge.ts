/** Pure: what the places in the records of several files are together, as if one file had all of these records. */
import { Problem } from "@flatbed/contract"
import type { Layout } from "./format.ts"
import type { JsonDialect } from "./json-dialect.ts"
import { pointerOf } from "./json-paths.ts"

/** What one file says of the places in its records. */
export type FilePlaces = {
  readonly file: string
  readonly layout: Layout
  /** The column of each place, as it is written. */
  readonly names: readonly string[]
}

const dialectOf = ({ dialect }: Layout) => dialect as Partial<JsonDialect>

/** By JSON Pointer, for each place of a layout; none of what is no JSON. */
function createPointers() {
  const known = new Map<Layout, readonly string[]>()
  return (layout: Layout): readonly string[] => {
    const pointers = known.get(layout) ?? (dialectOf(layout).places ?? []).map(pointerOf)
    known.set(layout, pointers)
    return pointers
  }
}

/**
 * Whether a place of a layout, by its number, is no column: nothing but null stands there in any file, and some file has an
 * object there. `hasValues` tells of a place of a file whether a row has more than NULL there.
 */
export function findNullObjects<File extends FilePlaces>(
  files: readonly File[],
  hasValues: (file: File, place: number) => boolean,
): (layout: Layout, place: number) => boolean {
  const pointersOf = createPointers()
  const objects = new Set<string>()
  for (const layout of new Set(files.map((one) => one.layout))) {
    const { places = [], bareObjects = [] } = dialectOf(layout)
    for (const keys of bareObjects) objects.add(pointerOf(keys))
    for (const keys of places)
      for (let i = 1; i < keys.length; i += 1) objects.add(pointerOf(keys.slice(0, i)))
  }
  const nulls = new Set<string>()
  const valued = new Set<string>()
  for (const file of objects.size === 0 ? [] : files) {
    for (const [place, pointer] of pointersOf(file.layout).entries()) {
      if (!objects.has(pointer) || valued.has(pointer)) continue
      if (hasValues(file, place)) valued.add(pointer)
      else nulls.add(pointer)
    }
  }
  return (layout, place) => {
    const pointer = pointersOf(layout)[place]
    return pointer !== undefined && nulls.has(pointer) && !valued.has(pointer)
  }
}

/** Raises header-invalid for two places of one name, and for one place that is served under two. */
export function refuseClashes(
  files: readonly FilePlaces[],
  isNullObject: (layout: Layout, place: number) => boolean,
): void {
  const pointersOf = createPointers()
  const byName = new Map<string, { readonly pointer: string; readonly file: string }>()
  const served = new Map<string, { readonly name: string; readonly file: string }>()
  const seen = new Set<Layout>()
  for (const { file, layout, names } of files) {
    if (seen.has(layout)) continue
    seen.add(layout)
    const pointers = pointersOf(layout)
    for (const [place, pointer] of pointers.entries()) {
      if (isNullObject(layout, place)) continue
      const column = names[place] ?? ""
      const other = byName.get(column)
      if (other !== undefined && other.pointer !== pointer) throw clash(other, { pointer, file }, column)
      byName.set(column, { pointer, file })
    }
    for (const { name, index, added } of layout.fields) {
      const pointer = pointers[index]
      if (added !== undefined || pointer === undefined) continue
      const other = served.get(pointer)
      if (other !== undefined && other.name !== name) throw unsteady(pointer, other, { name, file })
      served.set(pointer, { name, file })
    }
  }
}

function clash(
  one: { readonly pointer: string; readonly file: string },
  other: { readonly pointer: string; readonly file: string },
  column: string,
): Problem {
  return new Problem(
    "header-invalid",
    `The values at ${one.pointer} in ${one.file} and at ${other.pointer} in ${other.file} would both be in a column ${JSON.stringify(column)}.`,
    {
      hint: 'Let another separator tell them apart, as in  flatten: { separator: "." }',
      facts: { file: other.file, other_file: one.file, column, pointer: other.pointer },
    },
  )
}

function unsteady(
  pointer: string,
  one: { readonly name: string; readonly file: string },
  other: { readonly name: string; readonly file: string },
): Problem {
  const [first, second] = [one, other].map(({ name, file }) => `${JSON.stringify(name)} in ${file}`)
  return new Problem(
    "header-invalid",
    `The values at ${pointer} would be in a column ${first} and ${second}: what else is there lets its name stay or not.`,
    {
      hint: "Give it a name of its own in columns.rename.",
      facts: { file: other.file, other_file: one.file, column: other.name, pointer },
    },
  )
}
