/** Whatever goes wrong on the way to an answer becomes a problem document (RFC 9457). */
import type { Socket } from "node:net"
import { asProblem, mediaTypes, Problem, toProblemDocument } from "@flatbed/contract"
import type { FastifyInstance, FastifyReply } from "fastify"
import type { Logger } from "pino"
import { loggableAddress } from "./address.ts"

const contentType = `${mediaTypes.problem}; charset=utf-8`

/** Answers the problem. Nothing about it may be kept by a cache. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.retryAfterSeconds !== undefined) reply.header("retry-after", problem.retryAfterSeconds)
  return reply
    .code(problem.status)
    .header("cache-control", "no-store")
    .header("x-content-type-options", "nosniff")
    .type(contentType)
    .send(`${JSON.stringify(toProblemDocument(problem))}\n`)
}

/** Any thrown value as a Problem, those of the framework included. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown
  const status = thrown instanceof Error && "statusCode" in thrown ? thrown.statusCode : undefined
  if (typeof status === "number" && status >= 400 && status < 500) {
    return new Problem("request-invalid", (thrown as Error).message, {
      hint: "See the addresses that GET /v1/datasets links to.",
    })
  }
  return asProblem(thrown)
}

/** Errors, unknown addresses and other methods than GET and HEAD. */
export function answerWithProblems(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error)
    if (problem.code === "internal") {
      log.error(
        {
          event: "request.failed",
          method: request.method,
          url: loggableAddress(request.url),
          err: problem.cause,
        },
        "request failed",
      )
    }
    return sendProblem(reply, problem)
  })
  app.setNotFoundHandler((request, reply) => sendProblem(reply, notFound(request.method, request.url)))
  // Before the body is looked at: nothing here takes one.
  app.addHook("onRequest", async (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") throw notFound(request.method, request.url)
  })
}

function notFound(method: string, url: string): Problem {
  const readable = method === "GET" || method === "HEAD"
  return new Problem("route-not-found", `${method} ${url} is not served.`, {
    hint: readable ? "Begin at GET /v1/datasets and follow the links." : "Only GET and HEAD are served.",
  })
}

/** What is not even HTTP, or came too slowly, is answered on the bare socket. */
export function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy()
    return
  }
  const problem = new Problem("request-invalid", `The request cannot be read: ${error.message}.`, {
    hint: "Send HTTP/1.1 with headers of at most 16 KiB, in time.",
  })
  const body = `${JSON.stringify(toProblemDocument(problem))}\n`
  socket.end(
    `HTTP/1.1 400 Bad Request\r\ncontent-type: ${contentType}\r\ncache-control: no-store\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}
