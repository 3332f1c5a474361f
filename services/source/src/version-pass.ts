/** One pass over one open file: its bytes in, everything known about the version out. */
import { type Column, type ManifestChunk, Problem } from "@flatbed/contract"
import type { DecidedFormat } from "./cell-rules.ts"
import { createChunkCutter } from "./chunk-cut.ts"
import type { ChunkIndex } from "./chunk-index.ts"
import type { Reader } from "./formats/format.ts"
import { openHashing } from "./hashing.ts"
import type { OpenFile } from "./open-file.ts"
import { nameVersion, type Shape } from "./version-name.ts"
import { writtenDialect } from "./written-dialect.ts"

export type PassRequest = {
  readonly dataset: string
  /** As the settings name it. */
  readonly file: string
  readonly open: Pick<OpenFile, "identity" | "read">
  readonly reader: Reader
  readonly shape: Shape
  /** What all rows told about dates, see census-pass.ts. */
  readonly decided?: Readonly<Record<string, DecidedFormat>>
  readonly maxRecordBytes: number
  readonly signal: AbortSignal
  /** How many bytes have been read so far. */
  readonly onProgress: (bytes: number) => void
}

/**
 * Reads the file from its first to its last byte. Raises whatever the file is refused for, and nothing else
 * that is expected; the caller compares the file's identity before and after.
 */
export async function passOverFile(request: PassRequest): Promise<ChunkIndex> {
  const { dataset, file, open, reader, shape, signal } = request
  const { bytes: total } = open.identity
  if (total === 0) {
    throw new Problem("file-empty", `${file} holds no bytes, not even a header.`, {
      hint: "Write the column names into its first line; a header alone makes an empty table.",
      facts: { file },
    })
  }
  const hashing = openHashing(total)
  const spans: Omit<ManifestChunk, "sha256">[] = []
  const firstLines: number[] = []
  let headerEnd: number | undefined
  let fields: readonly string[] = []
  let chunkEnds: number[] = []
  let settledTo = 0
  const cutter = createChunkCutter(shape.chunk, (span) => {
    firstLines.push(span.firstLine)
    chunkEnds.push(span.byteTo)
    spans.push({
      chunk: spans.length + 1,
      first_row: span.firstRow,
      rows: span.rows,
      rejects: span.rejects,
      filtered: span.filtered,
      file,
      byte_from: span.byteFrom,
      byte_to: span.byteTo,
    })
  })
  const scan = reader.startScan(
    {
      ...{ file, dialect: shape.dialect, maxRecordBytes: request.maxRecordBytes },
      columns: { ...shape.columns, decided: request.decided },
    },
    {
      header(end, nextLine, names) {
        fields = names
        headerEnd = end
        cutter.header(end, nextLine)
        settledTo = end
      },
      record(end, nextLine, fate) {
        cutter.record(end, nextLine, fate)
        settledTo = end
      },
    },
  )

  try {
    let offset = 0
    const tellMarks = () => {
      const marks = { headerEnd, chunkEnds, settledTo }
      headerEnd = undefined
      chunkEnds = []
      return marks
    }
    while (offset < total) {
      signal.throwIfAborted()
      const buffer = await hashing.room()
      const filled = await open.read(buffer.subarray(0, total - offset), offset)
      if (filled === 0) break
      await scan.push(buffer.subarray(0, filled))
      hashing.add(filled, tellMarks())
      offset += filled
      request.onProgress(offset)
    }
    const { layout, evidence, rows, rejects, filtered, mends } = await scan.end()
    cutter.finish()
    if (settledTo !== offset) throw new Error(`records end at byte ${settledTo} of ${offset} in ${file}`)
    const { sha256, chunks: digests } = await hashing.finish(tellMarks())

    const columns: Column[] = layout.fields.map(({ name, type }, i) => ({
      name,
      type,
      nullable: (evidence[i]?.nulls ?? 0) > 0,
    }))
    const chunks = spans.map((span, i) => ({ ...span, sha256: digests[i] as string }))
    const version = nameVersion(dataset, [sha256], shape, columns, request.maxRecordBytes)
    const files = [{ file, bytes: offset, sha256 }]
    const dialect = writtenDialect(shape.dialect, fields)
    return {
      manifest: { dataset, version, columns, files, dialect, rows, rejects, filtered, chunks },
      evidence,
      layout,
      mends,
      firstLines,
    }
  } finally {
    scan.abandon()
    await hashing.end()
  }
}
