/** Secrets inside text: whatever is written to a log or a terminal passes through here. */

import { Problem } from "@flatbed/contract"

/** Object keys whose values are never written, at any depth a log line has. */
export const secretKeys = ["authorization", "Authorization", "cookie", "password", "token", "secret"] as const

/** What stands in a secret's place. */
export const stars = "***"

const known = new Set<string>()
const shortestSecret = 6

/**
 * What this process was given as secrets, from now on masked wherever it stands: the texts themselves and, of an address,
 * its password and what its query calls a secret; each as written, decoded, and as it stands in URLs and in JSON. What
 * is shorter than six characters, or the user's name as well, stays: it would be starred inside other words.
 */
export function rememberSecrets(values: readonly string[]): void {
  for (const value of values) {
    for (const one of [value, ...secretsInAddress(value)]) {
      for (const form of [one, encodeURIComponent(one), JSON.stringify(one).slice(1, -1)]) {
        if (form.length >= shortestSecret) known.add(form)
      }
    }
  }
}

function secretsInAddress(value: string): string[] {
  if (!URL.canParse(value)) return []
  const { username, password, pathname, searchParams } = new URL(value)
  const names = [decode(username), pathname.slice(1)]
  const inQuery = [...searchParams].filter(([key]) => secretParameter.test(key)).map(([, text]) => text)
  return [password, decode(password), ...inQuery].filter((text) => !names.includes(text))
}

const secretParameter = /pass|secret|token|key|signature/i

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const rules: readonly (readonly [RegExp, string])[] = [
  // scheme://user:password@host; a password that should have been percent-encoded may itself hold @. Taken for a path,
  // an address has lost a slash.
  [/\b([a-z][a-z0-9+.-]*:\/{1,2}[^\s:/?#@"'\\]*):[^\s/"'\\]+@/gi, `$1:${stars}@`],
  [/([?&][\w.-]*(?:password|passwd|token|secret|api[_-]?key|signature)=)[^&\s"'\\]+/gi, `$1${stars}`],
  [/\b(Bearer|Basic) +[A-Za-z0-9._~+/=-]{4,}/g, `$1 ${stars}`],
  // What `flatbed-source token new` makes, wherever somebody put it.
  [/\bflatbed_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/g, `flatbed_${stars}`],
  // A key where its file's path belongs (RFC 7468).
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^"']*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?=["'])|$)/g, stars],
]

/**
 * The text without passwords in URLs, tokens in queries, credentials of `Authorization` headers and private keys, and
 * without what `rememberSecrets` was told.
 */
export function maskSecrets(text: string): string {
  let masked = text
  for (const secret of known) masked = masked.replaceAll(secret, stars)
  return rules.reduce((so, [pattern, replacement]) => so.replace(pattern, replacement), masked)
}

/** The same problem, with nothing in its texts that must not be kept or shown. */
export function maskProblem(problem: Problem): Problem {
  const { message: detail, hint, facts, retryAfterSeconds, cause } = problem
  const written = JSON.stringify({ detail, hint, facts })
  const masked = maskSecrets(written)
  if (masked === written) return problem
  const { detail: said, ...options } = JSON.parse(masked)
  return new Problem(problem.code, said, {
    ...options,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    cause,
  })
}
