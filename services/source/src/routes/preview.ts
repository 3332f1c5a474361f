/** The first rows of the current version. */

import { finished } from "node:stream"
import { headers, Problem, routes } from "@flatbed/contract"
import type { FastifyInstance } from "fastify"
import { rowsForms, wrapRows } from "../chunk-body.ts"
import { readChunk } from "../chunk-reader.ts"
import { readFirstRecords } from "../first-records.ts"
import type { ByteBudget } from "../http/byte-budget.ts"
import { negotiateForm } from "../http/negotiate.ts"
import { caching, sendRepresentation } from "../http/representation.ts"
import { maxLimit, parseLimit, standardLimit } from "../preview-limit.ts"

/** Counts records: one set aside takes its place and is left out of the body. */
export function routePreview(app: FastifyInstance, { budget }: { readonly budget: ByteBudget }): void {
  app.get<{ Params: { dataset: string }; Querystring: { rows?: unknown } }>(
    routes.preview,
    async (request, reply) => {
      const dataset = request.offer.get(request.params.dataset)
      const limit = readLimit(request.query.rows)
      const form = negotiateForm(request.headers.accept, rowsForms)
      await dataset.look()
      const held = dataset.getCurrent()
      const { manifest, layout } = held.index
      const claim = budget.open()
      finished(reply.raw, () => claim.release())
      const { bodies, rows, rejects } = await readFirstRecords(
        {
          index: held.index,
          reader: dataset.reader,
          read: (chunk) => {
            claim.resize(chunk.byte_to - chunk.byte_from)
            return readChunk(dataset, held, chunk)
          },
        },
        limit,
        form.name,
      )
      await sendRepresentation(request, reply, {
        contentType: form.contentType,
        cacheControl: caching.current,
        seed: ["preview", manifest.version, limit, form.name],
        headers: {
          [headers.version]: manifest.version,
          [headers.rows]: rows,
          [headers.rejects]: rejects,
        },
        claim,
        body: () => wrapRows(layout, bodies, form.name),
      })
      return reply
    },
  )
}

function readLimit(written: unknown): number {
  const limit = parseLimit(written)
  if (limit !== undefined) return limit
  throw new Problem("request-invalid", `rows is ${JSON.stringify(written)}, expected 1 to ${maxLimit}.`, {
    hint: `Ask for ?rows=${standardLimit}, or walk the chunks for all rows.`,
    facts: { rows: String(written) },
  })
}
