/** The data port: what is served, and by which file. */
import fastify, { type FastifyInstance } from "fastify"
import type { Logger } from "pino"
import { type Catalog, createCatalog } from "./catalog.ts"
import { createByteBudget } from "./http/byte-budget.ts"
import { guardRequests } from "./http/guard.ts"
import { answerBrokenRequest, answerWithProblems, problemOf, sendProblem } from "./http/problems.ts"
import { watchRequests } from "./http/requests.ts"
import { createMetrics, type SourceMetrics } from "./metrics.ts"
import { routeChunks } from "./routes/chunks.ts"
import { routeDatasets } from "./routes/datasets.ts"
import { routeRows } from "./routes/rows.ts"
import type { SourceSettings } from "./settings.ts"
import { readSourceVersion } from "./source-version.ts"

export type SourceApp = {
  readonly app: FastifyInstance
  readonly catalog: Catalog
  readonly metrics: SourceMetrics
}

// Nothing here takes a body; the hook in answerWithProblems refuses the methods that bring one.
const bodyLimit = 1024
const maxHeaderBytes = 16 * 1024
const lookForLateRequestsMs = 1_000

/**
 * Joins the parts; never listens. `app.ready()` looks at every file, `app.close()` ends the catalog once the
 * answers under way are finished.
 */
export function buildApp(settings: SourceSettings, { log }: { readonly log: Logger }): SourceApp {
  const { timeouts } = settings
  const metrics = createMetrics(readSourceVersion())
  const catalog = createCatalog(settings, { log, metrics })
  const budget = createByteBudget(settings.buffer_budget, metrics.inFlight)
  const app = fastify({
    bodyLimit,
    requestTimeout: timeouts.request,
    keepAliveTimeout: timeouts.keep_alive,
    // Ours says it in a problem document.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200 },
    http: {
      headersTimeout: Math.min(timeouts.headers, timeouts.request),
      connectionsCheckingInterval: lookForLateRequestsMs,
      maxHeaderSize: maxHeaderBytes,
    },
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, problemOf(error)),
    clientErrorHandler: answerBrokenRequest,
  })
  answerWithProblems(app, log)
  watchRequests(app, { responseMs: timeouts.response, stopMs: timeouts.stop, metrics, log })
  guardRequests(app, { auth: settings.auth, catalog, log })
  routeDatasets(app)
  routeChunks(app, { budget, metrics, log })
  routeRows(app)
  app.addHook("onReady", () => catalog.open())
  app.addHook("onClose", () => catalog.close())
  return { app, catalog, metrics }
}
