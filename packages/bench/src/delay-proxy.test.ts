// If this fails, the long line loses or reorders bytes, and --link measures a fault of its own.
import { createHash, randomBytes } from "node:crypto"
import { once } from "node:events"
import { type AddressInfo, createConnection, createServer } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { startDelayProxy } from "./delay-proxy.ts"

/** A server that sends back what it hears, once it has heard all of it, behind a long line. */
async function openLine() {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const heard: Buffer[] = []
    socket.on("data", (bytes: Buffer) => heard.push(bytes))
    socket.on("end", () => socket.end(Buffer.concat(heard)))
    socket.on("error", () => undefined)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  const proxy = await startDelayProxy({ host: "127.0.0.1", port, roundTripMs: 10 })
  onTestFinished(async () => {
    await proxy.close()
    server.close()
    await once(server, "close")
  })
  return proxy
}

async function exchange(port: number, sent: Buffer): Promise<Buffer> {
  const socket = createConnection({ host: "127.0.0.1", port, allowHalfOpen: true })
  socket.end(sent)
  const heard: Buffer[] = []
  for await (const bytes of socket as AsyncIterable<Buffer>) heard.push(bytes)
  return Buffer.concat(heard)
}

test("what is sent arrives whole and in order, both ways, also when it is more than the line holds", async () => {
  const { port } = await openLine()
  const sizes = [0, 1, 100_000, 9_000_000]
  const sent = sizes.map((size) => randomBytes(size))
  const heard = await Promise.all(sent.map((bytes) => exchange(port, bytes)))
  const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex")
  expect(heard.map(digest)).toEqual(sent.map(digest))
})

test("a closed line closes its connections", async () => {
  const { port, close } = await openLine()
  const socket = createConnection({ host: "127.0.0.1", port })
  socket.on("error", () => undefined)
  await once(socket, "connect")
  const closed = once(socket, "close")
  await close()
  await closed
  expect(socket.destroyed).toBe(true)
})
