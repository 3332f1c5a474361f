/** The events route of a scripted source: who listens, what they are told, and streams that break. */
import type { ServerResponse } from "node:http"
import { mediaTypes } from "@flatbed/contract"
import type { ScriptedVersion } from "./scripted-content.ts"

export type ScriptedEvents = {
  /** Streams that are open now. */
  open(): number
  /** Writes this text into every open stream: a comment, half an event, anything. */
  write(text: string): void
  /** Resets every open stream, as a source that dies does. */
  drop(): void
}

/** Streams begin with the current versions and then tell what is published, as the contract says. No heartbeat. */
export function createScriptedEvents(current: () => Iterable<ScriptedVersion>) {
  const streams = new Set<ServerResponse>()
  let lastId = 0

  const describe = ({ version, manifest }: ScriptedVersion): string => {
    lastId += 1
    const { dataset, rows } = manifest
    const data = { dataset, version, rows, published_at: new Date().toISOString() }
    return `event: version.published\nid: ${lastId}\ndata: ${JSON.stringify(data)}\n\n`
  }
  const write = (text: string) => {
    for (const stream of streams) stream.write(text)
  }

  return {
    /** Answers a request for the events. */
    serve(response: ServerResponse): void {
      response.writeHead(200, { "content-type": mediaTypes.events, "cache-control": "no-store" })
      response.write("retry: 1000\n\n")
      for (const version of current()) response.write(describe(version))
      streams.add(response)
      response.on("close", () => streams.delete(response))
    },
    announce: (version: ScriptedVersion) => write(describe(version)),
    write,
    open: () => streams.size,
    drop: () => {
      for (const stream of streams) stream.socket?.resetAndDestroy()
    },
  }
}
