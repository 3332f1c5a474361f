/** The data port: what is served, and by which file. */
import fastify, { type FastifyInstance } from "fastify"
import type { Logger } from "pino"
import { createAnnouncements } from "./announcements.ts"
import { type Catalog, createCatalog } from "./catalog.ts"
import type { Certificate } from "./certificate.ts"
import { createByteBudget } from "./http/byte-budget.ts"
import { guardRequests } from "./http/guard.ts"
import { createListener } from "./http/listener.ts"
import { answerBrokenRequest, answerWithProblems, problemOf, sendProblem } from "./http/problems.ts"
import { watchRequests } from "./http/requests.ts"
import { createMetrics, type SourceMetrics } from "./metrics.ts"
import { routeBeginnings } from "./routes/beginnings.ts"
import { routeChunkGroups } from "./routes/chunk-groups.ts"
import { routeChunks } from "./routes/chunks.ts"
import { routeDatasets } from "./routes/datasets.ts"
import { routeDigests } from "./routes/digests.ts"
import { routeDocs } from "./routes/docs.ts"
import { routeEvents } from "./routes/events.ts"
import { routePreview } from "./routes/preview.ts"
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
export function buildApp(
  settings: SourceSettings,
  { log, certificate }: { readonly log: Logger; readonly certificate?: Certificate | undefined },
): SourceApp {
  const { timeouts } = settings
  const metrics = createMetrics(readSourceVersion())
  const announcements = createAnnouncements()
  const catalog = createCatalog(settings, { log, metrics, announcements })
  const stopping = new AbortController()
  const budget = createByteBudget(settings.buffer_budget, metrics.inFlight)
  const app = fastify({
    bodyLimit,
    // Ours says it in a problem document.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200 },
    serverFactory: createListener(
      {
        requestTimeout: timeouts.request,
        headersTimeout: Math.min(timeouts.headers, timeouts.request),
        keepAliveTimeout: timeouts.keep_alive,
        connectionsCheckingInterval: lookForLateRequestsMs,
        maxHeaderSize: maxHeaderBytes,
      },
      certificate,
    ),
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, problemOf(error)),
    clientErrorHandler: answerBrokenRequest,
  })
  answerWithProblems(app, log)
  watchRequests(app, { responseMs: timeouts.response, stopMs: timeouts.stop, stopping, metrics, log })
  guardRequests(app, { auth: settings.auth, catalog, log })
  routeDatasets(app)
  routeChunks(app, { budget, metrics, log })
  routeChunkGroups(app, { budget, metrics, log })
  routePreview(app, { budget })
  routeRows(app, { budget })
  routeBeginnings(app, { budget })
  routeDigests(app, { budget })
  routeEvents(app, { announcements, settings: settings.events, stopping: stopping.signal, metrics, log })
  routeDocs(app, { secured: settings.auth !== "none" })
  app.addHook("onReady", () => catalog.open())
  app.addHook("onClose", () => catalog.close())
  return { app, catalog, metrics }
}
