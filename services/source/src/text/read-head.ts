/** How a file begins, as text, and how it spells that: for whoever has to guess before a text is made. */
import type { Encoding } from "./encodings.ts"
import { expand } from "./expand.ts"
import { createFileBytes } from "./file-bytes.ts"
import type { Spelling } from "./spelling.ts"

export type TextHead = {
  readonly spelling: Spelling
  /** The first bytes of the text in UTF-8, a byte order mark included. */
  readonly bytes: Buffer
}

/** Reads no more of the file than it takes for so many bytes of text. Raises file-compression. */
export async function readTextHead(
  file: string,
  read: (into: Buffer, offset: number) => Promise<number>,
  { encoding = "utf-8", bytes: wanted }: { readonly encoding?: Encoding; readonly bytes: number },
): Promise<TextHead> {
  const { spelling, text } = await expand(
    file,
    createFileBytes(read, () => {}),
    encoding,
  )
  const parts: Buffer[] = []
  let length = 0
  for await (const part of text) {
    parts.push(Buffer.from(part.subarray(0, wanted - length)))
    length += part.length
    if (length >= wanted) break
  }
  return { spelling, bytes: Buffer.concat(parts) }
}
