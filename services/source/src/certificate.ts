/** The certificate and key that the data port shows: read, proven to fit, and read again when they are renewed. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto"
import { readFile } from "node:fs/promises"
import { createSecureContext, type SecureContextOptions } from "node:tls"
import { Problem } from "@flatbed/contract"
import type { Logger } from "pino"
import { createFileWatch } from "./file-watch.ts"
import type { TlsSettings } from "./settings.ts"

/** What holds a TLS port; a server in Node's sense. */
type SecureServer = { setSecureContext(options: SecureContextOptions): void }

export type Certificate = {
  /** For a new server. */
  readonly options: SecureContextOptions
  /** The server gets each renewed certificate; connections that are open keep the one they began with. */
  follow(server: SecureServer): void
  /** Reads both files again. What cannot be used is logged, and the certificate before stays in use. */
  reload(): Promise<void>
  close(): void
}

type CertificateParts = {
  /** How often the files are looked at when no change is heard of. */
  readonly scanMs: number
  readonly log: Logger
}

// Certificate and key are two files; the second one of a renewal comes a moment after the first.
const gatherMs = 500
const warnDays = 14
const dayMs = 24 * 60 * 60 * 1000

/** Raises settings-invalid, naming the setting, for files that cannot be read, are no PEM, or do not fit. */
export async function openCertificate(
  settings: TlsSettings,
  { scanMs, log }: CertificateParts,
): Promise<Certificate> {
  const servers: SecureServer[] = []
  let options = await readPair(settings)
  tellLoaded(options, log)

  async function reload(): Promise<void> {
    try {
      const next = await readPair(settings)
      if (next.cert.equals(options.cert) && next.key.equals(options.key)) return
      options = next
      for (const server of servers) server.setSecureContext(next)
      tellLoaded(next, log)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      log.error(
        { event: "certificate.failed", detail: error.message, hint: error.hint },
        `the certificate before stays in use: ${error.message}`,
      )
    }
  }

  // One after the other: an older pair must not overtake a newer one.
  let reloading = Promise.resolve()
  const reloadInTurn = () => {
    reloading = reloading.then(reload)
    return reloading
  }
  const files = [settings.certificate, settings.key]
  const watch = createFileWatch({ files, onChange: () => void reloadInTurn(), gatherMs, log })
  await watch.renew()
  const scanning = setInterval(() => void watch.renew().then(reloadInTurn), scanMs).unref()

  return {
    get options() {
      return options
    },
    follow: (server) => void servers.push(server),
    reload: reloadInTurn,
    close() {
      clearInterval(scanning)
      watch.close()
    },
  }
}

type Pair = SecureContextOptions & { readonly cert: Buffer; readonly key: Buffer }

async function readPair({ certificate, key, minimum }: TlsSettings): Promise<Pair> {
  const cert = await read("tls.certificate", certificate)
  const keyText = await read("tls.key", key)
  const parsed = parse("tls.certificate", certificate, "a certificate", () => new X509Certificate(cert))
  const parsedKey = parse<KeyObject>("tls.key", key, "a private key without passphrase", () =>
    createPrivateKey(keyText),
  )
  if (!parsed.checkPrivateKey(parsedKey)) {
    throw invalid(
      "tls.key",
      `${key} is not the key of the certificate in ${certificate}`,
      "Name the key that the certificate was made with; a chain begins with the server's own certificate.",
    )
  }
  const options = { cert, key: keyText, minVersion: minimum }
  // The rest of the chain is read only here.
  parse("tls.certificate", certificate, "a chain of certificates", () => createSecureContext(options))
  return options
}

async function read(setting: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown"
    throw invalid(
      setting,
      `${file} cannot be read (${code})`,
      `Name a file in ${setting} that the user who runs the source may read.`,
      error,
    )
  }
}

function parse<T>(setting: string, file: string, what: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw invalid(setting, `${file} does not hold ${what} as PEM`, `Name a PEM file in ${setting}.`, error)
  }
}

function invalid(setting: string, found: string, hint: string, cause?: unknown): Problem {
  return new Problem("settings-invalid", `${setting}: ${found}.`, { hint, facts: { setting }, cause })
}

function tellLoaded({ cert }: Pair, log: Logger): void {
  const { subject, validTo, fingerprint256 } = new X509Certificate(cert)
  const validToDate = new Date(validTo)
  const days = Math.floor((validToDate.getTime() - Date.now()) / dayMs)
  const facts = {
    event: "certificate.loaded",
    subject: subject.replaceAll("\n", ", "),
    valid_to: validToDate.toISOString(),
    sha256: fingerprint256,
  }
  if (days < 0) log.error(facts, "the certificate has expired; clients will refuse it")
  else if (days < warnDays) log.warn(facts, `the certificate expires in ${days} days`)
  else log.info(facts, `the certificate is valid for ${days} days`)
}
