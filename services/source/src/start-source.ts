/** A source that listens, for the program and for tests. */
import type { AddressInfo } from "node:net"
import { Problem } from "@flatbed/contract"
import type { FastifyInstance } from "fastify"
import type { Logger } from "pino"
import { buildAdmin } from "./admin.ts"
import { buildApp } from "./app.ts"
import { openCertificate } from "./certificate.ts"
import { counted } from "./counted.ts"
import { isLoopback, type SourceSettings } from "./settings.ts"
import { readSourceVersion } from "./source-version.ts"

export type RunningSource = {
  /** Origin of the data port, with the port that was taken. */
  readonly url: string
  readonly adminUrl: string
  /** Reads the certificate again and looks at every file now. */
  reload(): Promise<void>
  /** Refuses what is new, lets answers under way finish within timeouts.stop, closes every file and port. */
  close(): Promise<void>
}

/** Looks at every file, then listens. Raises port-in-use, or settings-invalid for a certificate, naming the setting. */
export async function startSource(
  settings: SourceSettings,
  { log }: { readonly log: Logger },
): Promise<RunningSource> {
  const certificate =
    settings.tls === undefined
      ? undefined
      : await openCertificate(settings.tls, { scanMs: settings.scan_interval, log })
  const { app, catalog, metrics } = buildApp(settings, { log, certificate })
  const admin = buildAdmin({ catalog, metrics, log })
  try {
    const url = await listen(app, settings.listen, "listen", certificate === undefined ? "http" : "https")
    const adminUrl = await listen(admin, settings.admin, "admin", "http")
    if (certificate === undefined && !isLoopback(settings.listen.host)) {
      log.warn(
        { event: "source.plain_http", url },
        "tokens and rows travel unencrypted; set tls, unless a proxy in front of this port speaks TLS",
      )
    }
    const datasets = catalog.datasets.map(({ name }) => name)
    log.info(
      {
        event: "source.started",
        version: readSourceVersion(),
        url,
        admin_url: adminUrl,
        root: settings.root,
        datasets,
      },
      `serving ${counted(datasets.length, "dataset")} on ${url}`,
    )
    let closing: Promise<void> | undefined
    return {
      url,
      adminUrl,
      async reload() {
        await certificate?.reload()
        await catalog.look()
        log.info({ event: "source.reloaded" }, "certificate and files looked at")
      },
      close: () => {
        closing ??= stop(app, admin).then(() => {
          certificate?.close()
          log.info({ event: "source.stopped" }, "source stopped")
        })
        return closing
      },
    }
  } catch (error) {
    await Promise.all([admin.close(), app.close()])
    certificate?.close()
    throw error
  }
}

async function listen(
  app: FastifyInstance,
  { host, port }: { readonly host: string; readonly port: number },
  setting: "listen" | "admin",
  scheme: "http" | "https",
): Promise<string> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error
    const variable = `FLATBED_SOURCE__${setting.toUpperCase()}__PORT`
    if (error.code === "EADDRINUSE") {
      throw new Problem("port-in-use", `Port ${port} on ${host} is taken.`, {
        hint: `Set ${setting}.port in source.yaml, or ${variable}, to a free one; or stop who has it.`,
        facts: { setting: `${setting}.port`, port },
        cause: error,
      })
    }
    if (error.code === "EACCES" || error.code === "EADDRNOTAVAIL") {
      throw new Problem(
        "settings-invalid",
        `${setting}: cannot listen on ${host}, port ${port} (${error.code}).`,
        {
          hint: `Correct ${setting}.host or ${setting}.port.`,
          cause: error,
        },
      )
    }
    throw error
  }
  const address = app.server.address() as AddressInfo
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${address.port}`
}

async function stop(app: FastifyInstance, admin: FastifyInstance): Promise<void> {
  await app.close()
  // Last, so that a probe sees the stop until its end.
  admin.server.closeAllConnections()
  await admin.close()
}
