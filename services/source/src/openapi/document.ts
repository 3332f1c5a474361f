/**
 * Pure: the OpenAPI 3.1 document of the data port. Its schemas are the contract's own, since OpenAPI 3.1 takes
 * JSON Schema 2020-12 as it is. It names no dataset: whoever may not ask may read it.
 */
import { parameters, schemas, sent } from "./components.ts"
import { type ApiOperation, operations } from "./operations.ts"

export type ApiDocument = {
  readonly openapi: string
  readonly paths: Readonly<Record<string, { readonly get: ApiOperation; readonly head: ApiOperation }>>
  readonly [key: string]: unknown
}

/** The document. `secured` says whether this source asks for tokens. */
export function describeApi({
  version,
  secured,
}: {
  readonly version: string
  readonly secured: boolean
}): ApiDocument {
  const paths = Object.entries(operations).map(([route, get]) => [
    route.replace(/:([a-z]+)/g, "{$1}"),
    { get, head: headOf(get) },
  ])
  return {
    openapi: "3.1.1",
    info: {
      title: "Flatbed source",
      version,
      summary: "Flat files as versioned, immutable chunks",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: secured ? [{ token: [] }] : [],
    paths: Object.fromEntries(paths),
    components: {
      schemas: { ...schemas, OpenApi: { type: "object", required: ["openapi", "info", "paths"] } },
      headers: sent,
      parameters,
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "made by `flatbed-source token new`" },
      },
    },
  }
}

/** RFC 9110 section 9.3.2: the same headers, no body. */
function headOf(get: ApiOperation): ApiOperation {
  const responses = Object.entries(get.responses).map(([status, { content: _, ...response }]) => [
    status,
    response,
  ])
  return { ...get, operationId: `${get.operationId}Head`, responses: Object.fromEntries(responses) }
}
