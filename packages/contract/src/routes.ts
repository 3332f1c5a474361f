/**
 * Addresses, header names and media types of the wire, used by server and client alike.
 * Names and versions in paths come from closed alphabets, so building an address needs no escaping rules.
 */

/** Path templates as the source's router wants them. */
export const routes = {
  datasets: "/v1/datasets",
  dataset: "/v1/datasets/:dataset",
  versions: "/v1/datasets/:dataset/versions",
  version: "/v1/datasets/:dataset/versions/:version",
  evidence: "/v1/datasets/:dataset/versions/:version/evidence",
  chunk: "/v1/datasets/:dataset/versions/:version/chunks/:chunk",
  chunkGroup: "/v1/datasets/:dataset/versions/:version/chunks/:first-:last",
  row: "/v1/datasets/:dataset/versions/:version/rows/:row",
  rows: "/v1/datasets/:dataset/versions/:version/rows",
  beginnings: "/v1/datasets/:dataset/versions/:version/files/:file/beginnings",
  digests: "/v1/datasets/:dataset/versions/:version/digests",
  currentChunk: "/v1/datasets/:dataset/chunks/:chunk",
  preview: "/v1/datasets/:dataset/preview",
  events: "/v1/events",
  openapi: "/openapi.json",
  docs: "/docs",
} as const

/** What a dataset may be called: it stands in URLs, file names and log lines. */
export const datasetNamePattern = "^[a-z0-9][a-z0-9_-]{0,62}$"

/** A version is a SHA-256 in lower-case hex. */
export const versionPattern = "^[0-9a-f]{64}$"

/** Builds the path of each route. Chunks and rows count from 1. */
export const paths = {
  datasets: () => "/v1/datasets",
  dataset: (dataset: string) => `/v1/datasets/${encodeURIComponent(dataset)}`,
  versions: (dataset: string) => `${paths.dataset(dataset)}/versions`,
  version: (dataset: string, version: string) => `${paths.versions(dataset)}/${version}`,
  evidence: (dataset: string, version: string) => `${paths.version(dataset, version)}/evidence`,
  chunk: (dataset: string, version: string, chunk: number) =>
    `${paths.version(dataset, version)}/chunks/${chunk}`,
  /** Chunks `first` to `last`, both included. */
  chunkGroup: (dataset: string, version: string, first: number, last: number) =>
    `${paths.version(dataset, version)}/chunks/${first}-${last}`,
  row: (dataset: string, version: string, row: number) => `${paths.version(dataset, version)}/rows/${row}`,
  /** `?rows=5,9,14` says which. */
  rows: (dataset: string, version: string) => `${paths.version(dataset, version)}/rows`,
  /** Of the file that stands so far down in the manifest, from 1; `?bytes=5,9` says which. */
  beginnings: (dataset: string, version: string, file: number) =>
    `${paths.version(dataset, version)}/files/${file}/beginnings`,
  /** `?chunks=3-40` says of which chunks, `text=2,5` which columns are taken as text, `without=3` which are left out. */
  digests: (dataset: string, version: string) => `${paths.version(dataset, version)}/digests`,
  currentChunk: (dataset: string, chunk: number) => `${paths.dataset(dataset)}/chunks/${chunk}`,
  /** `?rows=20` says how many. */
  preview: (dataset: string) => `${paths.dataset(dataset)}/preview`,
  events: () => routes.events,
  openapi: () => routes.openapi,
  docs: () => routes.docs,
} as const

/** How much one request may ask for. The bytes are those of the chunks in the file; one chunk alone always goes. */
export const requestLimits = {
  chunks: 1_000,
  // Proxies refuse an address longer than 8 KiB, and a row's number may have ten digits.
  rows: 500,
  bytes: 4 * 1024 * 1024,
  // Of each, the chunk in which it ends is read record by record.
  beginnings: 100,
  // A source hashes so much in a few seconds.
  digestBytes: 64 * 1024 * 1024,
} as const

/** Header names, in the lower case in which Node reads and writes them. */
export const headers = {
  version: "flatbed-version",
  /** `3/12`: chunk 3 of 12; `3-5/12`: chunks 3 to 5. */
  chunk: "flatbed-chunk",
  rows: "flatbed-rows",
  firstRow: "flatbed-first-row",
  /** How many of the chunk's records were set aside. */
  rejects: "flatbed-rejects",
  /** RFC 9530: `sha-256=:<base64>:` over the body as coded. */
  reprDigest: "repr-digest",
} as const

export const mediaTypes = {
  json: "application/json",
  ndjson: "application/x-ndjson",
  csv: "text/csv; header=present",
  events: "text/event-stream",
  problem: "application/problem+json",
} as const

/** RFC 9530 section 3: the field value for a SHA-256 digest. */
export function formatReprDigest(sha256: Buffer): string {
  return `sha-256=:${sha256.toString("base64")}:`
}

/** The SHA-256 inside a `Repr-Digest` field, or undefined when it holds none, several, or a malformed one. */
export function parseReprDigest(field: string | string[] | undefined): Buffer | undefined {
  if (typeof field !== "string") return undefined
  const found = [...field.matchAll(/(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?=,|$)/g)]
  const digest = found[0]?.[1]
  return found.length === 1 && digest !== undefined ? Buffer.from(digest, "base64") : undefined
}
