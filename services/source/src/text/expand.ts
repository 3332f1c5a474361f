/** From a file's bytes, as they lie there, to its text, part after part. */
import { Problem } from "@flatbed/contract"
import type { Refuse } from "./decompress.ts"
import type { Encoding } from "./encodings.ts"
import type { FileBytes } from "./file-bytes.ts"
import { gunzip } from "./gunzip.ts"
import { type Compression, findCompression, findMark, headBytes, type Spelling } from "./spelling.ts"
import { createTranscoder } from "./transcode.ts"
import { hasZstd, unzstd } from "./unzstd.ts"

export type Expansion = {
  readonly spelling: Spelling
  /** Each part is lent until the next is asked for. */
  readonly text: AsyncGenerator<Buffer, void>
}

/**
 * Looks at the first bytes, of what is unpacked too, and says how the file spells its text; `declared` is the settings'
 * encoding. Raises file-compression, now or while the text is taken.
 */
export async function expand(file: string, bytes: FileBytes, declared: Encoding): Promise<Expansion> {
  const compression = findCompression(await bytes.peek(headBytes), file)
  const unpacked = withHead(unpack(file, bytes, compression))
  const mark = findMark(await unpacked.head())
  const spelling = { compression, encoding: mark ?? declared, isMarked: mark !== undefined }
  return { spelling, text: transcode(unpacked.all(), spelling.encoding) }
}

async function* transcode(parts: AsyncIterable<Buffer>, encoding: Encoding): AsyncGenerator<Buffer, void> {
  const transcoder = createTranscoder(encoding)
  for await (const part of parts) yield transcoder?.next(part) ?? part
  const rest = transcoder?.end()
  if (rest !== undefined && rest.length > 0) yield rest
}

function unpack(file: string, bytes: FileBytes, compression: Compression | undefined) {
  switch (compression) {
    case undefined:
      return plain(bytes)
    case "gzip":
      return gunzip(bytes, refuserOf(file, compression))
    case "zstd":
      if (!hasZstd) throw noZstd(file)
      return unzstd(bytes, refuserOf(file, compression))
  }
}

async function* plain(bytes: FileBytes): AsyncGenerator<Buffer, void> {
  for (let block = await bytes.block(); block.length > 0; block = await bytes.block()) {
    yield block
    bytes.skip(block.length)
  }
}

/** Parts whose first bytes may be looked at before they are taken; lent ones stay as they are until the next is taken. */
function withHead(parts: AsyncGenerator<Buffer, void>) {
  const held: Buffer[] = []
  return {
    async head(): Promise<Buffer> {
      while (held.reduce((sum, { length }) => sum + length, 0) < headBytes) {
        const { value } = await parts.next()
        if (value === undefined) break
        // Of the first no copy is needed: no other is taken.
        held.push(held.length === 0 && value.length >= headBytes ? value : Buffer.from(value))
      }
      return Buffer.concat(held).subarray(0, headBytes)
    },
    async *all(): AsyncGenerator<Buffer, void> {
      yield* held
      held.length = 0
      yield* parts
    },
  }
}

function refuserOf(file: string, compression: Compression): Refuse {
  return (offset, found, isCut = false) =>
    new Problem(
      "file-compression",
      `${file} cannot be unpacked from byte ${offset} on (${compression}): ${found}.`,
      {
        hint: isCut
          ? "It was cut off: copy or make it again, and rename it into place when it is whole."
          : `It is damaged: copy or make it again, and try ${compression} -t on it.`,
        facts: { file, byte: offset },
      },
    )
}

function noZstd(file: string): Problem {
  return new Problem(
    "file-compression",
    `${file} is packed with zstd, which Node ${process.versions.node} cannot unpack.`,
    {
      hint: "Run the source on Node 22.15 or later, or pack the file with gzip.",
      facts: { file },
    },
  )
}
