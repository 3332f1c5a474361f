/** A chunk's bytes out of the file, proven to be those of its version. */
import { createHash } from "node:crypto"
import type { TakeBuffer } from "@flatbed/codec"
import type { ManifestChunk } from "@flatbed/contract"
import { type SourceDataset, versionGone } from "./dataset.ts"
import type { HeldVersion } from "./held-versions.ts"

/**
 * A chunk of a version that is served. Bytes that are not what the manifest says make the version gone: it is discarded, and
 * version-gone is raised, whatever the file's timestamps claim. They are in a buffer that `take` makes.
 */
export async function readChunk(
  dataset: SourceDataset,
  held: HeldVersion,
  chunk: ManifestChunk,
  take?: TakeBuffer,
): Promise<Buffer> {
  let bytes: Buffer | undefined
  try {
    bytes = await readProven(held, chunk, take)
  } catch (error) {
    if (!isClosed(error)) throw error
    // Let go between finding and reading it: by its time, or because the same content was found again.
    const again = dataset.getVersion(held.index.manifest.version)
    if (again === held) throw error
    return readChunk(dataset, again, chunk, take)
  }
  if (bytes !== undefined) return bytes
  await dataset.discard(held)
  throw versionGone(dataset.name, held.index.manifest.version)
}

/** One positional read; undefined when the bytes are not what the manifest says. */
export async function readProven(
  { open }: HeldVersion,
  chunk: ManifestChunk,
  take: TakeBuffer = Buffer.allocUnsafe,
): Promise<Buffer | undefined> {
  const bytes = take(chunk.byte_to - chunk.byte_from)
  const filled = await open.read(bytes, chunk.byte_from)
  const isWhole = filled === bytes.length && createHash("sha256").update(bytes).digest("hex") === chunk.sha256
  return isWhole ? bytes : undefined
}

function isClosed(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EBADF"
}
