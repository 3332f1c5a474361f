/** Where rows come from: one, or several at once. */
import { finished } from "node:stream"
import {
  type ManifestChunk,
  Problem,
  type RowOrigin,
  type RowOrigins,
  requestLimits,
  routes,
} from "@flatbed/contract"
import type { FastifyInstance } from "fastify"
import { originOf } from "../chunk-body.ts"
import { layoutOf } from "../chunk-index.ts"
import { readChunk } from "../chunk-reader.ts"
import { counted } from "../counted.ts"
import type { SourceDataset } from "../dataset.ts"
import type { HeldVersion } from "../held-versions.ts"
import type { ByteBudget } from "../http/byte-budget.ts"
import { caching, sendDocument } from "../http/representation.ts"
import { hashedColumns } from "../withheld.ts"
import { parseNumbers, parsePosition } from "./position.ts"

/** Rows of one chunk, rising. */
type RowsOfChunk = { readonly chunk: ManifestChunk; readonly rows: number[] }

/** Finds the rows' chunks, reads each once as any other, and answers the records' places and bytes. */
export function routeRows(app: FastifyInstance, { budget }: { readonly budget: ByteBudget }): void {
  app.get<{ Params: { dataset: string; version: string; row: string } }>(
    routes.row,
    async (request, reply) => {
      const dataset = request.offer.get(request.params.dataset)
      const held = dataset.getVersion(request.params.version)
      const row = parsePosition("row", request.params.row)
      const [origin] = await findOrigins(dataset, held, groupByChunk(held, [row]))
      await sendDocument(request, reply, origin, caching.immutable)
      return reply
    },
  )

  app.get<{ Params: { dataset: string; version: string }; Querystring: { rows?: unknown } }>(
    routes.rows,
    async (request, reply) => {
      const dataset = request.offer.get(request.params.dataset)
      const held = dataset.getVersion(request.params.version)
      const groups = groupByChunk(held, parseNumbers("rows", request.query.rows, requestLimits.rows))
      const bytes = groups.reduce((sum, { chunk }) => sum + chunk.byte_to - chunk.byte_from, 0)
      if (bytes > requestLimits.bytes && groups.length > 1) throw tooManyBytes(groups.length, bytes)
      const claim = budget.open()
      finished(reply.raw, () => claim.release())
      claim.resize(bytes)
      const answer: RowOrigins = { rows: await findOrigins(dataset, held, groups) }
      await sendDocument(request, reply, answer, caching.immutable)
      return reply
    },
  )
}

async function findOrigins(
  dataset: SourceDataset,
  held: HeldVersion,
  groups: readonly RowsOfChunk[],
): Promise<RowOrigin[]> {
  const { manifest, firstLines } = held.index
  const origins: RowOrigin[] = []
  for (const { chunk, rows } of groups) {
    const bytes = await readChunk(dataset, held, chunk)
    const place = originOf(manifest, chunk, bytes)
    const numbers = rows.map((row) => row - chunk.first_row + 1)
    const layout = layoutOf(held.index, chunk)
    for (const [i, found] of dataset.reader.findRecords(bytes, layout, numbers).entries()) {
      const row = rows[i] ?? 0
      if (found === undefined) throw new Error(`row ${row} is not in chunk ${chunk.chunk} of ${dataset.name}`)
      const [from, to] = [chunk.byte_from + found.byteFrom, chunk.byte_from + found.byteTo]
      const record = bytes.subarray(found.byteFrom, found.byteTo)
      origins.push({
        dataset: dataset.name,
        version: manifest.version,
        row,
        chunk: chunk.chunk,
        file: chunk.file,
        line: (firstLines[chunk.chunk - 1] ?? 1) + found.linesBefore,
        byte_from: place?.offsetOf(from) ?? from,
        byte_to: place?.offsetOf(to) ?? to,
        raw: hashedColumns(layout).length > 0 ? "" : (place?.bytesOf(record) ?? record).toString("base64"),
        ...(place === undefined ? {} : { encoding: place.encoding }),
      })
    }
  }
  return origins
}

/** The rows with their chunks; raises row-out-of-range for one that the version does not have. */
function groupByChunk({ index: { manifest } }: HeldVersion, rows: readonly number[]): RowsOfChunk[] {
  const groups: RowsOfChunk[] = []
  for (const row of rows) {
    const chunk = findChunkOfRow(manifest.chunks, row)
    if (chunk === undefined) {
      throw new Problem(
        "row-out-of-range",
        `The version has ${counted(manifest.rows, "row")}; there is no row ${row}.`,
        {
          hint:
            manifest.rows === 0
              ? "The file holds a header only."
              : `Ask for a row from 1 to ${manifest.rows}.`,
          facts: { dataset: manifest.dataset, version: manifest.version, row, rows: manifest.rows },
        },
      )
    }
    const last = groups.at(-1)
    if (last?.chunk === chunk) last.rows.push(row)
    else groups.push({ chunk, rows: [row] })
  }
  return groups
}

/** Chunks lie in the order of their rows, so halving finds it. */
function findChunkOfRow(chunks: readonly ManifestChunk[], row: number): ManifestChunk | undefined {
  let [low, high] = [0, chunks.length - 1]
  while (low <= high) {
    const middle = (low + high) >> 1
    const chunk = chunks[middle]
    if (chunk === undefined) return undefined
    if (row < chunk.first_row) high = middle - 1
    else if (row >= chunk.first_row + chunk.rows) low = middle + 1
    else return chunk
  }
  return undefined
}

function tooManyBytes(chunks: number, bytes: number): Problem {
  const most = requestLimits.bytes
  return new Problem(
    "request-invalid",
    `These rows are in ${chunks} chunks of ${bytes} bytes in the file; the limit is ${most}.`,
    { hint: "Ask for the rows of fewer chunks at once.", facts: { chunks, bytes, most_bytes: most } },
  )
}
