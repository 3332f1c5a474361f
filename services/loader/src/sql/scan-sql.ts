/**
 * Pure: where SQL has strings, quoted names and comments, so that nobody takes what stands in them for SQL (Postgres
 * manual, 4.1 "Lexical Structure").
 */

export type SqlPart = {
  /**
   * `quoted`: a string of any kind, or a name in quotes. `comment`: to the end of its line, or between its signs. `word`:
   * a name or a keyword without quotes. `other`: one sign, or several that belong together (`::`, `:=`), or a number.
   */
  readonly kind: "quoted" | "comment" | "word" | "space" | "other"
  readonly text: string
  /** Where it begins, in UTF-16 units from 0. */
  readonly at: number
}

// As Postgres' own scanner has them (scan.l): above 127 every character belongs to a name.
const word = /[A-Za-z_\u0080-\u{10ffff}][A-Za-z0-9_$\u0080-\u{10ffff}]*/uy
const space = /[ \t\n\r\f\v]+/y
const number = /[0-9]+/y
const plainString = /'(?:[^']|'')*(?:'|$)/y
// With a backslash the next character counts for nothing; a string goes on behind a line's end (4.1.2.2).
const between = String.raw`(?:[ \t\f\v]|--[^\n\r]*)*[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*`
const oneEscapeString = String.raw`'(?:[^'\\]|\\[\s\S]|'')*`
const escapeString = new RegExp(`${oneEscapeString}(?:'${between}${oneEscapeString})*(?:'|\\\\?$)`, "y")
const quotedName = /"(?:[^"]|"")*(?:"|$)/y
const lineComment = /--[^\n\r]*/y
const dollarTag = /\$(?:[A-Za-z_\u0080-\u{10ffff}][A-Za-z0-9_\u0080-\u{10ffff}]*)?\$/uy
const parameter = /\$[0-9]+/y
const colons = /::|:=/y

/** The parts in their order; together they are the text. What is not closed goes to the end. */
export function scanSql(sql: string): SqlPart[] {
  const parts: SqlPart[] = []
  let at = 0

  function take(kind: SqlPart["kind"], end: number): void {
    parts.push({ kind, text: sql.slice(at, end), at })
    at = end
  }
  function match(pattern: RegExp): number | undefined {
    pattern.lastIndex = at
    return pattern.test(sql) ? pattern.lastIndex : undefined
  }

  while (at < sql.length) {
    const character = sql[at]
    // A name behind a colon is no sign of the string that follows it.
    const isEscape = /^[eE]$/.test(parts.at(-1)?.text ?? "") && parts.at(-2)?.text !== ":"
    if (character === "'") take("quoted", match(isEscape ? escapeString : plainString) ?? sql.length)
    else if (character === '"') take("quoted", match(quotedName) ?? sql.length)
    else if (sql.startsWith("--", at)) take("comment", match(lineComment) ?? sql.length)
    else if (sql.startsWith("/*", at)) take("comment", endOfComment(sql, at))
    else if (character === "$") take(...dollar())
    else {
      const end = match(space)
      if (end !== undefined) take("space", end)
      else takeWord()
    }
  }
  return parts

  function takeWord(): void {
    const end = match(word)
    if (end !== undefined) take("word", end)
    else take("other", match(number) ?? match(colons) ?? at + 1)
  }

  function dollar(): [SqlPart["kind"], number] {
    const opened = match(dollarTag)
    if (opened === undefined) return ["other", match(parameter) ?? at + 1]
    const tag = sql.slice(at, opened)
    const closed = sql.indexOf(tag, opened)
    return ["quoted", closed < 0 ? sql.length : closed + tag.length]
  }
}

/** Comments between signs may hold others (4.1.5). */
function endOfComment(sql: string, start: number): number {
  let depth = 0
  for (let at = start; at < sql.length; ) {
    if (sql.startsWith("/*", at)) {
      depth += 1
      at += 2
    } else if (sql.startsWith("*/", at)) {
      depth -= 1
      at += 2
      if (depth === 0) return at
    } else at += 1
  }
  return sql.length
}
