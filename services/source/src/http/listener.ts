/** The server below the framework: HTTP, or HTTPS with a certificate that can be renewed. */
import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http"
import { createServer as createSecureServer } from "node:https"
import type { Certificate } from "../certificate.ts"

/**
 * Makes servers as the framework asks for them: one for each address that a name such as localhost stands for.
 * Limits stand here, since the framework sets none on servers that it did not make.
 */
export function createListener(
  limits: ServerOptions,
  certificate: Certificate | undefined,
): (listener: unknown) => Server {
  return (listener) => {
    const answer = listener as RequestListener
    if (certificate === undefined) return createServer(limits, answer)
    const server = createSecureServer({ ...limits, ...certificate.options }, answer)
    certificate.follow(server)
    return server
  }
}
