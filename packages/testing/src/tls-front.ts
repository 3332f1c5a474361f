/** A TLS server in front of a plain one. It remembers what clients sent once their handshake was done. */
import { connect } from "node:net"
import { createServer, type TLSSocket } from "node:tls"
import type { TestCertificate } from "./certificates.ts"

export type TlsFront = {
  /** `https://localhost:port`; the port answers at 127.0.0.1. */
  readonly url: string
  readonly port: number
  /** Every byte that clients sent inside TLS, as latin-1 text. */
  received(): string
  close(): Promise<void>
}

/** Starts the front on a free port of 127.0.0.1; what it decrypts goes to `upstream`, the address of a server. */
export async function startTlsFront(
  { certificate, key }: TestCertificate,
  upstream: string,
): Promise<TlsFront> {
  const { hostname, port: upstreamPort } = new URL(upstream)
  const open = new Set<{ destroy(): unknown }>()
  let received = ""
  const server = createServer({ cert: certificate, key }, (client: TLSSocket) => {
    const target = connect(Number(upstreamPort), hostname)
    open.add(target)
    client.on("data", (bytes: Buffer) => {
      received += bytes.toString("latin1")
    })
    client.pipe(target)
    target.pipe(client)
    for (const socket of [client, target]) {
      // A client that does not trust us hangs up: that is what this front is for.
      socket.on("error", () => undefined)
      socket.on("close", () => {
        client.destroy()
        target.destroy()
      })
    }
  })
  server.on("connection", (socket) => open.add(socket))
  server.on("tlsClientError", () => undefined)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    url: `https://localhost:${port}`,
    port,
    received: () => received,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
