/** What went wrong between the loader and the source, as problems that say what was found and what to do. */
import { fromProblemDocument, Problem } from "@flatbed/contract"
import { errors } from "undici"
import type { ChunkGroup } from "../staging/chunk-groups.ts"
import { describeTlsFailure, type SeenCertificate } from "./tls-failure.ts"

export type Asked = {
  /** `scheme://host:port` of source.url. */
  readonly origin: string
  readonly path: string
  readonly hasToken: boolean
  readonly hasAuthority: boolean
  readonly idleMs: number
  readonly requestMs: number
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** An answer that is no success: the source's own problem, or what a proxy's status means. */
export function describeRefusal(status: number, headers: Headers, body: Buffer, asked: Asked): Problem {
  const retryAfter = readRetryAfter(headers["retry-after"])
  const ours = fromProblemDocument(parseJson(body), retryAfter)
  if (ours !== undefined) return withWhereToMend(ours, asked)
  const sentence = `GET ${asked.path} was answered with status ${status}`
  if (status === 429 || (status >= 502 && status <= 504)) {
    return new Problem("source-unreachable", `${sentence}.`, {
      hint: "A proxy in front of the source answers in its place.",
      ...(retryAfter === undefined ? {} : { retryAfterSeconds: retryAfter }),
    })
  }
  return new Problem("source-refused", `${sentence}.`, { hint: refusalHint(status), facts: { status } })
}

/** The source does not know how this loader names its settings; the person who reads the problem does. */
function withWhereToMend(problem: Problem, { origin, hasToken }: Asked): Problem {
  switch (problem.code) {
    case "unauthorized":
      return new Problem(
        "unauthorized",
        hasToken
          ? `${origin} does not know the token in source.token, or the token has expired there.`
          : `${origin} asks for a token, and source.token is not set.`,
        {
          hint: "`flatbed-source token new` makes one: its SHA-256 goes into auth.tokens of source.yaml, the token into source.token of loader.yaml.",
        },
      )
    case "dataset-not-found": {
      if (!hasToken) return problem
      const scope = "A token sees only the datasets that auth.tokens of source.yaml grants it."
      return new Problem("dataset-not-found", problem.message, {
        hint: problem.hint === undefined ? scope : `${problem.hint} ${scope}`,
        facts: problem.facts,
      })
    }
    case "route-not-found":
      return new Problem("route-not-found", problem.message, {
        hint: `${origin} answers, but not as a source's data port. source.url is to be the address that listen in source.yaml gives, http://host:port without a path; not that of its admin port.`,
        facts: problem.facts,
      })
    default:
      return problem
  }
}

function refusalHint(status: number): string {
  if (status === 401 || status === 403) return "Check source.token: the source does not grant this."
  if (status >= 300 && status < 400)
    return "Redirects are not followed; put the final address into source.url."
  return "Check that source.url names a Flatbed source."
}

/** Seconds from a Retry-After field: a number, or the time until a date (RFC 9110 section 10.2.3). */
export function readRetryAfter(field: string | string[] | undefined, now = Date.now()): number | undefined {
  if (typeof field !== "string") return undefined
  if (/^[0-9]{1,9}$/.test(field)) return Number(field)
  const date = /^[A-Z][a-z]{2}, /.test(field) ? Date.parse(field) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000)
}

const lateCodes = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"])
const garbledCodes = new Set([
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_HEADERS_OVERFLOW",
  "UND_ERR_RESPONSE",
  "UND_ERR_RES_EXCEEDED_MAX_SIZE",
])

/**
 * A request that failed below HTTP. `answered`: the answer had begun. `certificate`: what a look without a request
 * found at the address, undefined when nothing there speaks TLS. Errors of ours stay what they are.
 */
export function describeFailure(
  error: unknown,
  answered: boolean,
  asked: Asked,
  certificate: SeenCertificate | undefined,
): unknown {
  if (!(error instanceof Error)) return error
  const { origin, path, idleMs, requestMs } = asked
  const code = String((error as NodeJS.ErrnoException).code ?? "")
  const request = `GET ${path}`
  const late = (detail: string) => new Problem("deadline-exceeded", detail, { cause: error })
  const damaged = (detail: string) => new Problem("chunk-damaged", detail, { cause: error })
  if (error.name === "TimeoutError") return late(`${request} took longer than ${requestMs / 1000} s.`)
  if (lateCodes.has(code)) return late(`${request}: the source was silent for ${idleMs / 1000} s.`)
  if (garbledCodes.has(code) || code.startsWith("HPE_")) {
    return damaged(`The answer to ${request} is not well-formed: ${error.message}.`)
  }
  // The driver's own misuse errors are bugs of ours and stay what they are.
  if (error instanceof errors.InvalidArgumentError || error instanceof TypeError) return error
  if (answered) return damaged(`The answer to ${request} broke off: ${error.message}.`)
  const untrusted = describeTlsFailure(error, asked, certificate)
  if (untrusted !== undefined) return untrusted
  if (origin.startsWith("http:") && certificate !== undefined) {
    return new Problem("source-refused", `${origin} speaks TLS, and source.url begins with http:.`, {
      hint: "Write https:// into source.url.",
      cause: error,
    })
  }
  return new Problem("source-unreachable", `${origin} does not answer: ${reasonOf(error)}.`, {
    hint: "Check that the source runs and that source.url names it.",
    cause: error,
  })
}

/** Whether a look at the address's certificate would make the problem clearer. */
export function isWorthALook(error: unknown, origin: string): boolean {
  if (!(error instanceof Error)) return false
  const code = String((error as NodeJS.ErrnoException).code ?? "")
  // A TLS server that gets plain HTTP hangs up without a word.
  if (origin.startsWith("http:")) return code === "UND_ERR_SOCKET" || code === "ECONNRESET"
  return describeTlsFailure(error, { origin, hasAuthority: false }, undefined) !== undefined
}

function reasonOf(error: Error): string {
  // Node puts one error per address tried into an AggregateError whose own message is empty.
  if (error instanceof AggregateError) return error.errors.map((e) => (e as Error).message).join("; ")
  return error.message
}

/** More than source.max_body arrived, or came out of what arrived. `chunks` are those that were asked for, if any. */
export function tooLarge(
  path: string,
  maxBytes: number,
  state: "as sent" | "unpacked",
  chunks?: ChunkGroup,
): Problem {
  const how = state === "unpacked" ? ", unpacked," : ""
  return new Problem("source-refused", `The answer to GET ${path}${how} is larger than ${maxBytes} bytes.`, {
    hint: sizeHint(chunks),
  })
}

function sizeHint(chunks: ChunkGroup | undefined): string {
  if (chunks === undefined) return "Raise source.max_body."
  if (chunks.length > 1) return "Raise source.max_body, or lower group: then fewer chunks come together."
  return chunks[0].rows === 1
    ? "Raise source.max_body: the chunk is one row, so it cannot be cut smaller."
    : "Raise source.max_body. To lower the dataset's chunk in the source's settings helps too, unless one record alone is that large."
}

export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"))
  } catch {
    return undefined
  }
}

/** Makes the problem of an answer that is none of ours, whatever was asked. */
export function damageOfAnswer(path: string): (what: string) => Problem {
  return (what) =>
    new Problem("chunk-damaged", `The answer to GET ${path} is not what a source answers: ${what}.`, {
      hint: "Check that source.url names a Flatbed source, and that no proxy answers in its place.",
    })
}
