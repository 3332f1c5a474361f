/** Pure: what is hashed where it is a plain value must not leave the source as the parts of an object. */
import { Problem } from "@flatbed/contract"
import type { ServedField } from "../served-columns.ts"
import { hashedColumns } from "../withheld.ts"
import { keysOf, type PathNode, pointerOf } from "./json-paths.ts"

/**
 * Raises header-invalid when a hashed column is an object in some record, and a part of it would be served as it is.
 * `places` are all columns of the file; a field's index says which of them it is.
 */
export function refuseUnhashedParts(
  file: string,
  places: readonly PathNode[],
  fields: readonly ServedField[],
): void {
  // Hashing is something that happens to cells.
  if (fields.every(({ cell }) => cell === undefined)) return
  const hashed = new Set(
    hashedColumns({ fields: fields.map((field) => ({ ...field, type: "text", declared: false })) }),
  )
  const pathOf = ({ index }: ServedField) => {
    const place = places[index]
    return place === undefined ? undefined : keysOf(place)
  }
  for (const whole of fields.filter(({ name }) => hashed.has(name))) {
    const keys = pathOf(whole)
    if (keys === undefined) continue
    const part = fields.find((field) => {
      const path = hashed.has(field.name) ? undefined : pathOf(field)
      return path !== undefined && path.length > keys.length && keys.every((key, i) => path[i] === key)
    })
    if (part === undefined) continue
    throw new Problem(
      "header-invalid",
      `In ${file} ${pointerOf(keys)}, which is hashed, is an object in some records, and its parts, such as ${JSON.stringify(part.name)}, would be served as they are.`,
      {
        hint: `Hash them too, as in  clean: { ${JSON.stringify(part.name)}: [{ hash: hmac }] }, leave them out with columns.drop, or keep objects whole with flatten: false.`,
        facts: { file, column: part.name, pointer: pointerOf(keys) },
      },
    )
  }
}
