/** Pure: the comment that a report begins with: what it answers, and its parameters. */

export type Parameter = {
  readonly name: string
  /** As it is written; whether Postgres knows it is for Postgres to say. */
  readonly type: string
  /** What it is when nobody gives it; null is NULL. Undefined: it has to be given. */
  readonly standard: string | null | undefined
  /** It is one of these, the first of them `standard`. Undefined: any value of the type. */
  readonly choices: readonly string[] | undefined
  readonly meaning: string | undefined
  /** Of the file, from 1. */
  readonly line: number
}

export type ReportHead = {
  /** The comment's lines without those of the parameters; empty when there are none. */
  readonly definition: readonly string[]
  readonly parameters: readonly Parameter[]
}

export type HeadProblem = { readonly line: number; readonly message: string }

// What a type may be written with: nothing that could end a cast or begin a comment.
const typePattern = /^[\p{L}_"][\p{L}\p{N}_ ."[\](),]*$/u
const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * Reads the lines up to the first that is no comment. `-- :name type` declares a parameter, with `= default` or
 * `= one | other` behind it, and ` -- what it is` at its end; every other line is the definition.
 */
export function readReportHead(sql: string): { head: ReportHead; problems: HeadProblem[] } {
  const problems: HeadProblem[] = []
  const definition: string[] = []
  const parameters: Parameter[] = []
  for (const [i, written] of sql.split(/\r?\n/).entries()) {
    const line = i + 1
    const text = /^\s*--(.*)$/.exec(written)?.[1]?.trim()
    if (text === undefined) {
      if (written.trim() !== "") break
    } else if (!/^:[\p{L}\p{N}_]/u.test(text)) definition.push(text)
    else {
      const read = readParameter(text, line)
      if (typeof read === "string") problems.push({ line, message: read })
      else if (parameters.some(({ name }) => name === read.name))
        problems.push({ line, message: `declares :${read.name} a second time` })
      else parameters.push(read)
    }
  }
  while (definition.at(-1) === "") definition.pop()
  return { head: { definition, parameters }, problems }
}

/** What the report answers, in a line: the first sentence of its definition. */
export function firstSentence({ definition }: ReportHead): string | undefined {
  const end = definition.indexOf("")
  const paragraph = (end < 0 ? definition : definition.slice(0, end)).join(" ")
  return paragraph === "" ? undefined : (/^.*?[.?!](?=\s|$)/.exec(paragraph)?.[0] ?? paragraph)
}

/** A parameter's line without its `--`, or what is wrong with it. */
function readParameter(text: string, line: number): Parameter | string {
  const { before, meaning } = splitMeaning(text)
  const equals = before.indexOf("=")
  const [word = "", ...typeWords] = (equals < 0 ? before : before.slice(0, equals)).trim().split(/\s+/)
  const name = word.slice(1)
  const type = typeWords.join(" ")
  if (!namePattern.test(name))
    return `declares ${word}; a parameter's name is made of letters, digits and _, and begins with no digit`
  if (type === "") return `declares :${name} without a type, expected one as in  -- :${name} text`
  if (!typePattern.test(type)) return `declares :${name} with the type ${type}, which is none`
  const parameter = { name, type, meaning, line, standard: undefined, choices: undefined }
  if (equals < 0) return parameter
  const values = splitValues(before.slice(equals + 1))
  if (values.some((value) => value === ""))
    return `says nothing behind = for :${name}; the empty text is written ''`
  const [first = null, ...others] = values.map(readValue)
  if (others.length === 0) return { ...parameter, standard: first }
  const choices = [first, ...others]
  if (choices.some((choice) => choice === null))
    return `has null among what :${name} may be; only a default may be null`
  const twice = choices.find((choice, at) => choices.indexOf(choice) !== at)
  if (twice !== undefined) return `names ${JSON.stringify(twice)} twice for :${name}`
  return { ...parameter, standard: first, choices: choices as string[] }
}

/** What it is stands behind the first ` -- ` that is not in quotes. */
function splitMeaning(text: string): { before: string; meaning: string | undefined } {
  const at = findOutside(text, /\s--(?:\s|$)/y)
  if (at < 0) return { before: text, meaning: undefined }
  const meaning = text.slice(at).trim().slice(2).trim()
  return { before: text.slice(0, at), meaning: meaning === "" ? undefined : meaning }
}

function splitValues(text: string): string[] {
  const at = findOutside(text, /\|/y)
  return at < 0 ? [text.trim()] : [text.slice(0, at).trim(), ...splitValues(text.slice(at + 1))]
}

/** Where the pattern first matches outside of '…'; -1 when it does not. */
function findOutside(text: string, pattern: RegExp): number {
  let quoted = false
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "'") quoted = !quoted
    pattern.lastIndex = at
    if (!quoted && pattern.test(text)) return at
  }
  return -1
}

/** `'it''s'` as SQL writes it, `null`, or the text as it stands. */
function readValue(written: string): string | null {
  if (/^null$/i.test(written)) return null
  return /^'(?:[^']|'')*'$/.test(written) ? written.slice(1, -1).replaceAll("''", "'") : written
}
