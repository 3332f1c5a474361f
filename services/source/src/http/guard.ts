/** Who asks, and what they may see: bearer tokens (RFC 6750), known to us by their SHA-256 alone. */
import { createHash, timingSafeEqual } from "node:crypto"
import { Problem } from "@flatbed/contract"
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify"
import type { Logger } from "pino"
import type { Catalog, Offer } from "../catalog.ts"
import type { AuthSettings } from "../settings.ts"

declare module "fastify" {
  interface FastifyRequest {
    /** The part of the catalog that this request may know of. Routes have no other way to a dataset. */
    offer: Offer
  }
  interface FastifyContextConfig {
    /** Answered without a token; such a route says nothing about what lies on this server. */
    open?: true
  }
}

type GuardParts = { readonly auth: AuthSettings; readonly catalog: Catalog; readonly log: Logger }

type Grant = { readonly name: string; readonly mayRead: (dataset: string) => boolean }

/** Every route needs a token unless it is marked open, and unknown addresses need one too. */
export function guardRequests(app: FastifyInstance, { auth, catalog, log }: GuardParts): void {
  const everything = catalog.offer(() => true)
  const nothing = catalog.offer(() => false)
  const findGrant = auth === "none" ? undefined : createGrants(auth.tokens)

  app.decorateRequest("offer")
  app.addHook("onRequest", async (request, reply) => {
    refuseTokenInAddress(request)
    if (findGrant === undefined) {
      request.offer = everything
      return
    }
    request.offer = nothing
    if (request.routeOptions.config.open === true) return
    const token = readToken(request.headers.authorization)
    const grant = token === undefined ? undefined : findGrant(token)
    if (grant === undefined) throw refuse(request, reply, token)
    request.offer = catalog.offer(grant.mayRead)
  })

  function refuse(request: FastifyRequest, reply: FastifyReply, token: string | undefined): Problem {
    const reason = token === undefined ? "no token" : "unknown token"
    log.warn({ event: "request.refused", from: request.ip, reason }, `${request.ip} sent ${reason}`)
    // RFC 6750 section 3.1: who sent no token is told no error, only the scheme.
    const challenge = 'Bearer realm="flatbed"'
    reply.header("www-authenticate", token === undefined ? challenge : `${challenge}, error="invalid_token"`)
    return new Problem(
      "unauthorized",
      token === undefined
        ? "The request carries no bearer token; this source asks for one."
        : "The request's bearer token is none that this source knows.",
      {
        hint: "Send `Authorization: Bearer <token>`; `flatbed-source token new` makes a token on the source's server.",
      },
    )
  }
}

/** The SHA-256 of a token in hex, as it stands in the settings. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex")
}

/**
 * Finds the grant of a token. Every digest is compared, each in constant time, so that the time taken tells
 * nothing about how much of a token was right, nor which one it was.
 */
export function createGrants(
  tokens: Exclude<AuthSettings, "none">["tokens"],
): (token: string) => Grant | undefined {
  const known = tokens.map(({ name, sha256, datasets }) => {
    const names = new Set(datasets)
    const mayRead = (dataset: string) => names.has("*") || names.has(dataset)
    return { digest: Buffer.from(sha256, "hex"), grant: { name, mayRead } }
  })
  return (token) => {
    const digest = createHash("sha256").update(token).digest()
    let found: Grant | undefined
    for (const one of known) {
      if (timingSafeEqual(digest, one.digest)) found = one.grant
    }
    return found
  }
}

// RFC 9110 section 11.1: schemes are compared without case. What is no b64token is a token that nobody has.
function readToken(authorization: string | undefined): string | undefined {
  return /^bearer(?: +(.*))?$/i.exec(authorization ?? "")?.[1]?.trim()
}

// RFC 6750 section 2.3 calls it unsafe: addresses are kept in logs and histories.
function refuseTokenInAddress(request: FastifyRequest): void {
  const names = Object.keys(request.query ?? {})
  if (!names.some((name) => /^(?:access[_-]?)?token$|^authorization$/i.test(name))) return
  throw new Problem("request-invalid", "The address carries a token; addresses are logged on the way.", {
    hint: "Send it as `Authorization: Bearer <token>`, and replace this one: it may have been seen.",
  })
}
