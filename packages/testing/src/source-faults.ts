/** The ways in which a scripted source answers wrong. Each is what a broken network, proxy or server really does. */
import { createHash } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { gzipSync } from "node:zlib"
import { formatReprDigest, headers } from "@flatbed/contract"

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: Buffer
}

export type SourceFault =
  /** The right answer, this much later. */
  | { readonly kind: "delay"; readonly ms: number }
  /** No answer at all; the connection stays open. */
  | { readonly kind: "hang" }
  /** A TCP reset before the first byte. */
  | { readonly kind: "reset" }
  /** The body ends after `keep` bytes. See `Framing` for how its length was announced. */
  | { readonly kind: "truncate"; readonly framing: Framing; readonly keep: number }
  /** One bit of the body is flipped; the digest is the right body's. */
  | { readonly kind: "flip-body"; readonly bit: number }
  /** The digest header says this instead; undefined leaves it out. */
  | { readonly kind: "digest"; readonly value: string | string[] | undefined }
  /** Another body with its own right digest: identity and counts must be looked at, not only the digest. */
  | { readonly kind: "replace-body"; readonly change: (body: Buffer) => Buffer }
  /** Any other answer whole: a problem, a redirect, an HTML page, 204, 206. */
  | { readonly kind: "answer"; readonly answer: Partial<Answer> }
  /** The right head, then one byte every so often, for ever. */
  | { readonly kind: "drip"; readonly everyMs: number }

/** `length`, `length-reset`: announced whole, ended by FIN or RST; `short-length`: announced as `keep`, sent whole. */
export type Framing = "length" | "length-reset" | "short-length" | "chunked" | "close" | "gzip"

type Send = (request: IncomingMessage, response: ServerResponse, answer: Answer) => void

/** Answers a request wrong in one way. */
export function applyFault(
  fault: SourceFault,
  request: IncomingMessage,
  response: ServerResponse,
  right: Answer,
  send: Send,
): void {
  switch (fault.kind) {
    case "delay": {
      const timer = setTimeout(() => send(request, response, right), fault.ms)
      request.socket.on("close", () => clearTimeout(timer))
      return
    }
    case "hang":
      return
    case "reset":
      request.socket.resetAndDestroy()
      return
    case "truncate":
      truncate(fault.framing, fault.keep, request, right)
      return
    case "flip-body": {
      const body = Buffer.from(right.body)
      const at = (fault.bit >> 3) % body.length
      body[at] = (body[at] ?? 0) ^ (1 << (fault.bit & 7))
      send(request, response, { ...right, body })
      return
    }
    case "digest": {
      const { [headers.reprDigest]: _right, ...others } = right.headers
      const digest = fault.value === undefined ? {} : { [headers.reprDigest]: fault.value }
      send(request, response, { ...right, headers: { ...others, ...digest } })
      return
    }
    case "replace-body": {
      const body = fault.change(right.body)
      const digest = formatReprDigest(createHash("sha256").update(body).digest())
      send(request, response, { ...right, headers: { ...right.headers, [headers.reprDigest]: digest }, body })
      return
    }
    case "answer":
      send(request, response, {
        status: fault.answer.status ?? 200,
        headers: fault.answer.headers ?? {},
        body: fault.answer.body ?? Buffer.alloc(0),
      })
      return
    case "drip": {
      response.writeHead(right.status, { ...right.headers, "content-length": String(right.body.length) })
      let at = 0
      const timer = setInterval(() => {
        response.write(right.body.subarray(at, at + 1))
        at = Math.min(at + 1, right.body.length - 2)
      }, fault.everyMs)
      request.socket.on("close", () => clearInterval(timer))
      return
    }
  }
}

// Written past Node's own HTTP code, which would not let a length lie.
function truncate(framing: Framing, keep: number, request: IncomingMessage, right: Answer): void {
  const { socket } = request
  const body = framing === "gzip" ? gzipSync(right.body) : right.body
  const kept = body.subarray(0, keep)
  const head = (extra: readonly string[]) => {
    const lines = Object.entries(right.headers).map(([name, value]) => `${name}: ${String(value)}`)
    return `HTTP/1.1 200 OK\r\n${[...lines, ...extra].join("\r\n")}\r\n\r\n`
  }
  switch (framing) {
    case "length":
      socket.end(Buffer.concat([Buffer.from(head([`content-length: ${body.length}`])), kept]))
      return
    case "length-reset":
      socket.write(Buffer.concat([Buffer.from(head([`content-length: ${body.length}`])), kept]), () =>
        socket.resetAndDestroy(),
      )
      return
    case "short-length":
      socket.end(Buffer.concat([Buffer.from(head([`content-length: ${keep}`])), body]))
      return
    case "chunked": {
      const size = Buffer.from(`${kept.length.toString(16)}\r\n`)
      socket.end(
        Buffer.concat([Buffer.from(head(["transfer-encoding: chunked"])), size, kept, Buffer.from("\r\n")]),
      )
      return
    }
    case "close":
      socket.end(Buffer.concat([Buffer.from(head(["connection: close"])), kept]))
      return
    case "gzip":
      socket.end(
        Buffer.concat([
          Buffer.from(head(["content-encoding: gzip", `content-length: ${kept.length}`])),
          kept,
        ]),
      )
      return
  }
}
