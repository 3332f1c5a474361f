/** Every request: measured, cut when its answer takes too long, and waited for when the source stops. */
import { finished } from "node:stream"
import { Problem } from "@flatbed/contract"
import type { FastifyInstance } from "fastify"
import type { Logger } from "pino"
import type { SourceMetrics } from "../metrics.ts"
import { loggableAddress } from "./address.ts"

const cutMs = 1_000

declare module "fastify" {
  interface FastifyContextConfig {
    /** The answer lasts as long as its reader stays: no limit cuts it, and it ends by itself on `stopping`. */
    endless?: true
  }
}

type RequestParts = {
  /** The longest that an answer may take to be made and read. */
  readonly responseMs: number
  /** The longest that answers under way are waited for when the app closes; then they are cut. */
  readonly stopMs: number
  /** Aborted when the app begins to close. */
  readonly stopping: AbortController
  readonly metrics: SourceMetrics
  readonly log: Logger
}

/** A slow reader holds memory and a connection; after the limit it holds neither. */
export function watchRequests(
  app: FastifyInstance,
  { responseMs, stopMs, stopping, metrics, log }: RequestParts,
): void {
  let underWay = 0
  let onIdle = () => {}

  app.addHook("onRequest", async (request, reply) => {
    if (stopping.signal.aborted) {
      reply.header("connection", "close")
      throw new Problem("stopping", "The source is stopping.", {
        hint: "Ask again when it has started anew.",
        retryAfterSeconds: 5,
      })
    }
    underWay += 1
    const { raw } = reply
    const started = performance.now()
    const cutLate = () => {
      log.warn(
        { event: "response.cut", url: loggableAddress(request.url), after_ms: responseMs },
        "an answer took too long",
      )
      raw.destroy()
    }
    const cut = request.routeOptions.config.endless === true ? undefined : setTimeout(cutLate, responseMs)
    finished(raw, () => {
      clearTimeout(cut)
      underWay -= 1
      const route = request.routeOptions.url ?? "unknown"
      metrics.requested(route, reply.statusCode, (performance.now() - started) / 1000)
      log.debug(
        {
          event: "request.finished",
          method: request.method,
          url: loggableAddress(request.url),
          status: reply.statusCode,
        },
        "request finished",
      )
      if (underWay === 0) onIdle()
    })
  })

  // Node takes a connection for idle once its answer is written, though nobody has read it yet, and closing the
  // server would cut it. So the waiting is done here, before the server closes.
  app.addHook("preClose", async () => {
    stopping.abort()
    await idle(stopMs)
    app.server.closeAllConnections()
    // Those that were cut say so once they notice.
    await idle(cutMs)
  })

  async function idle(limitMs: number): Promise<void> {
    if (underWay === 0) return
    let limit: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      onIdle = resolve
      limit = setTimeout(resolve, limitMs)
    })
    clearTimeout(limit)
  }
}
