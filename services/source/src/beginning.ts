/** The first bytes of a file of a version: their digest, and the records in them. */
import { createHash } from "node:crypto"
import type { Beginning, ManifestChunk, ManifestFile } from "@flatbed/contract"
import { encodeRecords } from "./chunk-body.ts"
import { layoutOf } from "./chunk-index.ts"
import { readChunk } from "./chunk-reader.ts"
import { type SourceDataset, versionGone } from "./dataset.ts"
import type { Layout } from "./formats/format.ts"
import type { HeldVersion } from "./held-versions.ts"
import { endsLine } from "./line-end.ts"
import { hashedColumns } from "./withheld.ts"

const pieceBytes = 1024 * 1024

type Counts = Pick<Beginning, "rows" | "rejects" | "filtered">

/** Bytes of a file, or of its text where it has one: what its chunks are ranges of. */
export const servedBytes = ({ bytes, text_bytes: textBytes }: ManifestFile) => textBytes ?? bytes

/**
 * Beginnings of these lengths, rising and none longer than the file. Its chunks are read one by one and proven, so
 * version-gone is raised when the bytes are no longer the version's; those before the first chunk, the header's, are in
 * no chunk's digest. Ends early, with what was found, when `isWanted` says no.
 */
export async function readBeginnings(
  dataset: SourceDataset,
  held: HeldVersion,
  file: ManifestFile,
  lengths: readonly number[],
  isWanted: () => boolean,
): Promise<Beginning[]> {
  const chunks = held.index.manifest.chunks.filter((chunk) => chunk.file === file.file)
  const headEnd = chunks[0]?.byte_from ?? servedBytes(file)
  const layout = layoutOf(held.index, file)
  const hash = hashedColumns(layout).length > 0 ? undefined : createHash("sha256")
  const found: Beginning[] = []
  const before = { rows: 0, rejects: 0, filtered: 0 }

  /** Hashes the bytes at `from`, and stops at each length that ends within them or with them. */
  function pass(bytes: Buffer, from: number, describe: (cut: number) => Counts & { whole: boolean }): void {
    let at = 0
    for (let next = lengths[found.length]; next !== undefined; next = lengths[found.length]) {
      const cut = next - from
      if (cut > bytes.length) break
      hash?.update(bytes.subarray(at, cut))
      at = cut
      found.push({ bytes: next, sha256: hash?.copy().digest("hex") ?? null, ...describe(cut) })
    }
    hash?.update(bytes.subarray(at))
  }

  const isDone = () => found.length === lengths.length || !isWanted()
  for (let from = 0; from < headEnd && !isDone(); from += pieceBytes) {
    // One byte more tells whether a line ends here.
    const bytes = await readHead(from, Math.min(headEnd, from + pieceBytes))
    const next = await readHead(from + bytes.length, Math.min(servedBytes(file), from + bytes.length + 1))
    const seen = Buffer.concat([bytes, next])
    pass(bytes, from, (cut) => ({ ...before, whole: from + cut === headEnd || endsLine(seen, cut) }))
  }
  for (const chunk of chunks) {
    if (isDone()) break
    const bytes = await readChunk(dataset, held, chunk)
    pass(bytes, chunk.byte_from, (cut) => {
      const within =
        cut === bytes.length ? { ...chunk, whole: true } : countBefore(dataset, held, chunk, bytes, cut)
      return {
        whole: within.whole,
        rows: before.rows + within.rows,
        rejects: before.rejects + within.rejects,
        filtered: before.filtered + within.filtered,
      }
    })
    before.rows += chunk.rows
    before.rejects += chunk.rejects
    before.filtered += chunk.filtered
  }
  return found

  async function readHead(from: number, to: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(to - from)
    if ((await held.open.read(bytes, from, file.file)) === bytes.length) return bytes
    await dataset.discard(held, file.file)
    throw versionGone(dataset.name, held.index.manifest.version)
  }
}

/** The records of a chunk that begin before the cut, which is within it, and whether none of them goes on behind it. */
function countBefore(
  { reader }: SourceDataset,
  { index }: HeldVersion,
  chunk: ManifestChunk,
  bytes: Buffer,
  cut: number,
): Counts & { whole: boolean } {
  const layout = layoutOf(index, chunk)
  // Filtered records have no numbers; without the filter they do, and their ends count here as well.
  const { filter, ...all } = layout
  const recordsBefore = (by: Layout, most: number) =>
    reader
      .findRecords(
        bytes,
        by,
        Array.from({ length: most }, (_, i) => i + 1),
      )
      .filter((record) => record !== undefined && record.byteFrom < cut)
  const records = recordsBefore(all, chunk.rows + chunk.filtered)
  const rows = filter === undefined ? records.length : recordsBefore(layout, chunk.rows).length
  const end = records.at(-1)?.byteTo ?? 0
  const rest = bytes.subarray(cut, Math.max(cut, end))
  return {
    whole: endsLine(bytes, cut) && (rest.length === 0 || isLineEnd(rest)),
    rows,
    rejects:
      chunk.rejects === 0 || rows === 0
        ? 0
        : encodeRecords(reader, index, chunk, bytes, "ndjson", rows).rejects,
    filtered: records.length - rows,
  }
}

const isLineEnd = (bytes: Buffer) => ["\n", "\r\n", "\r"].includes(bytes.toString("latin1"))
