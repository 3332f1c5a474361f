/**
 * Pure: what the reading of one file of many has found, kept so that the file need not be read again, and how all of
 * them are written to one side file.
 */
import { createHash } from "node:crypto"
import type { Evidence } from "@flatbed/contract"
import type { DecidedFormat } from "./cell-rules.ts"
import type { DayMonthTally } from "./cells/day-month.ts"
import { type ChunkIndex, secretKey } from "./chunk-index.ts"
import type { FileIdentity } from "./file-identity.ts"

export type DecidedDates = Readonly<Record<string, DecidedFormat>>

export type FilePart = {
  readonly file: string
  readonly identity: FileIdentity
  /** As if the file were the whole version; its name means nothing. */
  readonly index: Omit<ChunkIndex, "evidence">
  /** One for each column. Thousands of files have thousands of these, so they are kept as text. */
  readonly evidence: string
  /** How dates were read, where the rows of all files told it. */
  readonly decided: DecidedDates
  /** How dates are written in its rows, by column, once that was asked. */
  readonly tallies?: Readonly<Record<string, DayMonthTally>>
  /** The text's name in the cache, and what it was when it was written. */
  readonly text: { readonly name: string; readonly identity: FileIdentity } | undefined
}

/** The files' parts with the settings that they were made with. */
export type StoredParts = {
  /** See nameShape. */
  readonly shape: string
  /** The latest version, and the files that it has, in order. */
  readonly version: string | undefined
  readonly served: readonly string[]
  readonly parts: readonly FilePart[]
}

/** A part of what the reading of this file found. `share` gives one object for all that say the same. */
export function createPart(
  file: string,
  identity: FileIdentity,
  { evidence, ...index }: ChunkIndex,
  others: Pick<FilePart, "decided" | "text" | "tallies">,
  share: ReturnType<typeof createSharing>,
): FilePart {
  const { manifest } = index
  const { dialect } = manifest
  return {
    file,
    identity,
    index: {
      ...index,
      // What is said of all files together is not kept for each.
      manifest: { ...manifest, version: "", columns: [], ...(dialect && { dialect: share(dialect) }) },
      layout: share(index.layout),
      names: share(index.names),
      mends: share(index.mends),
      spelling: share(index.spelling),
    },
    evidence: packEvidence(evidence),
    ...others,
  }
}

/** Answers the first value that was written the same way: thousands of files of one kind share their description. */
export function createSharing() {
  const known = new Map<string, unknown>()
  return <Value>(value: Value): Value => {
    const written = JSON.stringify(value)
    if (!known.has(written)) known.set(written, value)
    return known.get(written) as Value
  }
}

// Most columns of most small files have nothing of the kind.
const nothing = {
  declared: false,
  nulls: 0,
  empties: 0,
  max_bytes: 0,
  max_integer_digits: 0,
  max_scale: 0,
} as const satisfies Partial<Evidence>

/** What all rows of the file said about its columns, one for each in the part's layout. */
export function evidenceOf({ evidence, index }: FilePart): Omit<Evidence, "ruled_out">[] {
  const said = JSON.parse(evidence) as (Pick<Evidence, "forms"> & Partial<Evidence>)[]
  return said.map((one, i) => ({ column: index.layout.fields[i]?.name ?? "", ...nothing, ...one }))
}

function packEvidence(evidence: readonly Evidence[]): string {
  const own = evidence.map(({ column: _, ruled_out: __, ...one }) => one)
  return JSON.stringify(own, (_, value) => (value === 0 || value === false ? undefined : value))
}

/** Lines of JSON: what all share, one line for each file, and the SHA-256 of everything before. */
export function encodeParts({ parts, ...stored }: StoredParts): Buffer[] {
  const shared: unknown[] = []
  const numbers = new Map<unknown, number>()
  const numberOf = (value: unknown) => {
    const known = numbers.get(value)
    if (known !== undefined) return known
    numbers.set(value, shared.push(value) - 1)
    return shared.length - 1
  }
  const lines = parts.map(({ index, ...part }) => {
    const { layout, names, spelling, mends, manifest, ...rest } = index
    const { dialect, ...described } = manifest
    const shares = [layout, names, spelling, mends, dialect ?? null].map(numberOf)
    return JSON.stringify({ ...part, index: { ...rest, manifest: described }, shares })
  })
  const head = JSON.stringify({ ...stored, shared }, (key, value) => (key === secretKey ? undefined : value))
  const hash = createHash("sha256")
  const blocks = [head, ...lines].reduce<string[][]>((sofar, line, i) => {
    if (i % linesInABlock === 0) sofar.push([])
    sofar.at(-1)?.push(line)
    return sofar
  }, [])
  const bytes = blocks.map((block) => Buffer.from(block.map((line) => `${line}\n`).join("")))
  for (const block of bytes) hash.update(block)
  return [...bytes, Buffer.from(hash.digest("hex"))]
}

/** The inverse; undefined when the bytes are not what was written, whole. */
export function decodeParts(bytes: Buffer): StoredParts | undefined {
  const end = bytes.lastIndexOf(lineFeed)
  if (end === -1) return undefined
  const body = bytes.subarray(0, end + 1)
  if (createHash("sha256").update(body).digest("hex") !== bytes.toString("latin1", end + 1)) return undefined
  let at = body.indexOf(lineFeed)
  // Bytes with the right digest are our own, so their form needs no second check.
  const { shared, ...stored } = JSON.parse(body.toString("utf8", 0, at)) as StoredHead
  const parts: FilePart[] = []
  while (at + 1 < body.length) {
    const next = body.indexOf(lineFeed, at + 1)
    const { shares, ...part } = JSON.parse(body.toString("utf8", at + 1, next))
    const [layout, names, spelling, mends, dialect] = shares.map((number: number) => shared[number])
    const manifest = { ...part.index.manifest, ...(dialect && { dialect }) }
    parts.push({ ...part, index: { ...part.index, manifest, layout, names, spelling, mends } })
    at = next
  }
  return { ...stored, parts }
}

type StoredHead = Omit<StoredParts, "parts"> & { readonly shared: readonly unknown[] }

const lineFeed = 0x0a
const linesInABlock = 1000
