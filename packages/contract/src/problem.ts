/**
 * Expected failures: one class, one table. A code means the same when the source throws it and when the
 * loader reads it from the wire (RFC 9457, problem details).
 */

/** Process exit codes, part of the command line's contract. 130 and 143 are the signals' own. */
export const exitCodes = {
  done: 0,
  unexpected: 1,
  usage: 2,
  source: 3,
  database: 4,
  contract: 5,
  rejects: 6,
  receipt: 7,
  locked: 8,
  models: 9,
} as const

type ExitName = keyof typeof exitCodes

type ProblemRow = {
  /** HTTP status when the source answers with it; null when it never travels. */
  readonly status: number | null
  /** Whether the same request may succeed later without anybody's help. */
  readonly retryable: boolean
  /** Which exit code a command ends with when this problem ends it. */
  readonly exit: ExitName
  /** The fixed sentence of RFC 9457 `title`: what kind of thing happened, the same every time. */
  readonly title: string
}

const row = (status: number | null, retryable: boolean, exit: ExitName, title: string): ProblemRow => ({
  status,
  retryable,
  exit,
  title,
})

/** Every code with its HTTP status, whether it may be retried, its exit code and its public sentence. */
export const problems = {
  // Asked of the source
  "dataset-not-found": row(404, false, "source", "No dataset has this name"),
  "version-not-found": row(404, false, "source", "The dataset has no such version"),
  "chunk-out-of-range": row(404, false, "source", "The version has no such chunk"),
  "row-out-of-range": row(404, false, "source", "The version has no such row"),
  "route-not-found": row(404, false, "source", "Nothing is served at this address"),
  unauthorized: row(401, false, "source", "The request carries no token that this source knows"),
  "request-invalid": row(400, false, "source", "The request is not one this service understands"),
  "not-acceptable": row(406, false, "source", "No representation fits the Accept header"),
  "version-gone": row(410, true, "source", "The version's bytes are no longer there"),
  indexing: row(503, true, "source", "The first version is still being made"),
  "too-busy": row(503, true, "source", "The source is answering as many requests as it can hold"),
  stopping: row(503, true, "source", "The service is stopping"),

  // Found in a file while it is being made into a version
  "file-missing": row(409, false, "contract", "The dataset's file is not there"),
  "file-forbidden": row(409, false, "contract", "The dataset's file may not be read"),
  "file-empty": row(409, false, "contract", "The file holds no bytes, not even a header"),
  "file-encoding": row(409, false, "contract", "The header is not valid text in the file's encoding"),
  "file-compression": row(409, false, "contract", "The file's compression is damaged, cut off or not known"),
  "text-over-limit": row(409, false, "contract", "The file's text is longer than the source allows"),
  "cache-unusable": row(503, true, "source", "The file's text cannot be written: no room, or no right to"),
  "file-nul": row(409, false, "contract", "The file holds a NUL character, which Postgres text cannot"),
  "file-unsettled": row(503, true, "source", "The file is still being written"),
  "files-differ": row(409, false, "contract", "The dataset's files do not have the same columns"),
  "format-unknown": row(409, false, "contract", "The endings of the dataset's files tell another format"),
  "checksum-mismatch": row(409, false, "contract", "A file is not what its checksum says"),
  "record-malformed": row(409, false, "contract", "A record is not well-formed CSV"),
  "json-invalid": row(409, false, "contract", "The file is not valid JSON"),
  "records-not-found": row(409, false, "contract", "The file has no records where the settings say"),
  "header-invalid": row(409, false, "contract", "The header does not name every column once"),
  "format-ambiguous": row(409, false, "contract", "The rows do not tell how a column is to be read"),
  "column-unknown": row(409, false, "contract", "The settings name a column that the file does not have"),

  // Met by the loader
  "source-unreachable": row(null, true, "source", "The source does not answer"),
  "source-refused": row(null, false, "source", "The source refused the request"),
  "source-untrusted": row(null, false, "source", "The source's certificate does not hold"),
  "chunk-damaged": row(null, true, "source", "What arrived is not what the source sent"),
  "deadline-exceeded": row(null, true, "source", "The source took longer than it is given"),
  "database-unreachable": row(null, true, "database", "Postgres does not answer"),
  "database-refused": row(null, false, "database", "Postgres refused the connection or the right"),
  "database-failed": row(null, false, "database", "Postgres refused a statement"),
  "chunks-lost": row(null, true, "database", "Postgres lost chunks that it had committed"),
  "migration-failed": row(null, false, "database", "A migration of the user's cannot be run"),
  "report-failed": row(null, false, "database", "Postgres refused a report's statement"),
  "columns-differ": row(null, false, "contract", "The table's columns are not the dataset's"),
  "key-repeated": row(null, false, "contract", "A key stands in more than one row"),
  "deletes-refused": row(null, false, "contract", "More rows would be deleted than the pipeline allows"),
  "file-changed": row(null, false, "contract", "What was appended from a file is no longer its beginning"),
  "table-unsuitable": row(null, false, "contract", "The rows of what has this name cannot be replaced"),
  "version-unstable": row(null, false, "contract", "The file changed again and again during the load"),
  "rows-unexpected": row(null, false, "contract", "The version has more or fewer rows than expected"),
  "check-failed": row(null, false, "contract", "Rows break a check of the pipeline"),
  "rejects-over-limit": row(null, false, "contract", "More records were set aside than the pipeline allows"),
  "data-refused": row(null, false, "contract", "Postgres refused a row"),
  "receipt-unbalanced": row(null, false, "receipt", "The load does not add up"),
  "verify-failed": row(null, false, "receipt", "The table is not what was published"),
  "model-failed": row(null, false, "models", "A model could not be made, and the old one stays"),
  "lease-held": row(null, false, "locked", "Another run of this pipeline is under way"),
  "lease-lost": row(null, false, "locked", "Another loader took this pipeline over"),

  // Met at a process's edge
  "settings-invalid": row(null, false, "usage", "The settings cannot be used"),
  "usage-invalid": row(null, false, "usage", "The command, or what it was given, cannot be used"),
  "file-exists": row(null, false, "usage", "A file is already there and is not overwritten"),
  "port-in-use": row(null, false, "usage", "The port is taken"),
  internal: row(500, true, "unexpected", "Something unexpected happened"),
} as const satisfies Record<string, ProblemRow>

export type ProblemCode = keyof typeof problems

/** Whether a word from the wire is a code of ours. */
export function isProblemCode(word: unknown): word is ProblemCode {
  return typeof word === "string" && Object.hasOwn(problems, word)
}

/** Facts that place a problem: dataset, version, file, line (from 1), byte (offset from 0), column, value … */
export type ProblemFacts = Readonly<Record<string, string | number | null>>

type ProblemOptions = {
  /** What to do next, one sentence. */
  readonly hint?: string
  readonly facts?: ProblemFacts
  readonly cause?: unknown
  /** Seconds after which a retry makes sense; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number
}

/** An expected failure: a code from the table, what was found and expected, and what to do next. */
export class Problem extends Error {
  override readonly name = "Problem"
  readonly code: ProblemCode
  readonly hint: string | undefined
  readonly facts: ProblemFacts
  readonly retryAfterSeconds: number | undefined

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.facts = options.facts ?? {}
    this.retryAfterSeconds = options.retryAfterSeconds
  }

  get retryable(): boolean {
    return problems[this.code].retryable
  }

  /** HTTP status of the answer; codes that never travel count as 500. */
  get status(): number {
    return problems[this.code].status ?? 500
  }

  get exitCode(): number {
    return exitCodes[problems[this.code].exit]
  }
}

/** The problem document, `application/problem+json`. `type` is "about:blank": `code` carries the meaning. */
export type ProblemDocument = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ProblemCode
  readonly hint?: string
  readonly facts?: ProblemFacts
}

/** Any thrown value as a Problem: ours as they are, everything else `internal` with the original as cause. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown
  return new Problem("internal", "An unexpected error stopped the work.", {
    hint: "The log holds the details; please report them.",
    cause: thrown,
  })
}

/** What a caller may read of a problem. `internal` keeps its details for the log. */
export function toProblemDocument(problem: Problem): ProblemDocument {
  return {
    type: "about:blank",
    title: problems[problem.code].title,
    status: problem.status,
    detail: problem.message,
    code: problem.code,
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    ...(Object.keys(problem.facts).length === 0 ? {} : { facts: problem.facts }),
  }
}

/**
 * The inverse, for the loader: a document from the wire becomes the Problem that the source threw.
 * Returns undefined when the body is no problem document of ours.
 */
export function fromProblemDocument(body: unknown, retryAfterSeconds?: number): Problem | undefined {
  if (typeof body !== "object" || body === null) return undefined
  const { code, detail, hint, facts } = body as Record<string, unknown>
  if (!isProblemCode(code) || problems[code].status === null || typeof detail !== "string") return undefined
  return new Problem(code, detail, {
    ...(typeof hint === "string" ? { hint } : {}),
    ...(isFacts(facts) ? { facts } : {}),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

function isFacts(value: unknown): value is ProblemFacts {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false
  return Object.values(value).every((v) => v === null || typeof v === "string" || typeof v === "number")
}
