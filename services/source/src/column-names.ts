/**
 * Pure: the names that a header's columns are served under. What Postgres or a person could not keep apart gets a name
 * of its own, by the header alone, so that the same header has the same names in every version.
 */
import { createHash } from "node:crypto"
import { maxNameBytes } from "@flatbed/contract"

export type NamedColumn = {
  /** As it stands in the file. */
  readonly written: string
  /** No two are alike: they differ in more than case, spaces and the composition of their characters. */
  readonly name: string
  /** Why it is not called what is written; empty when it is. */
  readonly because: readonly string[]
}

// Line ends stay: a quoted header may hold them. Bidi controls and what has no width would make two names look alike.
const unseen = /[\p{Bidi_Control}\u00ad\u180e\u200b-\u200d\u2060-\u2064\ufeff]|(?![\r\n])\p{Cc}/gu
const digestDigits = 8

/**
 * Names for all columns, in the header's order. A name that can stay stays; of two that are alike the first keeps it,
 * and a name written in the file is never taken by one that had to be made.
 */
export function nameColumns(header: readonly string[]): NamedColumn[] {
  const cleaned = header.map(clean)
  const takenBy = new Map<string, number>()
  cleaned.forEach(({ name, because }, i) => {
    const likeness = likenessOf(name)
    if (because.length === 0 && !takenBy.has(likeness)) takenBy.set(likeness, i)
  })
  const findFree = createNumbering(takenBy)
  const names = cleaned.map(({ name }) => name)
  return cleaned.map(({ name, because }, i) => {
    const written = header[i] ?? ""
    const holder = takenBy.get(likenessOf(name))
    if (holder === i) return { written, name, because }
    const free = holder === undefined ? name : findFree(name)
    takenBy.set(likenessOf(free), i)
    names[i] = free
    if (holder === undefined) return { written, name, because }
    return { written, name: free, because: [...because, sayAlike(name, holder, names[holder] ?? "")] }
  })
}

/** One name for itself: without what cannot be seen, never blank, and no longer than Postgres keeps. */
function clean(written: string, index: number): { readonly name: string; readonly because: string[] } {
  const seen = written.replace(unseen, "")
  const because: string[] = []
  if (seen !== written) because.push(`it held ${nameCharacters(written)}, which cannot be seen`)
  if (seen.trim() === "") {
    because.push("it is blank")
    return { name: `column_${index + 1}`, because }
  }
  const bytes = Buffer.byteLength(seen)
  if (bytes > maxNameBytes) because.push(`it has ${bytes} bytes, and Postgres keeps ${maxNameBytes}`)
  return { name: shorten(seen), because }
}

/** At most so many bytes: cut between characters, and told apart by the digest of the whole. */
function shorten(name: string): string {
  if (Buffer.byteLength(name) <= maxNameBytes) return name
  const digest = createHash("sha256").update(name).digest("hex").slice(0, digestDigits)
  let kept = ""
  let room = maxNameBytes - digestDigits - 1
  for (const character of name) {
    room -= Buffer.byteLength(character)
    if (room < 0) break
    kept += character
  }
  return `${kept}_${digest}`
}

/** What is the same to a person: letters of either case, composed or not, whatever the spaces. */
export function likenessOf(name: string): string {
  return name.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC").replace(/\s+/gu, " ").trim()
}

/** `name_2` and so on; each count goes on where it stood, or a header of one name would take its square. */
function createNumbering(takenBy: ReadonlyMap<string, number>) {
  const next = new Map<string, number>()
  return (name: string): string => {
    let n = next.get(name) ?? 2
    let free = shorten(`${name}_${n}`)
    while (takenBy.has(likenessOf(free))) {
      n += 1
      free = shorten(`${name}_${n}`)
    }
    next.set(name, n + 1)
    return free
  }
}

function sayAlike(name: string, holder: number, held: string): string {
  const other = `column ${holder + 1} is called ${JSON.stringify(held)}`
  return held === name ? other : `${other}, which differs in case, spaces or composition only`
}

function nameCharacters(written: string): string {
  const found = new Set(written.match(unseen) ?? [])
  return [...found]
    .map((character) => `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`)
    .join(", ")
}
