/**
 * An HTTP proxy between a loader and a source that lies on purpose: it passes whole answers on and changes those that a
 * test says. What a broken or hostile middle box does to bytes; for what one does to connections see chaos-proxy.ts.
 */
import { createHash } from "node:crypto"
import { createServer, type IncomingMessage, request as requestFrom, type ServerResponse } from "node:http"
import { formatReprDigest, headers as headerNames } from "@flatbed/contract"

export type PassedAnswer = {
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: Buffer
}

export type TamperingProxy = {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string
  /** From now on answers of status 200 to paths that match are changed so, and no others; undefined: none is. */
  tamper(path: RegExp, change: ((answer: PassedAnswer) => PassedAnswer) | undefined): void
  /** How many answers were changed since the last `tamper`. */
  changed(): number
  close(): Promise<void>
}

/** Starts the proxy on a free port of 127.0.0.1. */
export async function startTamperingProxy(upstream: string): Promise<TamperingProxy> {
  let path = /$./
  let change: ((answer: PassedAnswer) => PassedAnswer) | undefined
  let changed = 0

  const server = createServer((request, response) => {
    void pass(request, response).catch(() => response.destroy())
  })

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, ...right } = await ask(upstream, request)
    const isMeant = status === 200 && change !== undefined && path.test(request.url ?? "")
    const answer = isMeant && change !== undefined ? change(right) : right
    if (isMeant) changed += 1
    response.writeHead(status, answer.headers)
    response.end(answer.body)
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    tamper: (which, how) => {
      path = which
      change = how
      changed = 0
    },
    changed: () => changed,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

async function ask(
  upstream: string,
  { url = "/", headers }: IncomingMessage,
): Promise<PassedAnswer & { status: number }> {
  return await new Promise((resolve, reject) => {
    const { connection: _ours, ...others } = headers
    const asked = requestFrom(new URL(url, upstream), { headers: others, agent: false }, (answer) => {
      const parts: Buffer[] = []
      answer.on("data", (part: Buffer) => parts.push(part))
      answer.on("error", reject)
      answer.on("end", () => {
        const entries = Object.entries(answer.headers).flatMap(([name, value]) =>
          value === undefined || hopByHop.has(name) ? [] : [[name, value] as const],
        )
        resolve({
          status: answer.statusCode ?? 502,
          headers: Object.fromEntries(entries),
          body: Buffer.concat(parts),
        })
      })
    })
    asked.on("error", reject)
    asked.end()
  })
}

// RFC 9110, 7.6.1: what concerns one connection only.
const hopByHop = new Set(["connection", "keep-alive", "transfer-encoding"])

/** The answer with another body of a right length; its digest stays that of the right one. */
export function withBody({ headers }: PassedAnswer, body: Buffer): PassedAnswer {
  return { headers: { ...headers, "content-length": String(body.length) }, body }
}

/** The same, with a digest that says this body is right. */
export function withProvenBody(answer: PassedAnswer, body: Buffer): PassedAnswer {
  const digest = formatReprDigest(createHash("sha256").update(body).digest())
  return withHeader(withBody(answer, body), headerNames.reprDigest, digest)
}

/** The answer with one header that says something else. */
export function withHeader({ headers, body }: PassedAnswer, name: string, value: string): PassedAnswer {
  return { headers: { ...headers, [name]: value }, body }
}
