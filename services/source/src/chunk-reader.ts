/** A chunk's bytes out of the file, proven to be those of its version. */
import { createHash } from "node:crypto"
import type { ManifestChunk } from "@flatbed/contract"
import { type SourceDataset, versionGone } from "./dataset.ts"
import type { HeldVersion } from "./held-versions.ts"

/**
 * One positional read. Bytes that are not what the manifest says make the version gone: it is discarded, and
 * version-gone is raised, whatever the file's timestamps claim.
 */
export async function readChunk(
  dataset: SourceDataset,
  held: HeldVersion,
  chunk: ManifestChunk,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(chunk.byte_to - chunk.byte_from)
  let filled: number
  try {
    filled = await held.open.read(bytes, chunk.byte_from)
  } catch (error) {
    if (!isClosed(error)) throw error
    // Let go between finding and reading it: by its time, or because the same content was found again.
    const again = dataset.getVersion(held.index.manifest.version)
    if (again === held) throw error
    return readChunk(dataset, again, chunk)
  }
  const isWhole = filled === bytes.length && createHash("sha256").update(bytes).digest("hex") === chunk.sha256
  if (isWhole) return bytes
  await dataset.discard(held)
  throw versionGone(dataset.name, held.index.manifest.version)
}

function isClosed(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EBADF"
}
