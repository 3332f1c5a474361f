/** What an error of the driver or of Postgres means: which problem it is, and whether trying again can help. */
import { Problem, type ProblemCode, type ProblemFacts } from "@flatbed/contract"
import pg from "pg"

type Meaning = {
  readonly code: ProblemCode
  /** Whether the whole transaction may be tried again. */
  readonly retry: boolean
  readonly hint?: string
}

const unreachable: Meaning = {
  code: "database-unreachable",
  retry: true,
  hint: "Check that Postgres runs at database.url and that this machine may reach it.",
}
const contended: Meaning = {
  code: "database-failed",
  retry: true,
  hint: "Another session held what this one needed, again and again. See pg_locks for who it is.",
}
const refused: Meaning = { code: "database-refused", retry: false }
const badData: Meaning = { code: "data-refused", retry: false }

// SQLSTATE, or its first two characters (Postgres manual, appendix A). The longer key wins.
const meanings: Readonly<Record<string, Meaning>> = {
  "08": unreachable,
  "57P": unreachable,
  "53300": {
    ...unreachable,
    hint: "Postgres has no connection to spare: raise max_connections or lower connections.",
  },
  "40001": contended,
  "40P01": contended,
  "55P03": contended,
  "28": { ...refused, hint: "Check the user and the password in database.url, and pg_hba.conf." },
  "3D": { ...refused, hint: "Check the database's name in database.url, or create it." },
  // A server's idle_in_transaction_session_timeout ended the session: nothing was committed.
  "25P03": contended,
  "42501": {
    ...refused,
    hint: "Grant the loader's role this right; services/loader/deploy/role.sql has those that it needs.",
  },
  "25006": { ...refused, hint: "The server is read-only: point database.url at the primary." },
  "22": badData,
  "23": badData,
}

const failed: Meaning = { code: "database-failed", retry: false }

/** Whether the error came from Postgres itself, as an answer, so that the connection still works. */
export function isAnswer(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && error.severity !== "FATAL" && error.severity !== "PANIC"
}

/** Whether Postgres refused data: a value, or a row that breaks a constraint. The transaction may go back to a savepoint. */
export function isDataError(error: unknown): error is pg.DatabaseError {
  return isAnswer(error) && meanings[error.code?.slice(0, 2) ?? ""] === badData
}

/**
 * The meaning of whatever a database call threw, by SQLSTATE; undefined when it did not come from the database.
 * An error without SQLSTATE is a connection that was never made or broke.
 */
export function findMeaning(error: unknown): Meaning | undefined {
  if (error instanceof pg.DatabaseError) {
    const state = error.code ?? ""
    return meanings[state] ?? meanings[state.slice(0, 3)] ?? meanings[state.slice(0, 2)] ?? failed
  }
  if (!(error instanceof Error) || error instanceof Problem) return undefined
  // The driver checks SCRAM by itself and throws plain errors (pg 8.23: lib/crypto/sasl.js).
  if (error.message.startsWith("SASL")) return meanings["28"]
  return isConnectionError(error) ? unreachable : undefined
}

/** The error as a Problem that says which statement failed and what Postgres said; others come back as they are. */
export function toDatabaseProblem(error: unknown, doing: string): unknown {
  const meaning = findMeaning(error)
  if (meaning === undefined || !(error instanceof Error)) return error
  return new Problem(meaning.code, describe(error, doing), {
    ...hintOf(error, meaning),
    facts: factsOf(error),
    cause: error,
  })
}

function describe(error: Error, doing: string): string {
  if (!(error instanceof pg.DatabaseError)) return `While ${doing}: ${reasonOf(error)}.`
  const place = [error.table && `table ${error.table}`, error.column && `column ${error.column}`]
  const where = [...place, error.constraint && `constraint ${error.constraint}`].filter(Boolean).join(", ")
  const copyLine = /^COPY [^\n]*/.exec(error.where ?? "")?.[0]
  const detail = [where, error.detail, copyLine].filter(Boolean).join("; ")
  return `While ${doing}, Postgres said: ${error.message}${detail === "" ? "" : ` (${detail})`}.`
}

function hintOf(error: Error, meaning: Meaning): { hint?: string } {
  // Told by the place in Postgres' source, since its words come in many languages.
  if (error instanceof pg.DatabaseError && error.routine === "ExecFindPartition") {
    return {
      hint: `Nothing was changed. Make a partition of ${error.table} for such rows, or a default one.`,
    }
  }
  const own = error instanceof pg.DatabaseError ? error.hint : undefined
  const hint = meaning.hint ?? own
  return hint === undefined ? {} : { hint }
}

function factsOf(error: Error): ProblemFacts {
  if (!(error instanceof pg.DatabaseError)) return {}
  const { code, schema, table, column, constraint } = error
  const known = { sqlstate: code, schema, table, column, constraint }
  return Object.fromEntries(Object.entries(known).flatMap(([key, value]) => (value ? [[key, value]] : [])))
}

function reasonOf(error: Error): string {
  // Node puts one error per address tried into an AggregateError whose own message is empty.
  if (error instanceof AggregateError) return error.errors.map((e) => (e as Error).message).join("; ")
  return error.message
}

const socketCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EPIPE",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "EADDRNOTAVAIL",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ECONNABORTED",
])
// The driver's own words for a connection that is gone or never came (pg 8.23: lib/client.js, pg-pool index.js).
const driverWords =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed|The server does not support SSL)/

function isConnectionError(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return (code !== undefined && socketCodes.has(code)) || driverWords.test(error.message)
}
