/** One pass over one open file: its bytes in, everything known about the version out. */
import { type Column, type Manifest, type ManifestChunk, type ManifestFile, Problem } from "@flatbed/contract"
import type { DecidedFormat } from "./cell-rules.ts"
import { createChunkCutter } from "./chunk-cut.ts"
import type { ChunkIndex } from "./chunk-index.ts"
import type { Reader } from "./formats/format.ts"
import { getFormat } from "./formats/formats.ts"
import { openHashing } from "./hashing.ts"
import type { OpenFile } from "./open-file.ts"
import type { MadeText } from "./text/make-text.ts"
import { findOriginOffsets } from "./text/origin-offsets.ts"
import { plainSpelling, type Spelling } from "./text/spelling.ts"
import { nameVersion, type Shape } from "./version-name.ts"

export type PassRequest = {
  readonly dataset: string
  /** As the settings name it. */
  readonly file: string
  readonly open: Pick<OpenFile, "identity" | "read">
  /** Plain UTF-8 unless told. */
  readonly spelling?: Spelling
  /** What is read in the file's place when it does not spell its text plainly. */
  readonly text?: MadeText | undefined
  readonly reader: Reader
  readonly shape: Shape
  /** What all rows told about dates, see census-pass.ts. */
  readonly decided?: Readonly<Record<string, DecidedFormat>> | undefined
  /** Of one file of several, whose rows alone do not tell. */
  readonly isPart?: boolean
  readonly maxRecordBytes: number
  readonly signal: AbortSignal
  /** How many bytes have been read so far, of how many. */
  readonly onProgress: (bytes: number, of: number) => void
}

/**
 * Reads the file from its first to its last byte. Raises whatever the file is refused for, and nothing else
 * that is expected; the caller compares the file's identity before and after.
 */
export async function passOverFile(request: PassRequest): Promise<ChunkIndex> {
  const { dataset, file, open, spelling = plainSpelling, text, reader, shape, signal } = request
  const total = text?.bytes ?? open.identity.bytes
  const { read } = text?.draft ?? open
  if (total === 0 && getFormat(shape.format ?? "csv").mayBeEmpty !== true) {
    const isJson = shape.format === "json"
    throw new Problem("file-empty", `${file} holds no bytes${isJson ? "" : ", not even a header"}.`, {
      hint: isJson
        ? "Write a document into it; where there are no records, an earlier version stays served."
        : "Write the column names into its first line; a header alone makes an empty table.",
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
      columns: request.decided === undefined ? shape.columns : { ...shape.columns, decided: request.decided },
    },
    {
      header(end, nextLine, names) {
        fields = names
        headerEnd = end
        cutter.header(end, nextLine)
        settledTo = end
      },
      record(end, nextLine, fate, counts) {
        cutter.record(end, nextLine, fate, counts)
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
      const filled = await read(buffer.subarray(0, total - offset), offset)
      if (filled === 0) break
      await scan.push(buffer.subarray(0, filled))
      hashing.add(filled, tellMarks())
      offset += filled
      request.onProgress(offset, total)
    }
    const { layout, evidence, rows, rejects, filtered, mends, names = fields } = await scan.end()
    cutter.finish()
    if (settledTo !== offset) throw new Error(`records end at byte ${settledTo} of ${offset} in ${file}`)
    const { sha256, chunks: digests } = await hashing.finish(tellMarks())

    const columns: Column[] = layout.fields.map(({ name, type }, i) => ({
      name,
      type,
      nullable: (evidence[i]?.nulls ?? 0) > 0,
    }))
    const chunks = await placeInOrigin(
      spans.map((span, i) => ({ ...span, sha256: digests[i] as string })),
      read,
      spelling,
    )
    const files = [describeFile(file, { bytes: offset, sha256 }, request)]
    // All parts together have a name.
    const version =
      request.isPart === true ? "" : nameVersion(dataset, files, shape, columns, request.maxRecordBytes)
    return {
      manifest: {
        dataset,
        version,
        columns,
        files,
        ...tellDialect(shape, fields),
        rows,
        rejects,
        filtered,
        chunks,
      },
      evidence,
      layout,
      names,
      mends,
      firstLines,
      spelling,
    }
  } finally {
    scan.abandon()
    await hashing.end()
  }
}

/** Absent for formats that rejects cannot be written in. */
function tellDialect(
  { format = "csv", dialect }: Shape,
  fields: readonly string[],
): Pick<Manifest, "dialect"> {
  const written = getFormat(format).writtenDialect?.(dialect, fields)
  return written === undefined ? {} : { dialect: written }
}

/** The file as it lies there, and how its text is made of it. */
function describeFile(
  file: string,
  read: Pick<ManifestFile, "bytes" | "sha256">,
  { open, text, spelling = plainSpelling }: PassRequest,
): ManifestFile {
  if (text === undefined) return { file, ...read }
  const { compression, encoding } = spelling
  return {
    file,
    bytes: open.identity.bytes,
    sha256: text.sha256,
    encoding,
    ...(compression === undefined ? {} : { compression }),
    text_bytes: read.bytes,
    text_sha256: read.sha256,
  }
}

/** The chunks of a text in another encoding than UTF-8 have other places in the file. */
async function placeInOrigin(
  chunks: readonly ManifestChunk[],
  read: OpenFile["read"],
  { encoding }: Spelling,
): Promise<ManifestChunk[]> {
  const [first] = chunks
  if (encoding === "utf-8" || first === undefined) return [...chunks]
  const borders = [first.byte_from, ...chunks.map(({ byte_to: to }) => to)]
  const offsets = await findOriginOffsets(read, encoding, borders)
  return chunks.map((chunk, i) => ({
    ...chunk,
    origin_from: offsets[i] as number,
    origin_to: offsets[i + 1] as number,
  }))
}
