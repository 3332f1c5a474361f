import { createServer } from "node:net"

/** A TCP port of 127.0.0.1 that nobody listens on now: the preferred one if it is free, otherwise any. */
export async function findFreePort(preferred: number | undefined): Promise<number> {
  if (preferred !== undefined) {
    const port = await listenBriefly(preferred).catch(() => undefined)
    if (port !== undefined) return port
  }
  return listenBriefly(0)
}

function listenBriefly(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      const address = server.address()
      const found = typeof address === "object" && address !== null ? address.port : port
      server.close(() => resolve(found))
    })
  })
}
