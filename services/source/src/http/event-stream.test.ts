import { once } from "node:events"
import { connect } from "node:net"
import { waitFor } from "@flatbed/testing"
import fastify from "fastify"
import { expect, it } from "vitest"
import { type EventStream, openEventStream } from "./event-stream.ts"

it("lets a client go that does not read, and holds no more than its buffer for it", async () => {
  const app = fastify()
  const streams: EventStream[] = []
  const closed: boolean[] = []
  app.get("/", (_, reply) => {
    streams.push(openEventStream(reply, { retryMs: 1, onClosed: (cut) => closed.push(cut) }))
  })
  const url = new URL(await app.listen({ port: 0, host: "127.0.0.1" }))
  const socket = connect(Number(url.port), "127.0.0.1").pause()
  socket.on("error", () => {})
  await once(socket, "connect")
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
  const stream = await waitFor(() => streams[0])
  let sent = 0
  // A turn of the event loop each, so that the kernel takes what it has room for.
  await waitFor(() => {
    for (let i = 0; i < 16 && closed.length === 0; i++) {
      stream.send([{ event: "x", id: sent, data: "x".repeat(16 * 1024) }])
      sent += 1
    }
    return closed.length > 0
  })
  expect(closed).toEqual([true])
  // Some kernels buffer megabytes; none of them hundreds.
  expect(sent).toBeLessThan(16 * 1024)
  stream.send([{ event: "x", id: 0, data: "" }])
  stream.beat()
  stream.end()
  socket.destroy()
  await app.close()
})
