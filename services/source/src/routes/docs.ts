/** What can be asked here, for programs and for people. Both are open, and say nothing of this server's files. */
import { createHash } from "node:crypto"
import { routes } from "@flatbed/contract"
import type { FastifyInstance, FastifyRequest } from "fastify"
import { docsPolicy, renderDocs } from "../docs-page.ts"
import { caching, sendDocument, sendRepresentation } from "../http/representation.ts"
import { describeApi } from "../openapi/document.ts"
import { readSourceVersion } from "../source-version.ts"

/** `secured` says whether this source asks for tokens. */
export function routeDocs(app: FastifyInstance, { secured }: { readonly secured: boolean }): void {
  const api = describeApi({ version: readSourceVersion(), secured })

  app.get(routes.openapi, { config: { open: true } }, async (request, reply) => {
    await sendDocument(request, reply, api, caching.current)
    return reply
  })

  app.get(routes.docs, { config: { open: true } }, async (request, reply) => {
    // With tokens, an open route is offered no dataset, so none is named.
    const dataset = request.offer.datasets[0]?.name
    const body = Buffer.from(renderDocs({ api, secured, dataset, origin: originOf(request) }))
    await sendRepresentation(request, reply, {
      contentType: "text/html; charset=utf-8",
      cacheControl: caching.current,
      seed: [createHash("sha256").update(body).digest("hex")],
      headers: { "content-security-policy": docsPolicy, "referrer-policy": "no-referrer" },
      body: () => body,
    })
    return reply
  })
}

/** As the client wrote it, if it is a host at all: these lines are pasted into a shell. */
function originOf({ protocol, host }: FastifyRequest): string {
  return `${protocol}://${/^[A-Za-z0-9.-]+(?::[0-9]+)?$|^\[[0-9a-fA-F:.]+\](?::[0-9]+)?$/.test(host) ? host : "localhost:4000"}`
}
