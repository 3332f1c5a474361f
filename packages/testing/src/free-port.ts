/** Ports for programs that a test ends and starts again: their addresses have to be known before. */
import { once } from "node:events"
import { createServer } from "node:net"

/**
 * Below the ports that Linux (32768 to 60999) and macOS (49152 to 65535) give to outgoing connections and to whoever
 * listens on port 0: of those, one that was free a moment ago is soon somebody else's.
 */
const first = 10_240
const count = 32_768 - first

// Tests run in processes beside each other: each looks from a place of its own, and never twice at the same port.
let next = (process.pid * 97) % count

/** A port on 127.0.0.1 that nobody listens on, and that nobody is given without asking for it. */
export async function findFreePort(): Promise<number> {
  for (let looked = 0; looked < count; looked++) {
    const port = first + (next++ % count)
    if (await isFree(port)) return port
  }
  throw new Error(`Each port from ${first} to ${first + count - 1} is taken.`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await once(server.listen({ host: "127.0.0.1", port, exclusive: true }), "listening")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false
    throw error
  }
  server.close()
  await once(server, "close")
  return true
}
