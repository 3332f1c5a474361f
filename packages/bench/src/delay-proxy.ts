/**
 * A long line: what is written at one end arrives at the other a while later, in order, while more is on its way.
 * The chaos proxy's delay holds one buffer at a time, so it would be a slow line instead of a long one.
 */
import { createConnection, createServer, type Socket } from "node:net"

export type DelayProxy = { readonly port: number; close(): Promise<void> }

// What may be on its way in one direction of one connection; as a receive window would, it bounds memory.
const windowBytes = 2 * 1024 * 1024

/** Listens on 127.0.0.1; half of the round trip is spent each way, and one more before a connection's first byte. */
export async function startDelayProxy(upstream: {
  readonly host: string
  readonly port: number
  readonly roundTripMs: number
}): Promise<DelayProxy> {
  const { host, port, roundTripMs } = upstream
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const target = createConnection({ host, port, allowHalfOpen: true })
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      open.add(socket)
      socket.setNoDelay(true)
      // The other end hears of it by the close.
      socket.on("error", () => undefined)
      socket.on("close", () => {
        open.delete(socket)
        // An end in order is on the line, behind what was sent before it.
        if (!socket.readableEnded) other.destroy()
      })
    }
    // The handshake is answered here at once; on a real line it takes a round trip.
    carry(client, target, roundTripMs / 2, roundTripMs)
    carry(target, client, roundTripMs / 2, 0)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

function carry(from: Socket, to: Socket, delayMs: number, handshakeMs: number): void {
  const opened = performance.now()
  const line: { readonly bytes: Buffer | undefined; readonly due: number }[] = []
  let onItsWay = 0
  let timer: NodeJS.Timeout | undefined

  function enter(bytes: Buffer | undefined): void {
    line.push({ bytes, due: Math.max(performance.now(), opened + handshakeMs) + delayMs })
    onItsWay += bytes?.length ?? 0
    if (onItsWay >= windowBytes) from.pause()
    schedule()
  }
  function schedule(): void {
    const next = line[0]
    if (timer !== undefined || next === undefined || to.writableNeedDrain) return
    timer = setTimeout(arrive, Math.max(0, next.due - performance.now()))
  }
  function arrive(): void {
    timer = undefined
    const now = performance.now()
    for (let next = line[0]; next !== undefined && next.due <= now; next = line[0]) {
      line.shift()
      if (to.destroyed) return
      if (next.bytes === undefined) to.end()
      else {
        onItsWay -= next.bytes.length
        if (!to.write(next.bytes)) break
      }
    }
    if (onItsWay < windowBytes) from.resume()
    schedule()
  }
  from.on("data", enter)
  from.on("end", () => enter(undefined))
  to.on("drain", schedule)
  to.on("close", () => clearTimeout(timer))
}
