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
  return await readRun(dataset, held, [chunk], take)
}

/** The bytes of several chunks, as `readChunk`: each begins where the one before it ends (see `splitRuns`). */
export async function readRun(
  dataset: SourceDataset,
  held: HeldVersion,
  chunks: readonly ManifestChunk[],
  take?: TakeBuffer,
): Promise<Buffer> {
  let bytes: Buffer | undefined
  try {
    bytes = await readProvenRun(held, chunks, take)
  } catch (error) {
    if (!isClosed(error)) throw error
    // Let go between finding and reading it: by its time, or because the same content was found again.
    const again = dataset.getVersion(held.index.manifest.version)
    if (again === held) throw error
    return readRun(dataset, again, chunks, take)
  }
  if (bytes !== undefined) return bytes
  await dataset.discard(held, chunks[0]?.file ?? "")
  throw versionGone(dataset.name, held.index.manifest.version)
}

/** One positional read; undefined when the bytes are not what the manifest says. */
export async function readProven(
  held: HeldVersion,
  chunk: ManifestChunk,
  take?: TakeBuffer,
): Promise<Buffer | undefined> {
  return await readProvenRun(held, [chunk], take)
}

// More at once is no faster, and each that is under way holds as much.
const longestRun = 1024 * 1024

/** The chunks in order, those together that one read should bring: of one file, without a gap, a mebibyte at the most. */
export function splitRuns(chunks: readonly ManifestChunk[]): ManifestChunk[][] {
  const runs: ManifestChunk[][] = []
  for (const chunk of chunks) {
    const run = runs.at(-1)
    const before = run?.at(-1)
    const isNext = before?.file === chunk.file && before.byte_to === chunk.byte_from
    if (isNext && chunk.byte_to - (run?.[0]?.byte_from ?? 0) <= longestRun) run?.push(chunk)
    else runs.push([chunk])
  }
  return runs
}

async function readProvenRun(
  { open }: HeldVersion,
  chunks: readonly ManifestChunk[],
  take: TakeBuffer = Buffer.allocUnsafe,
): Promise<Buffer | undefined> {
  const from = chunks[0]?.byte_from ?? 0
  const bytes = take((chunks.at(-1)?.byte_to ?? from) - from)
  const filled = await open.read(bytes, from, chunks[0]?.file ?? "")
  const isProven = ({ byte_from, byte_to, sha256 }: ManifestChunk) =>
    createHash("sha256")
      .update(bytes.subarray(byte_from - from, byte_to - from))
      .digest("hex") === sha256
  return filled === bytes.length && chunks.every(isProven) ? bytes : undefined
}

function isClosed(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EBADF"
}
