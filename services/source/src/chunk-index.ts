/** Pure: everything known about one version, and how it is written to its side file. */
import { createHash } from "node:crypto"
import type { Evidence, Manifest } from "@flatbed/contract"
import type { FileIdentity } from "./file-identity.ts"
import type { Layout, Mends } from "./formats/format.ts"
import type { Spelling } from "./text/spelling.ts"

export type ChunkIndex = {
  readonly manifest: Manifest
  readonly evidence: readonly Evidence[]
  readonly layout: Layout
  /** Of all columns that there are, served or not. */
  readonly names: readonly string[]
  /** Of several files each its own; the columns are the same. */
  readonly fileLayouts?: ReadonlyMap<string, Layout>
  readonly mends: Mends
  /** For each chunk the physical line on which it begins. */
  readonly firstLines: readonly number[]
  readonly spelling: Spelling
}

/** An index with what it was made from. */
export type StoredIndex = {
  /** See nameShape. */
  readonly shape: string
  readonly identity: FileIdentity
  /** The identity of the text beside the index, where there is one. */
  readonly text: FileIdentity | undefined
  readonly index: ChunkIndex
}

/** What nobody may find on the disk: it comes from the settings each time. */
export const secretKey = "hashKey"

/** A layout that was read back, with the settings' key where cells are hashed. */
export function withHashKey(layout: Layout, hashKey: string | undefined): Layout {
  if (hashKey === undefined) return layout
  const fields = layout.fields.map((field) =>
    field.cell === undefined ? field : { ...field, cell: { ...field.cell, hashKey } },
  )
  return { ...layout, fields }
}

/** How the records of a chunk are read. */
export function layoutOf({ layout, fileLayouts }: ChunkIndex, { file }: { readonly file: string }): Layout {
  return fileLayouts?.get(file) ?? layout
}

/** The side file's bytes: one line with the SHA-256 of all that follows, then JSON. */
export function encodeIndex(stored: StoredIndex): Buffer {
  const body = Buffer.from(JSON.stringify(stored, (key, value) => (key === secretKey ? undefined : value)))
  return Buffer.concat([Buffer.from(`${digest(body)}\n`), body])
}

/** The inverse; undefined when the bytes are not what was written, whole. */
export function decodeIndex(bytes: Buffer): StoredIndex | undefined {
  const end = bytes.indexOf("\n")
  const body = bytes.subarray(end + 1)
  if (end === -1 || bytes.toString("latin1", 0, end) !== digest(body)) return undefined
  // Bytes with the right digest are our own, so their form needs no second check.
  return JSON.parse(body.toString()) as StoredIndex
}

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex")
}
