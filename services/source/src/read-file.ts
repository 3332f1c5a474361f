/** One reading of one open file: first its text, if it spells that in another way than plainly, then the pass. */
import { Problem } from "@flatbed/contract"
import { passWithFormats } from "./census-pass.ts"
import type { ChunkIndex } from "./chunk-index.ts"
import { makeText, type TextRequest } from "./text/make-text.ts"
import { placeProblemInOrigin } from "./text/origin-problem.ts"
import type { TextDraft } from "./text/text-file.ts"
import type { PassRequest } from "./version-pass.ts"

type ReadRequest = Omit<PassRequest, "spelling" | "text"> &
  Pick<TextRequest, "maxTextBytes"> & { readonly indexes: Pick<TextRequest, "createText"> }

/** What became of it; whoever gets a text closes it. */
export type ReadFile = { readonly index: ChunkIndex; readonly text: TextDraft | undefined }

/**
 * Raises what `makeText` and `passWithFormats` do, placed in the file itself. `onProgress` hears of the file's bytes,
 * which count half for its text and half for the pass.
 */
export async function readFile(request: ReadRequest): Promise<ReadFile> {
  const { open, shape, onProgress, indexes } = request
  const all = open.identity.bytes
  const { spelling, text } = await makeText({
    ...request,
    encoding: shape.encoding ?? "utf-8",
    createText: indexes.createText,
    onProgress: (bytes) => onProgress(Math.floor(bytes / 2), all),
  })
  if (text === undefined) return { index: await passWithFormats({ ...request, spelling, text }), text }
  const { draft } = text
  const onPassed = (bytes: number, of: number) => onProgress(Math.floor((all * (1 + bytes / of)) / 2), all)
  try {
    const index = await passWithFormats({ ...request, spelling, text, onProgress: onPassed })
    return { index, text: draft }
  } catch (error) {
    const placed =
      error instanceof Problem ? await placeProblemInOrigin(error, spelling.encoding, draft.read) : error
    await draft.close()
    throw placed
  }
}
