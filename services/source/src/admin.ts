/** The admin port: whether it lives, whether it is ready, and what it counts. */
import { mediaTypes } from "@flatbed/contract"
import fastify, { type FastifyInstance } from "fastify"
import type { Logger } from "pino"
import type { Catalog } from "./catalog.ts"
import { answerBrokenRequest, answerWithProblems, problemOf, sendProblem } from "./http/problems.ts"
import type { SourceMetrics } from "./metrics.ts"

type AdminParts = { readonly catalog: Catalog; readonly metrics: SourceMetrics; readonly log: Logger }

const requestTimeoutMs = 5_000

/** `/livez`, `/readyz` and `/metrics`, apart from the data port. */
export function buildAdmin({ catalog, metrics, log }: AdminParts): FastifyInstance {
  const app = fastify({
    bodyLimit: 1024,
    requestTimeout: requestTimeoutMs,
    http: { headersTimeout: requestTimeoutMs },
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, problemOf(error)),
    clientErrorHandler: answerBrokenRequest,
  })
  answerWithProblems(app, log)

  app.get("/livez", async (_, reply) => {
    return reply.header("cache-control", "no-store").send({ live: true })
  })

  // Ready is who has an answer for every dataset, be it a version or why there is none.
  app.get("/readyz", async (_, reply) => {
    const datasets: Record<string, string> = {}
    let ready = true
    for (const dataset of catalog.datasets) {
      const { state, current } = dataset.status()
      datasets[dataset.name] = state
      if (current === undefined && state === "indexing") ready = false
    }
    return reply
      .code(ready ? 200 : 503)
      .header("cache-control", "no-store")
      .type(mediaTypes.json)
      .send({ ready, datasets })
  })

  app.get("/metrics", async (_, reply) => {
    const { type, body } = await metrics.expose()
    return reply.header("cache-control", "no-store").type(type).send(body)
  })

  return app
}
