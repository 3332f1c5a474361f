/** Packed bytes through one of Node's decompressing streams, no more of them at once than it takes. */
import type { Transform } from "node:stream"

/** One of zlib's; `bytesWritten` counts what it has used of its input. */
export type Decompressor = Transform & { readonly bytesWritten: number }

/** The problem of a file that cannot be unpacked from an offset on; `isCut` when it ends there. */
export type Refuse = (offset: number, found: string, isCut?: boolean) => Error

/** How much comes out at once, about. */
export const outputBytes = 256 * 1024

/**
 * What comes out, until the stream says that it is at its end or `next` answers no more bytes; the caller sees by
 * `bytesWritten` how far it came. The stream is destroyed in the end. Raises the stream's errors as they are.
 */
export async function* decompress(
  stream: Decompressor,
  next: () => Promise<Buffer>,
): AsyncGenerator<Buffer, void> {
  let wake = () => {}
  const isOver = () => stream.readableEnded || stream.destroyed
  stream.once("end", () => wake())
  stream.once("close", () => wake())

  async function feed(): Promise<void> {
    while (!isOver()) {
      const bytes = await next()
      if (isOver()) return
      if (bytes.length === 0) {
        stream.end()
        return
      }
      const before = stream.bytesWritten
      await new Promise<void>((resolve) => {
        wake = resolve
        stream.write(bytes, () => resolve())
      })
      // It leaves bytes only when it is at its end, which it says later.
      if (stream.bytesWritten - before < bytes.length) return
    }
  }

  const feeding = feed().catch((error) => {
    stream.destroy(error)
  })
  try {
    for await (const bytes of stream) yield bytes as Buffer
  } finally {
    stream.destroy()
    await feeding
  }
}
