/** Proves that a body is the one that was sent, then takes its content coding off. Pure. */
import { createHash } from "node:crypto"
import { type Problem, parseReprDigest } from "@flatbed/contract"
import type { ChunkGroup } from "../staging/chunk-groups.ts"
import { type Compression, decode, findCoding } from "./compression.ts"
import { tooLarge } from "./source-failure.ts"

/** A received body, as coded, with the header fields that speak about it. */
export type Received = {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

export type BodyRules = {
  /** What was asked for. */
  readonly compression: Compression
  /** Largest body, bytes; also once unpacked. */
  readonly maxBodyBytes: number
}

export type BodyKind = {
  readonly path: string
  readonly needsDigest: boolean
  /** Makes the problem of a damaged one. */
  readonly damaged: (what: string) => Problem
  /** Where chunks were asked for: which. */
  readonly chunks?: ChunkGroup
}

/**
 * Returns the body without its coding. Before that is proven: no coding but one that was asked for, Content-Length,
 * and one well-formed Repr-Digest that is the SHA-256 of the body as coded (RFC 9530 section 2: of the representation,
 * its content coding included).
 *
 * @throws Problem `kind.damaged` naming the first of these that is off, or that the coding does not come off;
 * `source-refused` when it comes to more bytes than the rules allow.
 */
export async function unpackBody(
  { headers, body }: Received,
  { compression, maxBodyBytes }: BodyRules,
  { path, needsDigest, damaged, chunks }: BodyKind,
): Promise<Buffer> {
  const field = headers["content-encoding"]
  const isPlain = field === undefined || field === "identity"
  const coding = isPlain ? undefined : findCoding(String(field), compression)
  if (!isPlain && coding === undefined) throw damaged(`it is coded as ${field}, which was not asked for`)
  const length = headers["content-length"]
  if (length !== undefined && length !== String(body.length))
    throw damaged(`content-length says ${length}, ${body.length} bytes arrived`)
  if (needsDigest || headers["repr-digest"] !== undefined) {
    const digest = parseReprDigest(headers["repr-digest"])
    if (digest === undefined) throw damaged("repr-digest is missing, malformed or there twice")
    if (!createHash("sha256").update(body).digest().equals(digest))
      throw damaged("its SHA-256 is not its repr-digest")
  }
  if (coding === undefined) return body
  const decoded = await decode(coding, body, maxBodyBytes)
  if ("damage" in decoded) throw damaged(decoded.damage)
  if ("largerThan" in decoded) throw tooLarge(path, maxBodyBytes, "unpacked", chunks)
  return decoded.plain
}
