/** The admin port of `start`: alive, ready, metrics. Apart from everything else, loopback by default. */
import { Problem } from "@flatbed/contract"
import Fastify from "fastify"
import type { Registry } from "prom-client"

export type Admin = {
  /** `http://host:port` */
  readonly url: string
  close(): Promise<void>
}

/**
 * Listens. `isReady` is asked for each /readyz.
 *
 * @throws Problem `port-in-use` naming the setting.
 */
export async function startAdmin(
  settings: { readonly host: string; readonly port: number },
  parts: {
    readonly registry: Registry
    readonly isReady: () => Promise<boolean>
    /** Brings what the ledger knows into the metrics; a failure leaves them as they are. */
    readonly beforeMetrics: () => Promise<void>
  },
): Promise<Admin> {
  const { host, port } = settings
  const app = Fastify({
    logger: false,
    requestTimeout: 10_000,
    connectionTimeout: 10_000,
    forceCloseConnections: true,
  })
  app.get("/livez", () => ({ status: "ok" }))
  app.get("/readyz", async (_request, reply) => {
    const ready = await parts.isReady()
    return await reply.status(ready ? 200 : 503).send({ status: ready ? "ok" : "Postgres does not answer" })
  })
  app.get("/metrics", async (_request, reply) => {
    await parts.beforeMetrics().catch(() => undefined)
    const text = await parts.registry.metrics()
    return await reply.header("content-type", parts.registry.contentType).send(text)
  })
  try {
    const url = await app.listen({ host, port })
    return { url, close: () => app.close() }
  } catch (error) {
    await app.close()
    throw asPortProblem(error, host, port)
  }
}

function asPortProblem(error: unknown, host: string, port: number): unknown {
  const code = (error as NodeJS.ErrnoException).code
  const taken = code === "EADDRINUSE"
  if (!taken && code !== "EACCES" && code !== "EADDRNOTAVAIL") return error
  const what = taken ? "is taken by another program" : `cannot be listened on (${code})`
  return new Problem("port-in-use", `admin.port: ${host}:${port} ${what}.`, {
    hint: "Set admin.port in loader.yaml, or FLATBED_LOADER__ADMIN__PORT, to a free one.",
    cause: error,
  })
}
