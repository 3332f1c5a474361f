/**
 * What the loader asks of a source, over one pool of kept-alive connections to one origin. Long because every request
 * is told here, and they share how an answer is read and a failure explained.
 */
import { createBufferPool } from "@flatbed/codec"
import {
  type Beginnings,
  beginningsSchema,
  type Dataset,
  type DatasetSummary,
  type Digests,
  datasetSchema,
  datasetsSchema,
  digestsSchema,
  type Manifest,
  manifestSchema,
  mediaTypes,
  Problem,
  paths,
  type RowOrigin,
  type RowOrigins,
  rowOriginsSchema,
  type ServedVersions,
  servedVersionsSchema,
  type VersionEvidence,
  type VersionPublished,
  versionEvidenceSchema,
} from "@flatbed/contract"
import type { TSchema } from "@flatbed/typebox"
import { Check, Compile, Errors } from "@flatbed/typebox"
import { Pool } from "undici"
import type { ChunkGroup } from "../staging/chunk-groups.ts"
import { lookAtCertificate } from "./certificates.ts"
import { damageOf, type Expected, pathOf, proveChunks } from "./chunk-proof.ts"
import { acceptEncodingOf } from "./compression.ts"
import { readEvents } from "./event-stream.ts"
import {
  type Asked,
  damageOfAnswer,
  describeFailure,
  describeRefusal,
  isWorthALook,
  parseJson,
  tooLarge,
} from "./source-failure.ts"
import { type BodyRules, type Received, unpackBody } from "./unpack-body.ts"

export type SourceSettings = BodyRules & {
  readonly url: string
  /** Sent to the origin of `url` only, and with https only after its certificate has held. */
  readonly token?: string | undefined
  /** The authorities to trust instead of the public ones, PEM. */
  readonly ca?: string | undefined
  readonly connectMs: number
  /** Longest silence, before the answer begins and within it. */
  readonly idleMs: number
  /** Longest time for one answer from beginning to end. */
  readonly requestMs: number
}

type GetOptions = {
  /** The ETag of what the caller has. */
  readonly knownTag?: string | undefined
  /** Longest silence of this answer, in place of `idleMs`. */
  readonly silenceMs?: number
  /** Where chunks are asked for: which. */
  readonly chunks?: ChunkGroup
}

/** A dataset with the ETag of its document, when the source gave one. */
export type TaggedDataset = Dataset & { readonly tag: string | undefined }

export type SourceClient = ReturnType<typeof createSourceClient>

/**
 * Opens nothing yet. Each call is one attempt: it answers what was asked and proven, or throws a Problem that says
 * what went wrong: the source's own, `source-unreachable`, `source-untrusted`, `deadline-exceeded`, `source-refused`
 * or `chunk-damaged`.
 * An aborted signal ends the call with the signal's reason.
 */
export function createSourceClient(settings: SourceSettings, connections: number) {
  const { token, ca } = settings
  const base = new URL(settings.url)
  const prefix = base.pathname.replace(/\/$/, "")
  // undici follows no redirect unless told to, so nothing but this origin is ever asked.
  const pool = new Pool(base.origin, {
    connections,
    // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment cannot unsay it.
    connect: { timeout: settings.connectMs, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
    headersTimeout: settings.idleMs,
    bodyTimeout: settings.idleMs,
    // Read and counted here instead: undici counts coded bytes, and its error names no size.
    maxResponseSize: -1,
  })

  let coding = "identity"
  const bodies = createBufferPool(connections)

  async function get(
    path: string,
    accept: string,
    signal?: AbortSignal,
    { knownTag, silenceMs = settings.idleMs, chunks }: GetOptions = {},
  ): Promise<Received & { status: number }> {
    const deadline = AbortSignal.timeout(settings.requestMs)
    const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
    let answered = false
    try {
      const coding = acceptEncodingOf(settings.compression)
      const answer = await send(path, accept, coding, silenceMs, either, knownTag, silenceMs)
      answered = true
      const length = Number(answer.headers["content-length"])
      const body = await readBody(answer.body, length, path, chunks)
      return { status: answer.statusCode, headers: answer.headers, body }
    } catch (error) {
      signal?.throwIfAborted()
      throw await explain(error, answered, asked(path, silenceMs))
    }
  }

  async function send(
    path: string,
    accept: string,
    acceptEncoding: string,
    silenceMs: number,
    signal: AbortSignal | undefined,
    knownTag?: string,
    headersMs = settings.idleMs,
  ) {
    return await pool.request({
      method: "GET",
      path: prefix + path,
      headers: {
        accept,
        "accept-encoding": acceptEncoding,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(knownTag === undefined ? {} : { "if-none-match": knownTag }),
      },
      headersTimeout: headersMs,
      bodyTimeout: silenceMs,
      ...(signal === undefined ? {} : { signal }),
    })
  }

  /** The body, in a buffer of the pool when its length is said and true. */
  async function readBody(
    body: AsyncIterable<Buffer>,
    length: number,
    path: string,
    chunks?: ChunkGroup,
  ): Promise<Buffer> {
    const { maxBodyBytes } = settings
    const whole = length > 0 && length <= maxBodyBytes ? bodies.take(length) : undefined
    const parts: Buffer[] = []
    let bytes = 0
    for await (const part of body) {
      if (whole === undefined) parts.push(part)
      else if (part.copy(whole, bytes) < part.length)
        throw damageOfAnswer(path)("it is longer than its content-length")
      bytes += part.length
      if (bytes > maxBodyBytes) throw tooLarge(path, maxBodyBytes, "as sent", chunks)
    }
    return whole === undefined ? Buffer.concat(parts, bytes) : whole.subarray(0, bytes)
  }

  async function explain(error: unknown, answered: boolean, about: Asked): Promise<unknown> {
    if (error instanceof Problem) return error
    const look = !answered && isWorthALook(error, base.origin)
    const seen = look ? await lookAtCertificate(base.origin, settings.connectMs) : undefined
    return describeFailure(error, answered, about, seen)
  }

  async function* listen(body: AsyncIterable<Buffer>, about: Asked, signal: AbortSignal) {
    const brokeOff = (how: string) =>
      new Problem("source-unreachable", `The events of ${base.origin} broke off: ${how}.`)
    try {
      yield* readEvents(body)
    } catch (error) {
      signal.throwIfAborted()
      const problem = await explain(error, true, about)
      // Whatever ends it but silence, nothing that was announced is damaged by it.
      const isLine = error !== problem && problem instanceof Problem && problem.code === "chunk-damaged"
      throw isLine ? brokeOff((error as Error).message) : problem
    }
    throw brokeOff("the source ended them")
  }

  function asked(path: string, idleMs: number): Asked {
    const hasToken = token !== undefined
    return {
      origin: base.origin,
      path,
      hasToken,
      hasAuthority: ca !== undefined,
      idleMs,
      requestMs: settings.requestMs,
    }
  }

  async function refusal(status: number, received: Received, path: string): Promise<Problem> {
    const kind = { path, needsDigest: false, damaged: damageOfAnswer(path) }
    // A page that cannot be read still has a status.
    const body = await unpackBody(received, settings, kind).catch(() => received.body)
    return describeRefusal(status, received.headers, body, asked(path, settings.idleMs))
  }

  async function getJson<T>(path: string, schema: TSchema, signal?: AbortSignal): Promise<T> {
    const { status, ...received } = await get(path, mediaTypes.json, signal)
    return await readJson<T>(path, schema, status, received)
  }

  async function readJson<T>(path: string, schema: TSchema, status: number, received: Received): Promise<T> {
    const damaged = damageOfAnswer(path)
    if (isOddSuccess(status)) throw damaged(`the status is ${status}, not 200`)
    if (status !== 200) throw await refusal(status, received, path)
    const body = await unpackBody(received, settings, { path, needsDigest: false, damaged })
    const value = parseJson(body)
    const wrong = damageOfJson(value, schema, body.length > longDocument)
    if (wrong !== undefined) throw damaged(wrong)
    coding = String(received.headers["content-encoding"] ?? "identity")
    return value as T
  }

  return {
    /** What the source offers to this loader's token. */
    listDatasets: async (signal?: AbortSignal): Promise<DatasetSummary[]> =>
      (await getJson<{ datasets: DatasetSummary[] }>(paths.datasets(), datasetsSchema, signal)).datasets,

    /** The dataset's current version and state. */
    getDataset: async (dataset: string, signal?: AbortSignal): Promise<Dataset> =>
      await getJson<Dataset>(paths.dataset(dataset), datasetSchema, signal),

    /**
     * The dataset's current version and state with the document's tag; "unchanged" when the tag that is known still
     * names that document (RFC 9110 section 13.1.2).
     */
    async getTaggedDataset(
      dataset: string,
      knownTag: string | undefined,
      signal?: AbortSignal,
    ): Promise<TaggedDataset | "unchanged"> {
      const path = paths.dataset(dataset)
      const { status, ...received } = await get(path, mediaTypes.json, signal, { knownTag })
      if (status === 304 && knownTag !== undefined) return "unchanged"
      const tag = received.headers.etag
      const document = await readJson<Dataset>(path, datasetSchema, status, received)
      return { ...document, tag: typeof tag === "string" ? tag : undefined }
    },

    /** The versions of the dataset that are served now. */
    getVersions: async (dataset: string, signal?: AbortSignal): Promise<ServedVersions> =>
      await getJson<ServedVersions>(paths.versions(dataset), servedVersionsSchema, signal),

    /** Why the columns of one version have their types. */
    getEvidence: async (dataset: string, version: string, signal?: AbortSignal): Promise<VersionEvidence> =>
      await getJson<VersionEvidence>(paths.evidence(dataset, version), versionEvidenceSchema, signal),

    /** The manifest of one version. */
    getManifest: async (dataset: string, version: string, signal?: AbortSignal): Promise<Manifest> =>
      await getJson<Manifest>(paths.version(dataset, version), manifestSchema, signal),

    /**
     * Where rows of the version stand in their files, with their bytes, in the order of the rows: rising, and no more
     * than the contract's `requestLimits` let one request have.
     */
    async getRows(
      dataset: string,
      version: string,
      rows: readonly number[],
      signal?: AbortSignal,
    ): Promise<RowOrigin[]> {
      const path = `${paths.rows(dataset, version)}?rows=${rows.join(",")}`
      return (await getJson<RowOrigins>(path, rowOriginsSchema, signal)).rows
    },

    /**
     * The digests of a file's first bytes, for each of these lengths, rising, and no more than `requestLimits` let one
     * request have. The source reads the file for it, in silence: only the whole request's deadline ends that.
     */
    async getBeginnings(
      dataset: string,
      version: string,
      file: number,
      lengths: readonly number[],
      signal?: AbortSignal,
    ): Promise<Beginnings> {
      const path = `${paths.beginnings(dataset, version, file)}?bytes=${lengths.join(",")}`
      const patient = { silenceMs: settings.requestMs }
      const { status, ...received } = await get(path, mediaTypes.json, signal, patient)
      return await readJson<Beginnings>(path, beginningsSchema, status, received)
    },

    /**
     * The digests of the rows of these chunks, both included, and no more than `requestLimits` let one request have.
     * `query` says how columns are taken, as in `&text=2&without=3`. The source hashes in silence, as for beginnings.
     */
    async getDigests(
      dataset: string,
      version: string,
      { first, last, query }: { readonly first: number; readonly last: number; readonly query: string },
      signal?: AbortSignal,
    ): Promise<Digests> {
      const path = `${paths.digests(dataset, version)}?chunks=${first}-${last}${query}`
      const patient = { silenceMs: settings.requestMs }
      const { status, ...received } = await get(path, mediaTypes.json, signal, patient)
      return await readJson<Digests>(path, digestsSchema, status, received)
    },

    /** The row lines of these chunks, proven to be what the manifest says. See `proveChunks`. */
    async getChunks(expected: Expected, signal?: AbortSignal): Promise<Buffer> {
      const path = pathOf(expected)
      const { status, ...received } = await get(path, mediaTypes.ndjson, signal, { chunks: expected.chunks })
      if (isOddSuccess(status)) throw damageOf(expected)(`the status is ${status}, not 200`)
      if (status !== 200) throw await refusal(status, received, path)
      const lines = await proveChunks(received, expected, settings)
      // Unpacked, they stand elsewhere, and nobody has the body as coded.
      if (lines.buffer !== received.body.buffer) bodies.give(received.body)
      return lines
    },

    /** Whoever got these lines is done with them: their memory is for another chunk. */
    reuse: (lines: Buffer) => bodies.give(lines),

    /** The content coding of the newest document that was answered: identity, gzip or zstd. */
    coding: () => coding,

    /**
     * Subscribes to published versions; the first ones are the current versions. The subscription takes a connection
     * until the signal ends it, and fails with `deadline-exceeded` after a silence longer than `silenceMs`, with
     * `source-unreachable` when it breaks off.
     *
     * @throws Problem `route-not-found` when the source has no events.
     */
    async openEvents(
      silenceMs: number,
      signal: AbortSignal,
    ): Promise<AsyncGenerator<VersionPublished, void>> {
      const path = paths.events()
      const about = asked(path, silenceMs)
      try {
        const answer = await send(path, mediaTypes.events, "identity", silenceMs, signal)
        const type = String(answer.headers["content-type"] ?? "")
        if (answer.statusCode === 200 && type.startsWith(mediaTypes.events))
          return listen(answer.body, about, signal)
        const body = await readBody(answer.body, Number.NaN, path)
        throw await refusal(answer.statusCode, { headers: answer.headers, body }, path)
      } catch (error) {
        signal.throwIfAborted()
        throw await explain(error, false, about)
      }
    },

    /** Ends every request and closes every connection. */
    close: async () => await pool.destroy(),
  }
}

// 204, 206 or 304 to a GET without conditions: something in between made it up.
function isOddSuccess(status: number): boolean {
  return (status > 200 && status < 300) || status === 304
}

// A manifest of ten thousand files is checked in a thirtieth of the time by a function made for its schema, which takes
// some milliseconds to make.
const longDocument = 64 * 1024

function damageOfJson(value: unknown, schema: TSchema, isLong: boolean): string | undefined {
  if (value === undefined) return "it is not JSON"
  // To tell what is wrong takes three times as long as to tell that nothing is.
  if (isLong ? Compile(schema).Check(value) : Check(schema, value)) return undefined
  const [first] = Errors(schema, value)
  return first === undefined ? undefined : `${first.instancePath || "/"} ${first.message}`
}
