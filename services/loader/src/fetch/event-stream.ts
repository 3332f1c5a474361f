/** Server-sent events (WHATWG HTML, 9.2) as bytes in, published versions out. */
import { Problem, type VersionPublished, versionPublishedSchema } from "@flatbed/contract"
import { Check } from "@flatbed/typebox"
import { createParser, type EventSourceMessage } from "eventsource-parser"

/** The event's name on the wire. */
const published = "version.published"

/** Longest event, characters: a stream that never ends an event must not eat the memory. */
const maxEvent = 64 * 1024

/**
 * Yields each published version as soon as its event is complete. Comments and other events are passed over: a newer
 * source may say more.
 *
 * @throws Problem `chunk-damaged` when an event is not what the contract says.
 */
export async function* readEvents(body: AsyncIterable<Buffer>): AsyncGenerator<VersionPublished, void> {
  const complete: EventSourceMessage[] = []
  const tooLong: Error[] = []
  const parser = createParser({
    maxBufferSize: maxEvent,
    onEvent: (event) => complete.push(event),
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") tooLong.push(error)
    },
  })
  const decoder = new TextDecoder()
  for await (const bytes of body) {
    parser.feed(decoder.decode(bytes, { stream: true }))
    if (tooLong[0] !== undefined) throw damaged(`it has an event longer than ${maxEvent} characters`)
    for (const { event, data } of complete.splice(0)) {
      if (event === published) yield readPublished(data)
    }
  }
}

function readPublished(data: string): VersionPublished {
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    throw damaged("the data of an event is not JSON")
  }
  if (Check(versionPublishedSchema, value)) return value
  throw damaged(`${published} carries ${data.slice(0, 200)}`)
}

function damaged(found: string): Problem {
  return new Problem("chunk-damaged", `The source's events are not what a source sends: ${found}.`, {
    hint: "Check that source.url names a Flatbed source, and that no proxy answers in its place.",
  })
}
