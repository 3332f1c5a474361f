/** One client's server-sent events (WHATWG HTML, section 9.2), written for as long as the client reads them. */
import { finished } from "node:stream"
import { mediaTypes } from "@flatbed/contract"
import type { FastifyReply } from "fastify"

/** What is not read stays in memory: beyond this much the client is let go. */
const bufferBytes = 64 * 1024

export const eventHeaders = {
  "content-type": mediaTypes.events,
  "cache-control": "no-store",
  vary: "Accept, Accept-Encoding, Authorization",
  "x-content-type-options": "nosniff",
  // nginx gathers an answer before it passes it on, unless told otherwise.
  "x-accel-buffering": "no",
} as const

export type ServerEvent = { readonly event: string; readonly id: number; readonly data: unknown }

export type EventStream = {
  /** Writes them at once. A client that left earlier ones unread beyond the limit is cut instead. */
  send(events: readonly ServerEvent[]): void
  /** A comment, so that both sides and every proxy between see that the connection lives. */
  beat(): void
  /** Ends the answer as an answer ends. */
  end(): void
}

/** Takes the answer over from the framework. `onClosed` hears once that it is over, and whether it was cut. */
export function openEventStream(
  reply: FastifyReply,
  { retryMs, onClosed }: { readonly retryMs: number; readonly onClosed: (cut: boolean) => void },
): EventStream {
  const { raw } = reply.hijack()
  let cut = false
  finished(raw, () => onClosed(cut))
  raw.writeHead(200, eventHeaders)
  raw.write(`retry: ${retryMs}\n\n`)

  function write(text: string): void {
    if (raw.writableEnded || raw.destroyed) return
    if (raw.writableLength > bufferBytes) {
      cut = true
      raw.destroy()
      return
    }
    raw.write(text)
  }

  return {
    // JSON has no line breaks of its own, so one data line holds it.
    send: (events) =>
      write(
        events
          .map(({ event, id, data }) => `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`)
          .join(""),
      ),
    beat: () => write(": still here\n\n"),
    end: () => void raw.end(),
  }
}
