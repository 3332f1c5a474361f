/** What makes the source's address, token and authority fit together. Pure. */
import { isIPv4 } from "node:net"
import type { SettingsProblem } from "@flatbed/config"
import { type Compression, hasZstd } from "./compression.ts"

export type SourceAddress = {
  readonly url: string
  readonly token?: string | undefined
  readonly ca?: string | undefined
  readonly allow_plain_http: boolean
  readonly compression?: Compression | undefined
}

// RFC 6750 section 2.1: what may follow "Bearer " in the header.
const bearerToken = /^[A-Za-z0-9._~+/-]+=*$/

/** The problems of `source`; messages never hold the token. `unpacksZstd`: whether this Node can. */
export function checkSource(
  { url, token, ca, allow_plain_http, compression }: SourceAddress,
  unpacksZstd = hasZstd,
): SettingsProblem[] {
  if (!URL.canParse(url)) {
    return [{ path: "source.url", message: "is no address; expected one such as https://files.example:4000" }]
  }
  const { protocol, hostname, username, password, pathname, search, hash } = new URL(url)
  const problems: SettingsProblem[] = []
  if (username !== "" || password !== "") {
    problems.push({
      path: "source.url",
      message: "holds a user or a password; expected only the address, and the secret in source.token",
    })
  }
  // What a query or a fragment says may be a secret.
  const more = [pathname === "/" ? "" : `the path ${pathname}`, search && "a query", hash && "a fragment"]
  if (more.some((part) => part !== "")) {
    problems.push({
      path: "source.url",
      message: `has ${more.filter((part) => part !== "").join(" and ")}; expected http://host:port or https://host:port, without a path`,
    })
  }
  if (token !== undefined && !bearerToken.test(token)) {
    problems.push({
      path: "source.token",
      message: "holds a character that no bearer token has; expected letters, digits and . _ ~ + / - only",
    })
  }
  if (compression === "zstd" && !unpacksZstd) {
    problems.push({
      path: "source.compression",
      message: `is zstd, which Node has from 22.15 on and this one, ${process.version}, has not; expected gzip or none`,
    })
  }
  if (protocol === "https:") return problems
  if (ca !== undefined) {
    problems.push({
      path: "source.ca",
      message: `is set, but a source at http:// shows no certificate; expected source.url to begin with https://`,
    })
  }
  if (token !== undefined && !isLoopback(hostname) && !allow_plain_http) {
    problems.push({
      path: "source.url",
      message:
        `begins with http://, and the token would be readable on the way; expected https://. ` +
        "In a network that is yours alone, source.allow_plain_http: true sends it all the same",
    })
  }
  return problems
}

/**
 * What to ask for when the settings do not say: a network is slower than unpacking, this machine is not. zstd is smaller
 * than gzip for half of the processor's time; a source without it answers with gzip.
 */
export function standardCompression(url: string, unpacksZstd = hasZstd): Compression {
  if (isLoopback(new URL(url).hostname)) return "none"
  return unpacksZstd ? "zstd" : "gzip"
}

function isLoopback(hostname: string): boolean {
  if (hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]") return true
  return isIPv4(hostname) && hostname.startsWith("127.")
}
