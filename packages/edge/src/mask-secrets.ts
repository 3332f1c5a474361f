/** Secrets inside text: whatever is written to a log or a terminal passes through here. */

/** Object keys whose values are never written, at any depth a log line has. */
export const secretKeys = ["authorization", "Authorization", "cookie", "password", "token", "secret"] as const

/** What stands in a secret's place. */
export const stars = "***"

const rules: readonly (readonly [RegExp, string])[] = [
  // scheme://user:password@host; a password that should have been percent-encoded may itself hold @.
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@"'\\]*):[^\s/"'\\]+@/gi, `$1:${stars}@`],
  [/([?&](?:password|token)=)[^&\s"'\\]+/gi, `$1${stars}`],
  [/\b(Bearer|Basic) +[A-Za-z0-9._~+/=-]{4,}/g, `$1 ${stars}`],
]

/** The text without passwords in URLs, tokens in queries, and credentials of `Authorization` headers. */
export function maskSecrets(text: string): string {
  return rules.reduce((masked, [pattern, replacement]) => masked.replace(pattern, replacement), text)
}
