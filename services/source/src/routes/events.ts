/** New versions, announced to whoever listens. */
import { mediaTypes, Problem, routes, type VersionPublished } from "@flatbed/contract"
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify"
import type { Logger } from "pino"
import type { Announcement, Announcements } from "../announcements.ts"
import type { Offer } from "../catalog.ts"
import { type EventStream, eventHeaders, openEventStream, type ServerEvent } from "../http/event-stream.ts"
import { negotiateForm } from "../http/negotiate.ts"
import type { SourceMetrics } from "../metrics.ts"
import type { SourceSettings } from "../settings.ts"

type EventParts = {
  readonly announcements: Announcements
  readonly settings: SourceSettings["events"]
  /** Aborts when the source stops; then every stream ends. */
  readonly stopping: AbortSignal
  readonly metrics: SourceMetrics
  readonly log: Logger
}

// How long a client waits before it comes back.
const retryMs = 3_000

/**
 * A client first hears the current version of every dataset it may know of, then each new one. Both happen
 * without a gap, so whatever it missed while away (`Last-Event-ID` needs no look) it hears when it is back.
 */
export function routeEvents(
  app: FastifyInstance,
  { announcements, settings, stopping, metrics, log }: EventParts,
): void {
  const streams = new Set<EventStream>()
  let beating: NodeJS.Timeout | undefined

  app.get(routes.events, { config: { endless: true } }, async (request, reply) => {
    negotiateForm(request.headers.accept, [{ accepts: mediaTypes.events }])
    if (request.method === "HEAD") return reply.headers(eventHeaders).send()
    if (streams.size >= settings.clients) throw tooManyClients(settings.clients)
    open(request, reply)
    return reply
  })

  function open(request: FastifyRequest, reply: FastifyReply): void {
    const { offer } = request
    const names = new Set(offer.datasets.map(({ name }) => name))
    const stream = openEventStream(reply, {
      retryMs,
      onClosed(cut) {
        unsubscribe()
        streams.delete(stream)
        count()
        const said = cut ? "did not read its events and was cut" : "listens no more"
        log.info(
          { event: "events.closed", from: request.ip, cut, clients: streams.size },
          `${request.ip} ${said}`,
        )
      },
    })
    const unsubscribe = announcements.subscribe((announcement) => {
      if (names.has(announcement.published.dataset)) stream.send([eventOf(announcement)])
    })
    streams.add(stream)
    count()
    log.info({ event: "events.opened", from: request.ip, clients: streams.size }, `${request.ip} listens`)
    stream.send(
      announcements
        .latest()
        .filter((one) => isCurrent(one.published, offer))
        .map(eventOf),
    )
  }

  function count(): void {
    metrics.eventClients(streams.size)
    if (streams.size === 0) {
      clearInterval(beating)
      beating = undefined
    } else {
      beating ??= setInterval(() => {
        for (const stream of streams) stream.beat()
      }, settings.heartbeat).unref()
    }
  }

  stopping.addEventListener("abort", () => {
    for (const stream of streams) stream.end()
  })
}

function eventOf({ id, published }: Announcement): ServerEvent {
  return { event: "version.published", id, data: published }
}

/** A version whose bytes went away is no longer served, though it was the last that was announced. */
function isCurrent({ dataset, version }: VersionPublished, offer: Offer): boolean {
  const found = offer.datasets.find(({ name }) => name === dataset)
  return found?.status().current?.index.manifest.version === version
}

function tooManyClients(limit: number): Problem {
  return new Problem("too-busy", `${limit} clients listen to the events already.`, {
    hint: "Ask again after Retry-After, or raise events.clients.",
    facts: { clients: limit },
    retryAfterSeconds: 10,
  })
}
