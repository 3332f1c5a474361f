/**
 * A TCP proxy that spoils connections on purpose, between a client and Postgres or an HTTP server. It knows
 * bytes, not protocols: what is to be spoiled is said per connection or by a predicate over what the client sent.
 */
import { createConnection, createServer, type Socket } from "node:net"
import { setTimeout as wait } from "node:timers/promises"

/** What to do when the trigger is met. `drop-reply` passes the client's bytes on and swallows every answer. */
export type Fault =
  /** Resets both sides; the bytes that met the trigger are not passed on. */
  | { readonly kind: "cut" }
  /** Passes the client's bytes on, then swallows the answer and resets the client once the server has answered. */
  | { readonly kind: "drop-reply" }
  /** Keeps both connections open and passes nothing more in either direction. */
  | { readonly kind: "black-hole" }

export type Trigger =
  /** The client has sent bytes that contain this text, for the n-th time over all connections (1 unless told). */
  | { readonly clientSends: string; readonly occurrence?: number }
  /** The server has sent this many bytes on a connection; the rest is not passed on. */
  | { readonly serverBytes: number }

export type ChaosProxy = {
  readonly port: number
  /** The address as the client should write it, with the upstream's user, password and path kept. */
  rewrite(url: string): string
  /** Arms one fault; it strikes the first connection that meets the trigger, then never again. Answers when it has. */
  arm(trigger: Trigger, fault: Fault): { struck(): boolean }
  /** Waits this long before passing on what arrives, either way. 0 turns it off. */
  delay(ms: number): void
  /** Resets every open connection now; new ones are accepted. */
  cutAll(): void
  /** While refusing, new connections are reset at once. */
  refuse(refusing: boolean): void
  /** Connections accepted so far. */
  connections(): number
  close(): Promise<void>
}

type Armed = { readonly trigger: Trigger; readonly fault: Fault; met: number; struck: boolean }

/** Starts a proxy on a free port of 127.0.0.1. */
export async function startChaosProxy(upstream: { host: string; port: number }): Promise<ChaosProxy> {
  const open = new Set<Socket>()
  let armed: Armed | undefined
  let delayMs = 0
  let refusing = false
  let accepted = 0

  const server = createServer((client) => {
    accepted += 1
    if (refusing) {
      client.resetAndDestroy()
      return
    }
    const target = createConnection(upstream)
    for (const socket of [client, target]) {
      open.add(socket)
      socket.setNoDelay(true)
      // A reset is what this proxy is for.
      socket.on("error", () => undefined)
      socket.on("close", () => open.delete(socket))
    }
    join(client, target)
  })

  function join(client: Socket, target: Socket): void {
    let state: "pass" | "drop-reply" | "black-hole" = "pass"
    let sent = ""
    let received = 0

    const strike = (met: Armed): void => {
      met.struck = true
      if (met.fault.kind === "cut") cut()
      else state = met.fault.kind
    }
    const cut = (): void => {
      client.resetAndDestroy()
      target.resetAndDestroy()
    }
    const waiting = (): Armed | undefined => (armed?.struck === false ? armed : undefined)

    pump(client, async (bytes) => {
      const current = waiting()
      if (current !== undefined && "clientSends" in current.trigger) {
        // Latin-1 keeps one character per byte, so text in binary protocols is found wherever it was cut.
        const { clientSends, occurrence = 1 } = current.trigger
        sent += bytes.toString("latin1")
        const parts = sent.split(clientSends)
        current.met += parts.length - 1
        sent = (parts.at(-1) ?? "").slice(-clientSends.length)
        if (current.met >= occurrence) strike(current)
      }
      if (state !== "black-hole" && !client.destroyed) await send(target, bytes)
    })
    pump(target, async (bytes) => {
      const current = waiting()
      let passed = bytes
      if (current !== undefined && "serverBytes" in current.trigger) {
        const left = current.trigger.serverBytes - received
        if (bytes.length > left) {
          passed = bytes.subarray(0, Math.max(left, 0))
          await send(client, passed)
          strike(current)
          passed = bytes.subarray(0, 0)
        }
      }
      received += bytes.length
      if (state === "drop-reply") cut()
      else if (state === "pass" && passed.length > 0) await send(client, passed)
    })
    client.on("end", () => {
      if (state !== "black-hole") target.end()
    })
    target.on("end", () => {
      if (state === "pass") client.end()
    })
    client.on("close", () => {
      if (state === "pass") target.destroy()
    })
    target.on("close", () => {
      if (state === "pass") client.destroy()
    })
  }

  // One buffer at a time and in order; the socket waits meanwhile, so backpressure reaches the sender.
  function pump(from: Socket, handle: (bytes: Buffer) => Promise<void>): void {
    from.on("data", (bytes) => {
      from.pause()
      const late = delayMs > 0 ? wait(delayMs) : Promise.resolve()
      late
        .then(() => handle(bytes))
        .then(() => from.resume())
        .catch(() => from.destroy())
    })
  }

  function send(to: Socket, bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      if (to.destroyed) resolve()
      else to.write(bytes, () => resolve())
    })
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0

  return {
    port,
    rewrite: (url) => {
      const rewritten = new URL(url)
      rewritten.hostname = "127.0.0.1"
      rewritten.port = String(port)
      return rewritten.href
    },
    arm: (trigger, fault) => {
      const own: Armed = { trigger, fault, met: 0, struck: false }
      armed = own
      return { struck: () => own.struck }
    },
    delay: (ms) => {
      delayMs = ms
    },
    cutAll: () => {
      for (const socket of open) socket.resetAndDestroy()
    },
    refuse: (now) => {
      refusing = now
    },
    connections: () => accepted,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
