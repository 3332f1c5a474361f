/** Where a row comes from. */
import { type ManifestChunk, Problem, type RowOrigin, routes } from "@flatbed/contract"
import type { FastifyInstance } from "fastify"
import { originOf } from "../chunk-body.ts"
import { readChunk } from "../chunk-reader.ts"
import { counted } from "../counted.ts"
import { caching, sendDocument } from "../http/representation.ts"
import { parsePosition } from "./position.ts"

/** Finds the row's chunk, reads it as any other, and answers the record's place and bytes. */
export function routeRows(app: FastifyInstance): void {
  app.get<{ Params: { dataset: string; version: string; row: string } }>(
    routes.row,
    async (request, reply) => {
      const dataset = request.offer.get(request.params.dataset)
      const held = dataset.getVersion(request.params.version)
      const { manifest, layout, firstLines } = held.index
      const row = parsePosition("row", request.params.row)
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
            facts: { dataset: dataset.name, version: manifest.version, row, rows: manifest.rows },
          },
        )
      }
      const bytes = await readChunk(dataset, held, chunk)
      const found = dataset.reader.findRecord(bytes, layout, row - chunk.first_row + 1)
      if (found === undefined) throw new Error(`row ${row} is not in chunk ${chunk.chunk} of ${dataset.name}`)
      const [from, to] = [chunk.byte_from + found.byteFrom, chunk.byte_from + found.byteTo]
      const record = bytes.subarray(found.byteFrom, found.byteTo)
      const place = originOf(manifest, chunk, bytes)
      const origin: RowOrigin = {
        dataset: dataset.name,
        version: manifest.version,
        row,
        chunk: chunk.chunk,
        file: chunk.file,
        line: (firstLines[chunk.chunk - 1] ?? 1) + found.linesBefore,
        byte_from: place?.offsetOf(from) ?? from,
        byte_to: place?.offsetOf(to) ?? to,
        raw: (place?.bytesOf(record) ?? record).toString("base64"),
        ...(place === undefined ? {} : { encoding: place.encoding }),
      }
      await sendDocument(request, reply, origin, caching.immutable)
      return reply
    },
  )
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
