/** Every request: measured, refused while stopping, and cut when its answer takes too long. */
import { finished } from "node:stream"
import { Problem } from "@flatbed/contract"
import type { FastifyInstance } from "fastify"
import type { Logger } from "pino"
import type { SourceMetrics } from "../metrics.ts"

type RequestParts = {
  /** The longest that an answer may take to be made and read. */
  readonly responseMs: number
  readonly metrics: SourceMetrics
  readonly log: Logger
}

/** A slow reader holds memory and a connection; after the limit it holds neither. */
export function watchRequests(app: FastifyInstance, { responseMs, metrics, log }: RequestParts): void {
  let stopping = false
  app.addHook("preClose", async () => {
    stopping = true
  })
  app.addHook("onRequest", async (request, reply) => {
    const { raw } = reply
    const started = performance.now()
    const cut = setTimeout(() => {
      log.warn({ event: "response.cut", url: request.url, after_ms: responseMs }, "an answer took too long")
      raw.destroy()
    }, responseMs)
    finished(raw, () => {
      clearTimeout(cut)
      const route = request.routeOptions.url ?? "unknown"
      metrics.requested(route, reply.statusCode, (performance.now() - started) / 1000)
      log.debug(
        { event: "request.finished", method: request.method, url: request.url, status: reply.statusCode },
        "request finished",
      )
    })
    if (stopping) {
      reply.header("connection", "close")
      throw new Problem("stopping", "The source is stopping.", {
        hint: "Ask again when it has started anew.",
        retryAfterSeconds: 5,
      })
    }
  })
}
