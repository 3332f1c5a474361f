/**
 * A gzip file (RFC 1952): every member of it, each proven by its checksum and length. Not by Node's Gunzip, which
 * takes some rubbish behind a member for the end of the file and does not tell where in the file it fails.
 */
import { crc32, createInflateRaw } from "node:zlib"
import { decompress, outputBytes, type Refuse } from "./decompress.ts"
import type { FileBytes } from "./file-bytes.ts"

const fixedHeaderBytes = 10
const trailerBytes = 8
const deflate = 8
// A name or comment this long is none.
const maxTextBytes = 64 * 1024
// RFC 1952 section 2.3.1.
const flag = { headerChecksum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const

/** What the file holds, unpacked. Zeros behind the last member are padding, as on tapes; anything else is refused. */
export async function* gunzip(bytes: FileBytes, refuse: Refuse): AsyncGenerator<Buffer, void> {
  for (let member = 1; ; member += 1) {
    const [first] = await bytes.peek(1)
    if (first === undefined) return
    if (first === 0 && member > 1) {
      await skipPadding(bytes, refuse)
      return
    }
    yield* readMember(bytes, refuse)
  }
}

async function* readMember(bytes: FileBytes, refuse: Refuse): AsyncGenerator<Buffer, void> {
  await skipHeader(bytes, refuse)
  const from = bytes.at()
  const inflate = createInflateRaw({ chunkSize: outputBytes })
  let isFirst = true
  let checksum = 0
  let length = 0
  let shown = 0
  try {
    const unpacked = decompress(inflate, async () => {
      // Used up, or the stream would have ended and not asked again.
      if (!isFirst) bytes.skip(shown)
      isFirst = false
      const block = await bytes.block()
      shown = block.length
      return block
    })
    for await (const part of unpacked) {
      checksum = crc32(part, checksum)
      length = (length + part.length) % 2 ** 32
      yield part
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === "Z_BUF_ERROR") throw refuse(bytes.at(), "the file ends inside a member", true)
    if (code?.startsWith("Z_")) throw refuse(from + inflate.bytesWritten, message)
    throw error
  }
  bytes.skip(from + inflate.bytesWritten - bytes.at())
  const trailer = await bytes.peek(trailerBytes)
  const at = bytes.at()
  if (trailer.length < trailerBytes)
    throw refuse(at + trailer.length, "the file ends inside a member's checksum", true)
  if (trailer.readUInt32LE(0) !== checksum) throw refuse(at, "a member's checksum is not that of its content")
  if (trailer.readUInt32LE(4) !== length) throw refuse(at + 4, "a member's length is not that of its content")
  bytes.skip(trailerBytes)
}

async function skipHeader(bytes: FileBytes, refuse: Refuse): Promise<void> {
  const at = bytes.at()
  const cut = (length: number) => refuse(at + length, "the file ends inside a member's header", true)
  const head = await bytes.peek(fixedHeaderBytes)
  const isMember = [0x1f, 0x8b, deflate].every((byte, i) => head[i] === byte || head.length <= i)
  if (!isMember) throw refuse(at, "these bytes begin no member of a gzip file")
  if (head.length < fixedHeaderBytes) throw cut(head.length)
  const flags = head[3] ?? 0
  if ((flags & flag.reserved) !== 0) throw refuse(at + 3, "a member's header has a flag that means nothing")
  let length = fixedHeaderBytes
  if (flags & flag.extra) {
    const extra = await bytes.peek(length + 2)
    if (extra.length < length + 2) throw cut(extra.length)
    length += 2 + extra.readUInt16LE(length)
  }
  for (const bit of [flag.name, flag.comment]) {
    if (flags & bit) length = await findTextEnd(length)
  }
  if (flags & flag.headerChecksum) length += 2
  const header = await bytes.peek(length)
  if (header.length < length) throw cut(header.length)
  if (flags & flag.headerChecksum) {
    const checksum = crc32(header.subarray(0, length - 2)) & 0xffff
    if (header.readUInt16LE(length - 2) !== checksum) {
      throw refuse(at + length - 2, "a member's header is not as its checksum says")
    }
  }
  bytes.skip(length)

  async function findTextEnd(from: number): Promise<number> {
    for (let wanted = from + 256; ; wanted *= 2) {
      const shown = await bytes.peek(wanted)
      const end = shown.indexOf(0, from)
      if (end !== -1) return end + 1
      if (shown.length < wanted) throw cut(shown.length)
      if (wanted > from + maxTextBytes) throw refuse(at + from, "a member's name or comment does not end")
    }
  }
}

async function skipPadding(bytes: FileBytes, refuse: Refuse): Promise<void> {
  for (let block = await bytes.block(); block.length > 0; block = await bytes.block()) {
    const other = block.findIndex((byte) => byte !== 0)
    if (other !== -1)
      throw refuse(bytes.at() + other, "these bytes stand behind the padding of the last member")
    bytes.skip(block.length)
  }
}
