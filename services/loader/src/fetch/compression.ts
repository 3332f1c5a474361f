/** Content codings: what the loader asks for, and how they come off (RFC 9110 section 8.4). Pure. */
import zlib from "node:zlib"

export const compressionNames = ["none", "gzip", "zstd"] as const
export type Compression = (typeof compressionNames)[number]

type Coding = Exclude<Compression, "none">

// Node has it since 22.15, this program's types do not know it.
const { zstdDecompress, constants } = zlib as {
  zstdDecompress?: typeof zlib.gunzip
  constants: { ZSTD_d_windowLogMax?: number }
}

/** Whether this Node can take zstd off. */
export const hasZstd = zstdDecompress !== undefined

const decoders: Readonly<Record<Coding, typeof zlib.gunzip | undefined>> = {
  gzip: zlib.gunzip,
  zstd: zstdDecompress,
}

const asked: Readonly<Record<Compression, { field: string; codings: readonly Coding[] }>> = {
  none: { field: "identity", codings: [] },
  gzip: { field: "gzip", codings: ["gzip"] },
  // A source without zstd answers with gzip.
  zstd: { field: "zstd, gzip;q=0.5", codings: ["zstd", "gzip"] },
}

// RFC 9659: as a content coding, zstd looks back at most 8 MiB; Node would set 128 MiB aside for a frame that asks.
const windowParams =
  constants.ZSTD_d_windowLogMax === undefined ? {} : { params: { [constants.ZSTD_d_windowLogMax]: 23 } }

// Each piece of output is a turn of the event loop; Node's 16 KiB would make a hundred of them for a chunk.
const largestPiece = 2 ** 18
const smallestPiece = 2 ** 14

/** What to send as Accept-Encoding. */
export function acceptEncodingOf(compression: Compression): string {
  return asked[compression].field
}

/** The coding that the field names if it was asked for, undefined otherwise; `x-gzip` is gzip (RFC 9110 8.4.1.3). */
export function findCoding(field: string, compression: Compression): Coding | undefined {
  const name = field.trim().toLowerCase().replace(/^x-/, "")
  return asked[compression].codings.find((coding) => coding === name)
}

export type Decoded =
  | { readonly plain: Buffer }
  | { readonly damage: string }
  | { readonly largerThan: number }

/** Takes the coding off, never making more than `maxBytes`. Several gzip members are one body (RFC 1952). */
export async function decode(coding: Coding, coded: Buffer, maxBytes: number): Promise<Decoded> {
  const decoder = decoders[coding]
  if (decoder === undefined) return { damage: `it is coded as ${coding}, which this Node does not have` }
  const piece = Math.min(largestPiece, Math.max(smallestPiece, 4 * coded.length))
  const options = {
    maxOutputLength: maxBytes,
    chunkSize: piece,
    info: true,
    ...(coding === "zstd" ? windowParams : {}),
  }
  return await new Promise((resolve, reject) => {
    decoder(coded, options, (error, result) => {
      if (error === null) {
        // With `info`, Node answers this instead of a buffer.
        const { buffer, engine } = result as unknown as { buffer: Buffer; engine: { bytesWritten: number } }
        const rest = coded.length - engine.bytesWritten
        // Node passes over what follows the end, also over a second zstd frame.
        if (rest === 0) resolve({ plain: buffer })
        else resolve({ damage: `${rest} bytes follow the end of its ${coding}` })
        return
      }
      const { code = "", message } = error as NodeJS.ErrnoException
      if (code === "ERR_BUFFER_TOO_LARGE") resolve({ largerThan: maxBytes })
      else if (/^Z_(DATA|BUF)_ERROR$|^Z_NEED_DICT$|^ZSTD_/.test(code))
        resolve({ damage: `its ${coding} does not unpack (${message})` })
      else reject(error)
    })
  })
}
