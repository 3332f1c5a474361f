/**
 * A TCP proxy between a client and Postgres that notes the statements it passes on and counts how often the client has
 * to wait for an answer (Postgres manual, 54.7, "Message Formats").
 */
import { createConnection, createServer, type Socket } from "node:net"

export type StatementLog = {
  /** The address as the client should write it, with user, password and path kept. */
  rewrite(url: string): string
  /** The texts of all statements so far. */
  statements(): readonly string[]
  /**
   * How often a client could not go on before Postgres had answered: to a login, to a message or to what was sent up to
   * a Sync, and to a COPY whose rows it holds back until they are asked for.
   */
  roundTrips(): number
  close(): Promise<void>
}

/** Starts the proxy on a free port of 127.0.0.1. Connections are without TLS. */
export async function startStatementLog(databaseUrl: string): Promise<StatementLog> {
  const { hostname, port } = new URL(databaseUrl)
  const statements: string[] = []
  let roundTrips = 0
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
    // Whether rows of a COPY are on their way to Postgres.
    let sendsRows = false
    const readClient = createMessageReader("startup", isStatement, (letter, body) => {
      if (isStatement(letter)) statements.push(textOf(body, letter))
      sendsRows = letter === "d" || letter === "c"
    })
    const readServer = createMessageReader("messages", isLogin, (letter, body) => {
      const waits = letter === "Z" || (letter === "G" && !sendsRows) || (isLogin(letter) && asksForMore(body))
      if (waits) roundTrips += 1
    })
    client.on("data", readClient)
    target.on("data", readServer)
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
    roundTrips: () => roundTrips,
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const isStatement = (letter: string) => letter === "Q" || letter === "P"
const isLogin = (letter: string) => letter === "R"

/** Of an Authentication message: all but "you are in" (0) and the last word of SASL (12) are questions. */
const asksForMore = (body: Buffer) => ![0, 12].includes(body.readUInt32BE(0))

/**
 * Takes one side's bytes apart. A client's startup packet has a length alone, every message a letter before that. The
 * body is told of the messages that are `wanted`; of others it is empty, and may not have passed yet.
 */
function createMessageReader(
  first: "startup" | "messages",
  wanted: (letter: string) => boolean,
  onMessage: (letter: string, body: Buffer) => void,
): (bytes: Buffer) => void {
  let held = Buffer.alloc(0)
  let skip = 0
  let started = first === "messages"
  return (bytes) => {
    const skipped = Math.min(skip, bytes.length)
    skip -= skipped
    held = Buffer.concat([held, bytes.subarray(skipped)])
    for (;;) {
      const lengthAt = started ? 1 : 0
      if (held.length < lengthAt + 4) return
      const whole = lengthAt + held.readUInt32BE(lengthAt)
      const letter = started ? String.fromCharCode(held[0] ?? 0) : ""
      const isWanted = wanted(letter)
      if (isWanted && held.length < whole) return
      onMessage(letter, isWanted ? held.subarray(5, whole) : Buffer.alloc(0))
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
