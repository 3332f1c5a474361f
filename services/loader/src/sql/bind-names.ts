/** Pure: values for SQL by name. A name becomes a number for the protocol's parameters; no value ever becomes SQL. */
import { type SqlPart, scanSql } from "./scan-sql.ts"

export type BoundSql = {
  /** Lines are those of the SQL that came. */
  readonly text: string
  /** Names in the order of their numbers: the first is `$1`. Those that do not stand in the SQL are not among them. */
  readonly order: readonly string[]
  /** Other names behind a colon, without it, each once. Not those in brackets, which may be slices of an array. */
  readonly unknown: readonly string[]
  /** Numbered parameters (`$1`) that the SQL had before; they would take what is bound to the names. */
  readonly numbered: readonly string[]
}

/**
 * Puts `$1`, `$2` … for every `:name` of `names`, the same number for the same name. `type` says what a parameter is cast
 * to: `($1::integer)`. Strings, quoted names, comments, casts (`::`) and `:=` stay as they are. It reads names as psql
 * does, which fills the same file with `psql -v name=value`; so a slice `[1:n]` is filled when there is an `n`.
 */
export function bindNames(
  sql: string,
  names: readonly string[],
  type: (name: string) => string | undefined = () => undefined,
): BoundSql {
  const parts = scanSql(sql)
  const order: string[] = []
  const unknown = new Set<string>()
  const numbered = new Set<string>()
  let brackets = 0
  let text = ""
  for (let i = 0; i < parts.length; i += 1) {
    const part = parts[i] as SqlPart
    const next = parts[i + 1]
    if (part.kind === "other" && /^\$[0-9]/.test(part.text)) numbered.add(part.text)
    if (part.text === "[") brackets += 1
    if (part.text === "]") brackets -= 1
    const name = part.text === ":" && next?.kind === "word" ? next.text : undefined
    if (name === undefined || !names.includes(name)) {
      if (name !== undefined && brackets === 0) unknown.add(name)
      text += part.text
      continue
    }
    text += parameterFor(name)
    i += 1
  }
  return { text, order, unknown: [...unknown], numbered: [...numbered] }

  function parameterFor(name: string): string {
    if (!order.includes(name)) order.push(name)
    const number = `$${order.indexOf(name) + 1}`
    const cast = type(name)
    return cast === undefined ? number : `(${number}::${cast})`
  }
}
