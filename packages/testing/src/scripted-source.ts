/**
 * A source that a test has in its hand: a real HTTP server that answers right from given rows, or wrong in exactly
 * the way the test asks for. It remembers what it was asked; a request that no source would be asked fails the test.
 */
import { createHash } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import {
  type Beginnings,
  type Dataset,
  formatReprDigest,
  headers,
  mediaTypes,
  Problem,
  type ProblemCode,
  paths,
  type ServedVersions,
  toProblemDocument,
} from "@flatbed/contract"
import { makeScriptedVersion, type ScriptedDataset, type ScriptedVersion } from "./scripted-content.ts"
import { createScriptedEvents, type ScriptedEvents } from "./scripted-events.ts"
import { type Answer, applyFault, type SourceFault } from "./source-faults.ts"

export type SourceRequest = {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage["headers"]
}

export type ScriptedSource = {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string
  /** Makes this content its dataset's current version; earlier versions stay served. Answers the version. */
  publish(content: ScriptedDataset): ScriptedVersion
  /** From now on the version answers `version-gone`. */
  forget(version: string): void
  /** Changes what `GET /v1/datasets/{dataset}` says, for example `{ state: "indexing", version: null }`. */
  describe(dataset: string, change: Partial<Dataset>): void
  /** The next requests whose path matches meet these faults, one each, in this order; then answers are right again. */
  fault(path: RegExp | string, ...faults: SourceFault[]): void
  /** Every request so far. */
  requests(): SourceRequest[]
  /** Numbers of the chunks that were asked for so far, alone or in a group, in order, repeats included. */
  chunksAsked(): number[]
  forgetRequests(): void
  /** The streams of `/v1/events`; `publish` announces to them. */
  readonly events: ScriptedEvents
  /** Stops; fails when a request came that no route, version or chunk fits. */
  close(): Promise<void>
}

/** Starts the source on a free port of 127.0.0.1 with these datasets' first versions. */
export async function startScriptedSource(...contents: ScriptedDataset[]): Promise<ScriptedSource> {
  const versions = new Map<string, ScriptedVersion>()
  const current = new Map<string, ScriptedVersion>()
  const changes = new Map<string, Partial<Dataset>>()
  const gone = new Set<string>()
  const planned: { path: RegExp | string; faults: SourceFault[] }[] = []
  const unexpected: string[] = []
  let seen: SourceRequest[] = []

  const publish = (content: ScriptedDataset): ScriptedVersion => {
    const version = makeScriptedVersion(content)
    versions.set(version.version, version)
    current.set(content.name, version)
    events.announce(version)
    return version
  }
  const events = createScriptedEvents(() => current.values())
  for (const content of contents) publish(content)

  const server = createServer((request, response) => {
    const path = request.url ?? "/"
    seen.push({ method: request.method ?? "", path, headers: request.headers })
    const fault = takeFault(path)
    if (path === paths.events() && fault === undefined) {
      events.serve(response)
      return
    }
    const answer = findAnswer(path)
    if (answer === undefined && path !== paths.events()) unexpected.push(`${request.method} ${path}`)
    const right = answer ?? problemAnswer("route-not-found", `The script has nothing at ${path}.`)
    if (fault === undefined) sendAnswer(request, response, right)
    else applyFault(fault, request, response, right, sendAnswer)
  })

  function takeFault(path: string): SourceFault | undefined {
    const matches = (pattern: RegExp | string) =>
      typeof pattern === "string" ? pattern === path : pattern.test(path)
    return planned.find((plan) => plan.faults.length > 0 && matches(plan.path))?.faults.shift()
  }

  function findAnswer(path: string): Answer | undefined {
    if (path === paths.datasets()) {
      return jsonAnswer({ datasets: [...current.values()].map((version) => describe(version)) })
    }
    const [, name = "", version, first, last = first, rows, lengths] =
      /^\/v1\/datasets\/([^/]+)(?:\/versions\/([0-9a-f]{64})(?:\/chunks\/([0-9]+)(?:-([0-9]+))?|\/rows\?rows=([0-9,]+)|\/files\/1\/beginnings\?bytes=([0-9,]+))?)?$/.exec(
        path,
      ) ?? []
    const latest = current.get(name)
    if (latest === undefined) return findListing(path)
    if (version === undefined) return jsonAnswer(describe(latest))
    if (gone.has(version)) return problemAnswer("version-gone", `Version ${version} is no longer there.`)
    const asked = versions.get(version)
    if (asked === undefined || asked.manifest.dataset !== name) return undefined
    if (rows !== undefined) {
      const origins = rows.split(",").map((row) => asked.origins[Number(row) - 1])
      return origins.includes(undefined) ? undefined : jsonAnswer({ rows: origins })
    }
    if (lengths !== undefined) return jsonAnswer(beginningsOf(asked, lengths.split(",").map(Number)))
    if (first === undefined) return jsonAnswer(asked.manifest)
    return chunksAnswer(asked, Number(first), Number(last))
  }

  /** The versions of a dataset, or the evidence of one. */
  function findListing(path: string): Answer | undefined {
    const [, name = "", version] =
      /^\/v1\/datasets\/([^/]+)\/versions(?:\/([0-9a-f]{64})\/evidence)?$/.exec(path) ?? []
    if (!current.has(name)) return undefined
    const served = [...versions.values()].filter(
      ({ manifest }) => manifest.dataset === name && !gone.has(manifest.version),
    )
    if (version === undefined) return jsonAnswer({ dataset: name, versions: served.reverse().map(list) })
    const asked = served.find((one) => one.version === version)
    if (asked === undefined) return problemAnswer("version-gone", `Version ${version} is no longer there.`)
    return jsonAnswer({ dataset: name, version, evidence: asked.dataset.evidence })
  }

  const list = (version: ScriptedVersion): ServedVersions["versions"][number] => ({
    version: version.version,
    current: current.get(version.manifest.dataset) === version,
    rows: version.manifest.rows,
    rejects: version.manifest.rejects,
    bytes: version.manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    links: { version: paths.version(version.manifest.dataset, version.version) },
  })

  const describe = (version: ScriptedVersion): Dataset => ({
    ...version.dataset,
    ...changes.get(version.dataset.name),
  })

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0

  return {
    url: `http://127.0.0.1:${port}`,
    publish,
    forget: (version) => {
      gone.add(version)
    },
    describe: (dataset, change) => {
      changes.set(dataset, { ...changes.get(dataset), ...change })
    },
    fault: (path, ...faults) => {
      planned.push({ path, faults })
    },
    requests: () => [...seen],
    chunksAsked: () =>
      seen.flatMap(({ path }) => {
        const [, first, last = first] = /\/chunks\/([0-9]+)(?:-([0-9]+))?$/.exec(path) ?? []
        const length = first === undefined ? 0 : Number(last) - Number(first) + 1
        return Array.from({ length }, (_, i) => Number(first) + i)
      }),
    events,
    forgetRequests: () => {
      seen = []
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
      if (unexpected.length > 0) {
        throw new Error(
          `The scripted source was asked for what it does not have:\n  ${unexpected.join("\n  ")}`,
        )
      }
    },
  }
}

/** A problem document as the source would send it, for faults of kind `answer`. */
export function problemAnswer(code: ProblemCode, detail: string, retryAfterSeconds?: number): Answer {
  const problem = new Problem(code, detail)
  return {
    status: problem.status,
    headers: {
      "content-type": mediaTypes.problem,
      "cache-control": "no-store",
      ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
    },
    body: Buffer.from(JSON.stringify(toProblemDocument(problem))),
  }
}

function jsonAnswer(value: unknown): Answer {
  const body = Buffer.from(JSON.stringify(value))
  return { status: 200, headers: { "content-type": mediaTypes.json, etag: tagOf(body) }, body }
}

/** Of the version's only file. */
function beginningsOf(
  { manifest, origins, setAside }: ScriptedVersion,
  lengths: readonly number[],
): Beginnings {
  const { dataset, version, files } = manifest
  const raw = Buffer.concat(origins.map((origin) => Buffer.from(origin.raw, "base64")))
  const beginnings = lengths.map((bytes) => {
    const before = origins.filter((origin) => origin.byte_from < bytes)
    const { byte_to: end = 0 } = before.at(-1) ?? {}
    return {
      bytes,
      sha256: createHash("sha256").update(raw.subarray(0, bytes)).digest("hex"),
      whole: end - bytes <= 1,
      rows: before.length,
      rejects: before.filter(({ row }) => setAside.has(row)).length,
      filtered: 0,
    }
  })
  return { dataset, version, file: files[0]?.file ?? "", beginnings }
}

const tagOf = (body: Buffer): string => `"${createHash("sha256").update(body).digest("hex")}"`

/** Chunks `first` to `last`, both included. */
function chunksAnswer(version: ScriptedVersion, first: number, last: number): Answer | undefined {
  const bodies = version.chunks.slice(first - 1, last)
  const described = version.manifest.chunks[first - 1]
  if (bodies.length < last - first + 1 || described === undefined) return undefined
  const body = Buffer.concat(bodies)
  const digest = createHash("sha256").update(body).digest()
  return {
    status: 200,
    headers: {
      "content-type": mediaTypes.ndjson,
      etag: `"${digest.toString("hex")}"`,
      [headers.reprDigest]: formatReprDigest(digest),
      [headers.version]: version.version,
      [headers.chunk]: `${first === last ? first : `${first}-${last}`}/${version.chunks.length}`,
      [headers.rows]: String(
        version.manifest.chunks.slice(first - 1, last).reduce((n, { rows }) => n + rows, 0),
      ),
      [headers.firstRow]: String(described.first_row),
    },
    body,
  }
}

function sendAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { etag } = answer.headers
  if (answer.status === 200 && etag !== undefined && request.headers["if-none-match"] === etag) {
    response.writeHead(304, { etag })
    response.end()
    return
  }
  const length = answer.status === 204 ? {} : { "content-length": String(answer.body.length) }
  response.writeHead(answer.status, { ...length, ...answer.headers })
  response.end(answer.status === 204 ? undefined : answer.body)
}
