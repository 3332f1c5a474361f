/** Why a source's certificate does not hold, in words: found, expected, what to do. */
import { Problem } from "@flatbed/contract"

/** What a server showed of itself; texts as in the certificate. */
export type SeenCertificate = {
  readonly issuer: string
  /** Host names and addresses it is for. */
  readonly names: readonly string[]
  readonly validFrom: string
  readonly validTo: string
}

// Node's documentation, tls, "X509 certificate error codes".
const issuerCodes = new Set([
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "CERT_SIGNATURE_FAILURE",
  "CERT_CHAIN_TOO_LONG",
  "CERT_UNTRUSTED",
  "CERT_REJECTED",
  "CERT_REVOKED",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "PATH_LENGTH_EXCEEDED",
])

// What OpenSSL says of bytes that are not TLS, by version.
const plainCodes = new Set([
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_HTTP_REQUEST",
])

/**
 * The problem `source-untrusted` for an error of the TLS handshake, undefined for any other error. Nothing of the
 * request was sent: undici writes it only when the handshake has succeeded.
 */
export function describeTlsFailure(
  error: Error,
  asked: { readonly origin: string; readonly hasAuthority: boolean },
  seen: SeenCertificate | undefined,
): Problem | undefined {
  const { origin, hasAuthority } = asked
  const { hostname } = new URL(origin)
  const code = String((error as NodeJS.ErrnoException).code ?? "")
  const untrusted = (found: string, hint: string) =>
    new Problem("source-untrusted", `${found} No request was sent.`, {
      hint,
      facts: { reason: code },
      cause: error,
    })
  const clock = "If it holds by another clock, set this machine's."

  if (code === "CERT_HAS_EXPIRED") {
    const since = seen === undefined ? "" : ` on ${seen.validTo}`
    return untrusted(
      `${origin} shows a certificate that expired${since}; expected one that holds now.`,
      `Renew the source's certificate (tls.certificate in source.yaml). ${clock}`,
    )
  }
  if (code === "CERT_NOT_YET_VALID") {
    const from = seen === undefined ? "later on" : `from ${seen.validFrom}`
    return untrusted(
      `${origin} shows a certificate that holds only ${from}; expected one that holds now.`,
      `Wait, or give the source another certificate (tls.certificate in source.yaml). ${clock}`,
    )
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const names = seen === undefined || seen.names.length === 0 ? "another host" : seen.names.join(", ")
    return untrusted(
      `${origin} shows a certificate for ${names}; expected one for ${hostname}.`,
      "Put a name that the certificate has into source.url, or give the source a certificate with this one.",
    )
  }
  if (code === "DEPTH_ZERO_SELF_SIGNED_CERT") {
    return untrusted(
      `${origin} shows a certificate that is signed by itself; expected one signed by ${expected(hasAuthority)}.`,
      "To trust exactly this certificate, copy it here and name the copy in source.ca.",
    )
  }
  if (issuerCodes.has(code)) {
    const issuer = seen === undefined || seen.issuer === "" ? "somebody unknown" : seen.issuer
    return untrusted(
      `${origin} shows a certificate signed by ${issuer}; expected one signed by ${expected(hasAuthority)}.`,
      hasAuthority
        ? "Put the certificate of the authority that signed the source's into the file that source.ca names."
        : "If that is an authority of your own, name the file with its certificate in source.ca.",
    )
  }
  if (plainCodes.has(code)) {
    return untrusted(
      `${origin} answers without TLS; expected a certificate.`,
      "Give the source tls.certificate and tls.key; or, if it is meant to be plain, write http:// into source.url.",
    )
  }
  if (code === "EPROTO" || code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_")) {
    return untrusted(
      `${origin} and this loader agree on no TLS connection: ${error.message.trim()}.`,
      "Look at the source's log; tls.minimum in source.yaml says which versions it takes.",
    )
  }
  return undefined
}

function expected(hasAuthority: boolean): string {
  return hasAuthority ? "an authority in source.ca" : "a public authority"
}
