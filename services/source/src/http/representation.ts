/** One representation to one answer: coding, tag, digest, length, or 304. */
import { createHash } from "node:crypto"
import { formatReprDigest, headers, mediaTypes } from "@flatbed/contract"
import type { FastifyReply, FastifyRequest } from "fastify"
import type { ByteClaim } from "./byte-budget.ts"
import { encodeBody, offeredCodings } from "./codings.ts"
import { matchesTag, negotiateCoding } from "./negotiate.ts"

/** How long an answer may be kept. */
export const caching = {
  /** The address holds the version. */
  immutable: "private, max-age=31536000, immutable",
  /** The address means something else tomorrow: ask again with the tag. */
  current: "no-cache",
} as const

export type Representation = {
  readonly contentType: string
  readonly cacheControl: string
  /** Names the bytes of the body, so that a 304 needs none of them. */
  readonly seed: readonly (string | number)[]
  readonly headers?: Readonly<Record<string, string | number>>
  /** The body before coding. */
  readonly body: () => Buffer | Promise<Buffer>
  /** Given that body once nobody looks at it any more; not when the connection broke. */
  readonly reuse?: (body: Buffer) => void
  /** Told the body's size whenever it changes. */
  readonly claim?: Pick<ByteClaim, "resize">
}

/** Answers with the representation as coded for this request. Resolves when it is handed over, not yet sent. */
export async function sendRepresentation(
  request: FastifyRequest,
  reply: FastifyReply,
  representation: Representation,
): Promise<void> {
  const coding = negotiateCoding(joined(request.headers["accept-encoding"]), offeredCodings)
  const etag = tagOf([...representation.seed, coding])
  const always = {
    etag,
    "cache-control": representation.cacheControl,
    vary: "Accept, Accept-Encoding, Authorization",
    "x-content-type-options": "nosniff",
    ...representation.headers,
  }
  if (matchesTag(request.headers["if-none-match"], etag)) {
    void reply.code(304).headers(always).send()
    return
  }
  const plain = await representation.body()
  const body = await encodeBody(coding, plain)
  const { reuse } = representation
  if (body !== plain) reuse?.(plain)
  else if (reuse !== undefined) whenSent(request, reply, () => reuse(plain))
  representation.claim?.resize(body.length)
  // Only now, so that a problem raised on the way carries none of them.
  if (coding !== "identity") reply.header("content-encoding", coding)
  void reply
    .headers(always)
    .header(headers.reprDigest, formatReprDigest(createHash("sha256").update(body).digest()))
    .header("content-length", body.length)
    .type(representation.contentType)
    .send(body)
}

/** Answers with a JSON document; its tag comes from its text. */
export async function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  document: unknown,
  cacheControl: string,
): Promise<void> {
  const body = Buffer.from(`${JSON.stringify(document)}\n`)
  await sendRepresentation(request, reply, {
    contentType: `${mediaTypes.json}; charset=utf-8`,
    cacheControl,
    seed: [createHash("sha256").update(body).digest("hex")],
    body: () => body,
  })
}

// Node says "finish" as well when a connection is cut with the answer half sent, and has let go of the answer's own
// socket by then.
function whenSent({ raw: { socket } }: FastifyRequest, { raw }: FastifyReply, then: () => void): void {
  raw.once("finish", () => {
    if (!socket.destroyed) then()
  })
}

function tagOf(parts: readonly (string | number)[]): string {
  return `"${createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32)}"`
}

function joined(field: string | string[] | undefined): string | undefined {
  return Array.isArray(field) ? field.join(", ") : field
}
