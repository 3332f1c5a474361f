/** A file that is packed, or in another encoding than UTF-8, becomes a text: plain UTF-8, written once. */
import { createHash } from "node:crypto"
import { Problem } from "@flatbed/contract"
import { counted } from "../counted.ts"
import type { OpenFile } from "../open-file.ts"
import type { Encoding } from "./encodings.ts"
import { expand } from "./expand.ts"
import { createFileBytes } from "./file-bytes.ts"
import { findSpelling, headBytes, isPlain, type Spelling } from "./spelling.ts"
import type { TextDraft } from "./text-file.ts"

export type TextRequest = {
  /** As the settings name it. */
  readonly file: string
  readonly open: Pick<OpenFile, "identity" | "read">
  /** What the settings say. */
  readonly encoding: Encoding
  /** The longest text in bytes. */
  readonly maxTextBytes: number
  readonly createText: (file: string) => Promise<TextDraft>
  readonly signal: AbortSignal
  /** How many of the file's bytes have been read so far. */
  readonly onProgress: (bytes: number) => void
}

export type MadeText = {
  readonly draft: TextDraft
  readonly bytes: number
  /** Of the file as it lies there. */
  readonly sha256: string
}

/**
 * Looks at the file's first bytes; a plain file in UTF-8 has no text beside itself and is read no further. Whoever gets a
 * text closes it. Raises file-compression, text-over-limit and cache-unusable.
 */
export async function makeText(
  request: TextRequest,
): Promise<{ readonly spelling: Spelling; readonly text: MadeText | undefined }> {
  const { file, open, encoding, maxTextBytes, signal, onProgress } = request
  const head = Buffer.alloc(headBytes)
  const spelling = findSpelling(head.subarray(0, await open.read(head, 0)), file, encoding)
  if (isPlain(spelling)) return { spelling, text: undefined }
  const whole = createHash("sha256")
  let seen = 0
  const { bytes: total } = open.identity
  const bytes = createFileBytes(
    // Bytes behind the end that was found belong to another content.
    (into, offset) => open.read(into.subarray(0, Math.max(0, total - offset)), offset),
    (next) => {
      whole.update(next)
      seen += next.length
    },
  )
  const expansion = await expand(file, bytes, encoding)
  const draft = await request.createText(file)
  let length = 0
  try {
    for await (const part of expansion.text) {
      signal.throwIfAborted()
      length += part.length
      if (length > maxTextBytes) throw overLimit(file, maxTextBytes)
      await draft.write(part)
      onProgress(seen)
    }
    return { spelling: expansion.spelling, text: { draft, bytes: length, sha256: whole.digest("hex") } }
  } catch (error) {
    await draft.close()
    throw error
  }
}

function overLimit(file: string, limit: number): Problem {
  return new Problem("text-over-limit", `The text of ${file} is longer than ${counted(limit, "byte")}.`, {
    hint: "That is what expand_limit allows: raise it if the file really is that long once it is unpacked.",
    facts: { file, limit },
  })
}
