/**
 * A zstd file (RFC 8878): every frame of it. Where a frame ends is read here, block by block: Node's stream takes a frame
 * that is cut off for a whole one (nodejs/node#64592) and forgets the frames behind the first (nodejs/node#64741).
 */
import * as zlib from "node:zlib"
import { type Decompressor, decompress, outputBytes, type Refuse } from "./decompress.ts"
import type { FileBytes } from "./file-bytes.ts"

const frameMagic = 0xfd2fb528
const skippableMagic = 0x184d2a50
const magicBytes = 4
const blockHeaderBytes = 3
const checksumBytes = 4
const rle = 1
const reserved = 3

type CreateDecompressor = (options: { readonly chunkSize: number }) => Decompressor

/** From 22.15 and 23.8 on; the types are those of Node 20. */
const createDecompressor = (zlib as { createZstdDecompress?: CreateDecompressor }).createZstdDecompress

/** Whether this Node unpacks zstd. */
export const hasZstd = createDecompressor !== undefined

/** What the file holds, unpacked; only where `hasZstd`. */
export async function* unzstd(bytes: FileBytes, refuse: Refuse): AsyncGenerator<Buffer, void> {
  for (;;) {
    const head = await bytes.peek(magicBytes * 2)
    if (head.length === 0) return
    const magic = head.length < magicBytes ? undefined : head.readUInt32LE(0)
    if (magic === frameMagic) yield* readFrame(bytes, refuse)
    else if (magic !== undefined && (magic & 0xfffffff0) >>> 0 === skippableMagic) {
      await skipSkippable(bytes, head, refuse)
    } else if (isBeginning(head))
      throw refuse(bytes.at() + head.length, "the file ends inside a frame's header", true)
    else throw refuse(bytes.at(), "these bytes begin no frame of a zstd file")
  }
}

/** Whether the file ends inside the magic number of a frame of either kind. */
function isBeginning(head: Buffer): boolean {
  if (head.length >= magicBytes) return false
  return [frameMagic, skippableMagic + ((head[0] ?? 0) & 0x0f)].some((number) => {
    const magic = Buffer.alloc(magicBytes)
    magic.writeUInt32LE(number)
    return magic.subarray(0, head.length).equals(head)
  })
}

async function* readFrame(bytes: FileBytes, refuse: Refuse): AsyncGenerator<Buffer, void> {
  if (createDecompressor === undefined) throw new Error("this Node unpacks no zstd")
  const from = bytes.at()
  const stream = createDecompressor({ chunkSize: outputBytes })
  const parts = frameParts(bytes, refuse)
  let failure: Error | undefined
  try {
    yield* decompress(stream, async () => {
      try {
        return (await parts.next()).value ?? Buffer.alloc(0)
      } catch (error) {
        failure = error as Error
        throw error
      }
    })
  } catch (error) {
    if (failure !== undefined) throw failure
    const { code, message } = error as NodeJS.ErrnoException
    if (code?.startsWith("ZSTD_")) throw refuse(from + stream.bytesWritten, message)
    throw error
  }
  // The stream stops where it sees the frame's end; the parts know it too.
  while (!(await parts.next()).done);
}

/** The frame's bytes as they are, part after part; sections 3.1.1.1 and 3.1.1.2. */
async function* frameParts(bytes: FileBytes, refuse: Refuse): AsyncGenerator<Buffer, undefined> {
  const cut = () => refuse(bytes.at(), "the file ends inside a frame", true)
  let shown = 0

  async function take(length: number): Promise<Buffer> {
    bytes.skip(shown)
    shown = 0
    const part = await bytes.peek(length)
    if (part.length < length) {
      bytes.skip(part.length)
      throw cut()
    }
    shown = length
    return part
  }

  const descriptor = (await take(magicBytes + 1))[magicBytes] ?? 0
  const isSingleSegment = (descriptor & 0x20) !== 0
  const contentSizeFlag = descriptor >> 6
  const contentSizeBytes = contentSizeFlag === 0 ? Number(isSingleSegment) : 2 ** contentSizeFlag
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 0x03] ?? 0
  const headerBytes = magicBytes + 1 + Number(!isSingleSegment) + dictionaryBytes + contentSizeBytes
  // Shown already, but not done with: the whole header at once.
  shown = 0
  yield await take(headerBytes)
  for (let isLast = false; !isLast; ) {
    const header = (await take(blockHeaderBytes)).readUIntLE(0, blockHeaderBytes)
    isLast = (header & 1) === 1
    const type = (header >> 1) & 3
    if (type === reserved) throw refuse(bytes.at(), "a block is of no known type")
    shown = 0
    yield await take(blockHeaderBytes + (type === rle ? 1 : header >> 3))
  }
  if ((descriptor & 0x04) !== 0) yield await take(checksumBytes)
  bytes.skip(shown)
  return undefined
}

async function skipSkippable(bytes: FileBytes, head: Buffer, refuse: Refuse): Promise<void> {
  const cut = () => refuse(bytes.at(), "the file ends inside a frame that is to be skipped", true)
  let left =
    head.length < magicBytes * 2 ? Number.POSITIVE_INFINITY : magicBytes * 2 + head.readUInt32LE(magicBytes)
  while (left > 0) {
    const { length } = await bytes.block()
    if (length === 0) throw cut()
    const done = Math.min(left, length)
    bytes.skip(done)
    left -= done
  }
}
