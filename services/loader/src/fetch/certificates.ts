/** Certificates: the authorities that this loader trusts, and what a server shows. */
import { X509Certificate } from "node:crypto"
import { readFile } from "node:fs/promises"
import { isIP } from "node:net"
import { connect } from "node:tls"
import { Problem } from "@flatbed/contract"
import type { SeenCertificate } from "./tls-failure.ts"

const pemBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/**
 * The authorities in the file that source.ca names, as PEM; undefined without the setting.
 *
 * @throws Problem `settings-invalid` when the file cannot be read or holds no certificate: Node would ignore that
 * quietly and trust the public authorities instead.
 */
export async function readAuthorities(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  const invalid = (found: string, cause: unknown) =>
    new Problem("settings-invalid", `source.ca: ${file} ${found}.`, {
      hint: "Name a PEM file with the certificate of the authority that signed the source's.",
      cause,
    })
  const text = await readFile(file, "utf8").catch((error) => {
    throw invalid(`cannot be read (${error.code})`, error)
  })
  const blocks = text.match(pemBlock) ?? []
  if (blocks.length === 0) throw invalid("holds no certificate", undefined)
  for (const block of blocks) {
    try {
      new X509Certificate(block)
    } catch (error) {
      throw invalid("holds a certificate that cannot be read", error)
    }
  }
  return blocks.join("\n")
}

/** What a server shows in a handshake that ends there, with nothing sent; undefined when it speaks no TLS. */
export async function lookAtCertificate(url: string, limitMs: number): Promise<SeenCertificate | undefined> {
  const { hostname, port, protocol } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, "")
  return await new Promise((resolve) => {
    const socket = connect({
      host,
      port: Number(port) || (protocol === "https:" ? 443 : 80),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      // Only looked at, never trusted: no byte of a request goes over this connection.
      rejectUnauthorized: false,
    })
    const answer = (seen: SeenCertificate | undefined) => {
      clearTimeout(limit)
      socket.destroy()
      resolve(seen)
    }
    const limit = setTimeout(() => answer(undefined), limitMs)
    socket.on("error", () => answer(undefined))
    socket.on("secureConnect", () => {
      const shown = socket.getPeerX509Certificate()
      answer({
        issuer: shown?.issuer.replaceAll("\n", ", ") ?? "",
        names: (shown?.subjectAltName ?? "")
          .split(", ")
          .flatMap((name) => name.split(":").slice(1).join(":") || []),
        validFrom: shown?.validFrom ?? "",
        validTo: shown?.validTo ?? "",
      })
    })
  })
}
