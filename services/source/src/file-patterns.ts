/**
 * Pure: what a dataset's `files` name: a path, a folder, or a pattern with `*`, `**`, `?`, `[a-z]` and `{a,b}`, where a
 * backslash takes a sign as itself. What begins with a dot is never meant by a wildcard.
 */
import picomatch from "picomatch"

export type FilePattern = {
  /** As the settings have it. */
  readonly written: string
  /** Without wildcards: one file, or a folder and what lies below it. */
  readonly isPath: boolean
  /** The folder below which everything lies that is meant; empty for the root itself. */
  readonly base: string
  /** Whether a path relative to the root, with slashes, is meant. */
  accepts(path: string): boolean
  /** Whether a folder may hold something that is meant. */
  mayHold(folder: string): boolean
}

const wildcard = /[*?[{]/
const options = { nonegate: true, noextglob: true, noquantifiers: true, dot: false } as const

/** Whether this is the path of a file or a folder, and no pattern. */
export function isPath(written: string): boolean {
  return !wildcard.test(written)
}

/** `endings` say what of a folder is meant, such as `.csv`; of a pattern everything is that it accepts. */
export function createPattern(written: string, endings: readonly string[]): FilePattern {
  const path = written.replace(/^(?:\.\/+)+/, "").replace(/\/+$/, "")
  if (isPath(path)) {
    const folder = path === "." || path === "" ? "" : path
    const below = folder === "" ? "" : `${folder}/`
    return {
      written,
      isPath: true,
      base: parentOf(folder),
      accepts: (one) => one === folder || (one.startsWith(below) && hasEnding(one, endings)),
      mayHold: (one) => one === folder || one.startsWith(below),
    }
  }
  const parts = path.split("/")
  const fixed = parts.findIndex((part) => !isPath(part))
  const base = parts.slice(0, fixed).map(withoutBackslashes).join("/")
  // Brackets and bars mean nothing here but themselves.
  const accepts = picomatch(path.replace(/(?<!\\)[()|+@!]/g, "\\$&"), options)
  const depth = parts.some((part) => part.includes("**")) ? Number.POSITIVE_INFINITY : parts.length
  const below = base === "" ? "" : `${base}/`
  return {
    written,
    isPath: false,
    base,
    accepts: (one) => accepts(one),
    mayHold: (one) => one === base || (one.startsWith(below) && one.split("/").length < depth),
  }
}

/** Whether the path ends in one of these, whatever the case. */
export function hasEnding(path: string, endings: readonly string[]): boolean {
  const name = path.toLowerCase()
  return endings.some((ending) => name.endsWith(ending))
}

/** The folder in which a path lies; empty for the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")))
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1)
}

/** The order of a version's files: by the bytes of their paths, not by any language's alphabet. */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function withoutBackslashes(part: string): string {
  return part.replace(/\\(.)/g, "$1")
}
