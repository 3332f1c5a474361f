/** What the loader asks of a source, over one pool of kept-alive connections to one origin. */
import { createHash } from "node:crypto"
import {
  type Dataset,
  datasetSchema,
  fromProblemDocument,
  type Manifest,
  manifestSchema,
  mediaTypes,
  Problem,
  parseReprDigest,
  paths,
} from "@flatbed/contract"
import type { TSchema } from "typebox"
import { Errors } from "typebox/value"
import { errors, Pool } from "undici"
import { damageOf, type Expected, proveChunk, type Received } from "./chunk-proof.ts"

export type SourceSettings = {
  readonly url: string
  readonly token?: string | undefined
  /** Largest body that is read, bytes. */
  readonly maxBodyBytes: number
  readonly connectMs: number
  /** Longest silence, before the answer begins and within it. */
  readonly idleMs: number
  /** Longest time for one answer from beginning to end. */
  readonly requestMs: number
}

export type SourceClient = ReturnType<typeof createSourceClient>

/**
 * Opens nothing yet. Each call is one attempt: it answers what was asked and proven, or throws a Problem that says
 * what went wrong: the source's own, `source-unreachable`, `deadline-exceeded`, `source-refused` or `chunk-damaged`.
 * An aborted signal ends the call with the signal's reason.
 */
export function createSourceClient(settings: SourceSettings, connections: number) {
  const base = new URL(settings.url)
  const prefix = base.pathname.replace(/\/$/, "")
  // undici follows no redirect unless told to, so nothing but this origin is ever asked.
  const pool = new Pool(base.origin, {
    connections,
    connect: { timeout: settings.connectMs },
    headersTimeout: settings.idleMs,
    bodyTimeout: settings.idleMs,
    // Read and counted here instead: undici counts coded bytes, and its error names no size.
    maxResponseSize: -1,
  })

  async function get(
    path: string,
    accept: string,
    signal?: AbortSignal,
  ): Promise<Received & { status: number }> {
    const deadline = AbortSignal.timeout(settings.requestMs)
    const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
    let answered = false
    try {
      const answer = await pool.request({
        method: "GET",
        path: prefix + path,
        headers: {
          accept,
          "accept-encoding": "identity",
          ...(settings.token === undefined ? {} : { authorization: `Bearer ${settings.token}` }),
        },
        signal: either,
      })
      answered = true
      const body = await readBody(answer.body, settings.maxBodyBytes, path)
      return { status: answer.statusCode, headers: answer.headers, body }
    } catch (error) {
      signal?.throwIfAborted()
      throw error instanceof Problem ? error : describeFailure(error, base.origin, path, answered, settings)
    }
  }

  async function getJson<T>(path: string, schema: TSchema, signal?: AbortSignal): Promise<T> {
    const { status, headers, body } = await get(path, mediaTypes.json, signal)
    if (status !== 200 && !isOddSuccess(status)) throw refusal(status, headers, body, path)
    const value = parseJson(body)
    const wrong =
      status === 200 ? damageOfJson(headers, body, value, schema) : `the status is ${status}, not 200`
    if (wrong === undefined) return value as T
    throw new Problem("chunk-damaged", `The answer to GET ${path} is not what a source answers: ${wrong}.`, {
      hint: "Check that source.url names a Flatbed source, and that no proxy answers in its place.",
    })
  }

  return {
    /** The dataset's current version and state. */
    getDataset: async (dataset: string, signal?: AbortSignal): Promise<Dataset> =>
      await getJson<Dataset>(paths.dataset(dataset), datasetSchema, signal),

    /** The manifest of one version. */
    getManifest: async (dataset: string, version: string, signal?: AbortSignal): Promise<Manifest> =>
      await getJson<Manifest>(paths.version(dataset, version), manifestSchema, signal),

    /** The row lines of one chunk, proven to be what the manifest says. See `proveChunk`. */
    async getChunk(expected: Expected, signal?: AbortSignal): Promise<Buffer> {
      const { dataset, version, chunk } = expected
      const path = paths.chunk(dataset, version, chunk.chunk)
      const { status, headers, body } = await get(path, mediaTypes.ndjson, signal)
      if (isOddSuccess(status)) throw damageOf(expected)(`the status is ${status}, not 200`)
      if (status !== 200) throw refusal(status, headers, body, path)
      return proveChunk({ headers, body }, expected)
    },

    /** Ends every request and closes every connection. */
    close: async () => await pool.destroy(),
  }
}

async function readBody(body: AsyncIterable<Buffer>, maxBytes: number, path: string): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of body) {
    bytes += part.length
    if (bytes > maxBytes) {
      throw new Problem("source-refused", `The answer to GET ${path} is larger than ${maxBytes} bytes.`, {
        hint: "Raise source.max_body, or cut smaller chunks in the source's settings.",
      })
    }
    parts.push(part)
  }
  return Buffer.concat(parts, bytes)
}

// 204, 206 or 304 to a plain GET: something in between made it up.
function isOddSuccess(status: number): boolean {
  return (status > 200 && status < 300) || status === 304
}

function refusal(status: number, headers: Received["headers"], body: Buffer, path: string): Problem {
  const retryAfter = readRetryAfter(headers["retry-after"])
  const ours = fromProblemDocument(parseJson(body), retryAfter)
  if (ours !== undefined) return ours
  const asked = `GET ${path} was answered with status ${status}`
  if (status === 429 || (status >= 502 && status <= 504)) {
    return new Problem("source-unreachable", `${asked}.`, {
      hint: "A proxy in front of the source answers in its place.",
      ...(retryAfter === undefined ? {} : { retryAfterSeconds: retryAfter }),
    })
  }
  return new Problem("source-refused", `${asked}.`, { hint: refusalHint(status), facts: { status } })
}

function refusalHint(status: number): string {
  if (status === 401 || status === 403) return "Check source.token: the source does not grant this."
  if (status >= 300 && status < 400)
    return "Redirects are not followed; put the final address into source.url."
  return "Check that source.url names a Flatbed source."
}

/** Seconds from a Retry-After field: a number, or the time until a date (RFC 9110 section 10.2.3). */
export function readRetryAfter(field: string | string[] | undefined, now = Date.now()): number | undefined {
  if (typeof field !== "string") return undefined
  if (/^[0-9]{1,9}$/.test(field)) return Number(field)
  const date = /^[A-Z][a-z]{2}, /.test(field) ? Date.parse(field) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000)
}

const lateCodes = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"])
const garbledCodes = new Set([
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_HEADERS_OVERFLOW",
  "UND_ERR_RESPONSE",
  "UND_ERR_RES_EXCEEDED_MAX_SIZE",
])

function describeFailure(
  error: unknown,
  origin: string,
  path: string,
  answered: boolean,
  { idleMs, requestMs }: SourceSettings,
): unknown {
  if (!(error instanceof Error)) return error
  const code = String((error as NodeJS.ErrnoException).code ?? "")
  const asked = `GET ${path}`
  if (error.name === "TimeoutError") {
    return new Problem("deadline-exceeded", `${asked} took longer than ${requestMs / 1000} s.`, {
      cause: error,
    })
  }
  if (lateCodes.has(code)) {
    return new Problem("deadline-exceeded", `${asked}: the source was silent for ${idleMs / 1000} s.`, {
      cause: error,
    })
  }
  if (garbledCodes.has(code) || code.startsWith("HPE_")) {
    return new Problem("chunk-damaged", `The answer to ${asked} is not well-formed: ${error.message}.`, {
      cause: error,
    })
  }
  // The driver's own misuse errors are bugs of ours and stay what they are.
  if (error instanceof errors.InvalidArgumentError || error instanceof TypeError) return error
  if (answered) {
    return new Problem("chunk-damaged", `The answer to ${asked} broke off: ${error.message}.`, {
      cause: error,
    })
  }
  return new Problem("source-unreachable", `${origin} does not answer: ${reasonOf(error)}.`, {
    hint: "Check that the source runs and that source.url names it.",
    cause: error,
  })
}

function reasonOf(error: Error): string {
  // Node puts one error per address tried into an AggregateError whose own message is empty.
  if (error instanceof AggregateError) return error.errors.map((e) => (e as Error).message).join("; ")
  return error.message
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"))
  } catch {
    return undefined
  }
}

function damageOfJson(
  headers: Received["headers"],
  body: Buffer,
  value: unknown,
  schema: TSchema,
): string | undefined {
  const field = headers["repr-digest"]
  if (field !== undefined) {
    const digest = parseReprDigest(field)
    const found = createHash("sha256").update(body).digest()
    if (digest === undefined || !digest.equals(found)) return "its SHA-256 is not its repr-digest"
  }
  if (value === undefined) return "it is not JSON"
  const [first] = Errors(schema, value)
  return first === undefined ? undefined : `${first.instancePath || "/"} ${first.message}`
}
