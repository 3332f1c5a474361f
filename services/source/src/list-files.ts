/**
 * The files that a dataset's patterns mean, as they lay there at one moment. A folder is read entry by entry, and several
 * one after the other; so every folder's times are looked at before and behind, and what was read counts only if
 * nothing came, went or was renamed in between.
 */
import type { Dirent } from "node:fs"
import { lstat, readdir, realpath, stat } from "node:fs/promises"
import { join, relative, resolve } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { Problem } from "@flatbed/contract"
import { type FileIdentity, sameIdentity } from "./file-identity.ts"
import {
  comparePaths,
  createPattern,
  type FilePattern,
  hasEnding,
  nameOf,
  parentOf,
} from "./file-patterns.ts"
import { identifyFile, identityOf, refusal, refuseOutside, unsettled } from "./open-file.ts"

export type ListRequest = {
  readonly root: string
  /** Paths, folders and patterns. */
  readonly files: readonly string[]
  /** Of a folder, what ends so is meant. */
  readonly endings: readonly string[]
  /** Names of files that stand beside a file and are none of the data; see sidecars.ts. */
  readonly sidecars: readonly ((name: string) => string)[]
  /** Folders that changed less than this ago may have changed unseen. */
  readonly settleMs: number
  readonly signal: AbortSignal
}

export type ListedFile = {
  /** Relative to the root, with slashes. */
  readonly file: string
  readonly identity: FileIdentity
}

/** A file that is meant and is not among those that are read, and why. */
export type LeftOut = { readonly file: string; readonly reason: string }

export type Listing = {
  /** By path, bytewise. */
  readonly files: readonly ListedFile[]
  /** What lies beside them by the names that `sidecars` give. */
  readonly beside: ReadonlyMap<string, FileIdentity>
  /** What is meant by its name and is no file. */
  readonly leftOut: readonly LeftOut[]
  /** The folders that were looked into, absolute, with when each changed last, in ms. */
  readonly folders: ReadonlyMap<string, number>
  /** The same folders, relative to the root, with slashes; empty for the root itself. */
  readonly belowRoot: readonly string[]
}

type Kind = "file" | "link" | "other"
type Names = {
  readonly files: ReadonlyMap<string, Kind>
  readonly beside: ReadonlyMap<string, Kind>
  readonly leftOut: readonly LeftOut[]
  readonly folders: ReadonlyMap<string, FolderStamp>
  readonly belowRoot: readonly string[]
}
type FolderStamp = { readonly stamp: string; readonly changedMs: number }

const maxTries = 20
// The clock of a file system ticks at most so slowly.
const tickMs = 20
const pauseMs = 5
const atOnce = 64

/** Reads nothing before it is asked. */
export function createFileList(request: ListRequest) {
  const { root, endings, settleMs, signal } = request
  const patterns = request.files.map((written) => createPattern(written, endings))

  async function list(): Promise<Listing> {
    const known = new Map<string, FileIdentity>()
    let names = await readNames()
    for (let tries = 1; tries <= maxTries; tries += 1) {
      const unknown = [...names.files, ...names.beside].filter(([file]) => !known.has(file))
      await identifyAll(root, unknown, known)
      // Behind the files, so that both were so at this moment, unless a file turns out to have changed since.
      names = await readNames()
      const isWhole = [...names.files.keys(), ...names.beside.keys()].every((file) => known.has(file))
      if (isWhole) return finish(names, known)
      if (tries > maxTries / 2) refuseNamelessFiles(names, known)
    }
    throw unsettled(request.files.join(", "))
  }

  function finish(names: Names, known: ReadonlyMap<string, FileIdentity>): Listing {
    const at = (file: string) => known.get(file) as FileIdentity
    return {
      files: [...names.files.keys()].sort(comparePaths).map((file) => ({ file, identity: at(file) })),
      beside: new Map([...names.beside.keys()].map((file) => [file, at(file)])),
      leftOut: [...names.leftOut].sort((a, b) => comparePaths(a.file, b.file)),
      folders: new Map([...names.folders].map(([folder, { changedMs }]) => [folder, changedMs])),
      belowRoot: names.belowRoot,
    }
  }

  /** All names at one moment: behind the last folder that was read, before the first that was looked at again. */
  async function readNames(): Promise<Names> {
    for (let tries = 1; tries <= maxTries; tries += 1) {
      signal.throwIfAborted()
      const names = await readFolders(root, patterns, request)
      const now = Date.now()
      const isSure = await Promise.all(
        [...names.folders].map(async ([folder, { stamp, changedMs }]) => {
          const age = now - changedMs
          if (settleMs > 0 && age >= 0 && age < tickMs) return false
          return (await stampOf(folder).catch(() => undefined))?.stamp === stamp
        }),
      )
      if (isSure.every((sure) => sure)) return names
      await wait(Math.min(settleMs, tries === 1 ? tickMs : tries * pauseMs), undefined, { signal })
    }
    throw unsettled(request.files.join(", "))
  }

  return { list, patterns }
}

async function readFolders(
  root: string,
  patterns: readonly FilePattern[],
  { sidecars, endings }: ListRequest,
): Promise<Names> {
  const files = new Map<string, Kind>()
  const beside = new Map<string, Kind>()
  const leftOut: LeftOut[] = []
  const folders = new Map<string, FolderStamp>()
  const belowRoot: string[] = []
  const realRoot = await realpath(root).catch(() => root)

  async function read(folder: string, absolute: string): Promise<void> {
    if (folders.has(absolute)) return
    folders.set(absolute, await stampOf(absolute))
    const entries = await readdir(absolute, { withFileTypes: true })
    belowRoot.push(folder)
    const kinds = new Map(entries.map((entry) => [entry.name, kindOf(entry)]))
    const below: string[] = []
    for (const entry of entries) {
      const { name } = entry
      const path = folder === "" ? name : `${folder}/${name}`
      if (name.startsWith(".")) continue
      const isMeant = patterns.some((pattern) => pattern.accepts(path))
      if (entry.isDirectory()) {
        if (patterns.some((pattern) => pattern.mayHold(path))) below.push(name)
        if (isMeant && hasEnding(name, endings)) leftOut.push({ file: path, reason: "is a folder" })
      } else if (isMeant && !isBeside(name, kinds, sidecars)) {
        const kind = kindOf(entry)
        if (kind === "other") leftOut.push({ file: path, reason: "is no regular file" })
        else {
          files.set(path, kind)
          for (const one of sidecars.map((nameFor) => nameFor(name))) {
            const kindBeside = kinds.get(one)
            if (kindBeside !== undefined && kindBeside !== "other")
              beside.set(
                besideFile(path, () => one),
                kindBeside,
              )
          }
        }
      }
    }
    for (const name of below) {
      const path = folder === "" ? name : `${folder}/${name}`
      await read(path, join(absolute, name)).catch((error) => unlessGone(refusal(path, error), error))
    }
  }

  for (const { base, written } of patterns) {
    refuseOutside(written, relative(root, resolve(root, base === "" ? "x" : base)))
    const absolute = await realpath(resolve(root, base)).catch((error) =>
      unlessGone(refusal(written, error), error),
    )
    if (absolute === undefined) continue
    if (base !== "") refuseOutside(written, relative(realRoot, absolute))
    await read(base, absolute).catch((error) => unlessGone(refusal(base, error), error))
  }
  return { files, beside, leftOut, folders, belowRoot }
}

/** Whether it stands beside another file of its folder, by a name that says so. */
function isBeside(
  name: string,
  names: ReadonlyMap<string, Kind>,
  sidecars: ListRequest["sidecars"],
): boolean {
  if (sidecars.length === 0) return false
  const plain = "\0"
  return sidecars.some((nameFor) => {
    const [before = "", after] = nameFor(plain).split(plain)
    // One for the whole folder.
    if (after === undefined) return name === before
    if (!name.startsWith(before) || !name.endsWith(after) || name.length < before.length + after.length)
      return false
    return names.has(name.slice(before.length, name.length - after.length))
  })
}

/** Adds the identity of each that is there. Raises what makes a file one that may not be read. */
async function identifyAll(
  root: string,
  files: readonly (readonly [string, Kind])[],
  known: Map<string, FileIdentity>,
): Promise<void> {
  for (let from = 0; from < files.length; from += atOnce) {
    await Promise.all(
      files.slice(from, from + atOnce).map(async ([file, kind]) => {
        const identity = await (kind === "link" ? identifyFile(root, file) : identifyHere(root, file)).catch(
          (error) => unlessGone(refusal(file, error), error),
        )
        if (identity !== undefined) known.set(file, identity)
      }),
    )
  }
}

async function identifyHere(root: string, file: string): Promise<FileIdentity> {
  return identityOf(await lstat(`${root}/${file}`, { bigint: true }), file)
}

/** What went away meanwhile is not there; anything else is raised, by what it was refused for. */
function unlessGone(refused: unknown, error: unknown): undefined {
  if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
    return undefined
  throw refused
}

function kindOf(entry: Dirent): Kind {
  if (entry.isFile()) return "file"
  return entry.isSymbolicLink() ? "link" : "other"
}

async function stampOf(folder: string): Promise<FolderStamp> {
  const { dev, ino, mtimeNs, ctimeNs } = await stat(folder, { bigint: true })
  const changedMs = Math.max(Number(mtimeNs / 1_000_000n), Number(ctimeNs / 1_000_000n))
  return { stamp: `${dev}:${ino}:${mtimeNs}:${ctimeNs}`, changedMs }
}

// Its name comes back as other characters than it was asked for, so nobody can open it.
function refuseNamelessFiles(names: Names, known: ReadonlyMap<string, FileIdentity>): void {
  const file = [...names.files.keys()].find((one) => !known.has(one) && one.includes("\ufffd"))
  if (file === undefined) return
  throw new Problem("file-forbidden", `The name of ${file} is not UTF-8.`, {
    hint: "Rename it, or name the files in patterns that it does not match.",
    facts: { file },
  })
}

/** Whether the same files lay there, unchanged, with the same files beside them. */
export function sameListing(a: Listing, b: Listing): boolean {
  return (
    a.files.length === b.files.length &&
    a.files.every(({ file, identity }, i) => {
      const other = b.files[i]
      return other !== undefined && other.file === file && sameIdentity(other.identity, identity)
    }) &&
    a.beside.size === b.beside.size &&
    [...a.beside].every(([file, identity]) => {
      const other = b.beside.get(file)
      return other !== undefined && sameIdentity(other, identity)
    })
  )
}

/** The first pattern that means none of the files. */
export function findUnmatched(
  patterns: readonly FilePattern[],
  { files }: Pick<Listing, "files">,
): FilePattern | undefined {
  return patterns.find((pattern) => !files.some(({ file }) => pattern.accepts(file)))
}

/** The names beside a file, in its folder. */
export function besideFile(file: string, nameFor: (name: string) => string): string {
  const folder = parentOf(file)
  const name = nameFor(nameOf(file))
  return folder === "" ? name : `${folder}/${name}`
}
