/** A TCP proxy between a client and Postgres that notes the statements it passes on (Postgres manual, 54.7). */
import { createConnection, createServer, type Socket } from "node:net"

export type StatementLog = {
  /** The address as the client should write it, with user, password and path kept. */
  rewrite(url: string): string
  /** The texts of all statements so far. */
  statements(): readonly string[]
  close(): Promise<void>
}

/** Starts the proxy on a free port of 127.0.0.1. Connections are without TLS. */
export async function startStatementLog(databaseUrl: string): Promise<StatementLog> {
  const { hostname, port } = new URL(databaseUrl)
  const statements: string[] = []
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const target = createConnection({ host: hostname, port: Number(port) })
    for (const socket of [client, target]) {
      open.add(socket)
      socket.setNoDelay(true)
      socket.on("error", () => undefined)
      socket.on("close", () => {
        open.delete(socket)
        client.destroy()
        target.destroy()
      })
    }
    const read = createMessageReader((statement) => statements.push(statement))
    client.on("data", read)
    client.pipe(target)
    target.pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the proxy has no port")
  return {
    rewrite(url) {
      const rewritten = new URL(url)
      rewritten.hostname = "127.0.0.1"
      rewritten.port = String(address.port)
      return rewritten.href
    },
    statements: () => statements,
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Takes a client's bytes apart: the startup packet has a length alone, every message after it a letter before that. */
function createMessageReader(onStatement: (text: string) => void): (bytes: Buffer) => void {
  let held = Buffer.alloc(0)
  let skip = 0
  let started = false
  return (bytes) => {
    const skipped = Math.min(skip, bytes.length)
    skip -= skipped
    held = Buffer.concat([held, bytes.subarray(skipped)])
    for (;;) {
      const lengthAt = started ? 1 : 0
      if (held.length < lengthAt + 4) return
      const whole = lengthAt + held.readUInt32BE(lengthAt)
      const letter = started ? String.fromCharCode(held[0] ?? 0) : ""
      const isStatement = letter === "Q" || letter === "P"
      if (isStatement && held.length < whole) return
      if (isStatement) onStatement(textOf(held.subarray(5, whole), letter))
      skip = Math.max(0, whole - held.length)
      held = held.subarray(Math.min(whole, held.length))
      started = true
    }
  }
}

/** A Query holds its text, a Parse the statement's name before it; both end with a zero. */
function textOf(body: Buffer, letter: string): string {
  const from = letter === "P" ? body.indexOf(0) + 1 : 0
  return body.toString("utf8", from, body.indexOf(0, from))
}
