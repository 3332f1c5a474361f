/** The content codings this Node can make, off the main thread (RFC 9110 section 8.4.1; zstd: RFC 8878). */
import { promisify } from "node:util"
import zlib from "node:zlib"
import type { Coding } from "./negotiate.ts"

type Encode = (plain: Buffer, options: zlib.ZlibOptions) => Promise<Buffer>

const gzip: Encode = promisify(zlib.gzip)
// Node has it since 22.15, this program's types do not know it.
const { zstdCompress } = zlib as { zstdCompress?: typeof zlib.gzip }
const zstd: Encode | undefined = zstdCompress && promisify(zstdCompress)

// Level 2 leaves more than half of a file of numbers on the wire, packet headers counted; 3 takes as long as this, 5 twice.
const gzipLevel = 4

// Each piece of output is a turn of the event loop; Node's 16 KiB would make thirty of them for a chunk.
const largestPiece = 2 ** 18

/** What is offered beside identity, the better first. */
export const offeredCodings: readonly Exclude<Coding, "identity">[] =
  zstd === undefined ? ["gzip"] : ["zstd", "gzip"]

/** The body as it travels; the coding must be one of the offered, or identity. */
export async function encodeBody(coding: Coding, plain: Buffer): Promise<Buffer> {
  const chunkSize = Math.min(largestPiece, plain.length + 64)
  switch (coding) {
    case "identity":
      return plain
    case "gzip":
      return await gzip(plain, { level: gzipLevel, chunkSize })
    case "zstd":
      if (zstd === undefined) throw new Error("zstd was chosen, which this Node does not have")
      // At its own level 3: about as small as gzip's 4 and faster.
      return await zstd(plain, { chunkSize })
  }
}
