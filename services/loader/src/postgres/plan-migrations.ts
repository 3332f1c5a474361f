/** Pure: which of the user's migrations are to be run, and whether they can be. */
import { Problem } from "@flatbed/contract"
import { listStatements } from "../sql/statement.ts"

export type MigrationFile = {
  /** `0001_create_shops.sql` */
  readonly file: string
  /** Without its ending: what is remembered. */
  readonly name: string
  readonly number: bigint
  readonly sql: string
}

export type RunMigration = { readonly name: string; readonly ranAt: string }

// A name goes into a statement of the runner as it stands.
const namePattern = /^([0-9]+)_[A-Za-z0-9_.-]+\.sql$/

/**
 * The files in the order of their numbers.
 *
 * @throws Problem `migration-failed` naming the first that is called otherwise, has a number twice, or holds what a
 * transaction of the loader's cannot run.
 */
export function checkMigrationFiles(files: readonly WrittenMigration[]): readonly MigrationFile[] {
  const { sorted, wrong } = inspectMigrationFiles(files)
  const [first] = wrong
  if (first !== undefined) throw first
  return sorted
}

export type WrittenMigration = { readonly file: string; readonly sql: string }

/** The same with all that is wrong; `sorted` are the others. */
export function inspectMigrationFiles(files: readonly WrittenMigration[]): {
  readonly sorted: readonly MigrationFile[]
  readonly wrong: readonly Problem[]
} {
  const wrong: Problem[] = []
  const called: MigrationFile[] = []
  for (const { file, sql } of files) {
    const number = namePattern.exec(file)?.[1]
    if (number === undefined) {
      const hint = file.endsWith(".sql")
        ? "Call it by its number and what it does: 0001_create_shops.sql"
        : "Write its ending in small letters: .sql"
      wrong.push(refused(file, "is not called as a migration is", hint))
      continue
    }
    wrong.push(...findWrongContent(file, sql))
    called.push({ file, name: file.slice(0, -".sql".length), number: BigInt(number), sql })
  }
  const sorted = called.toSorted((a, b) => (a.number < b.number ? -1 : a.number > b.number ? 1 : 0))
  for (const [i, { file, number }] of sorted.entries()) {
    const before = sorted[i - 1]
    if (before?.number !== number) continue
    wrong.push(refused(file, `has the number of ${before.file}`, "Give one of them the next free number."))
  }
  return { sorted, wrong }
}

function findWrongContent(file: string, sql: string): Problem[] {
  // The runner reads the file by itself, and Postgres takes the mark for a name.
  if (sql.startsWith("\ufeff"))
    return [refused(file, "begins with a byte order mark", "Save it as UTF-8 without one.")]
  const statements = listStatements(sql)
  if (statements.length === 0) return [refused(file, "holds no SQL", "Write it, or take the file away.")]
  const control = statements.find(({ firstWord }) => transactionWords.includes(firstWord))
  if (control !== undefined) {
    const word = control.firstWord.toUpperCase()
    return [
      refused(
        `${file}, line ${control.line}`,
        `says ${word}`,
        "Take it out: each migration is one transaction, which the loader begins and ends.",
      ),
    ]
  }
  // The runner would pass over what stands before the one, or behind the other.
  if (!/^\s*--[\s-]*(?:up|down)\s+migration/im.test(sql)) return []
  return [
    refused(file, "has a part for Up or Down Migration", "Take that comment out: the loader only goes up."),
  ]
}

const transactionWords = ["begin", "start", "commit", "rollback", "abort"]

/**
 * The files that have not run.
 *
 * @throws Problem `migration-failed` when one that ran is not there any more, or a new one stands before it.
 */
export function planMigrations(
  files: readonly MigrationFile[],
  ran: readonly RunMigration[],
): readonly MigrationFile[] {
  const gone = ran.find(({ name }) => !files.some((file) => file.name === name))
  if (gone !== undefined) {
    throw refused(
      `${gone.name}.sql`,
      `ran at ${gone.ranAt} and is not in the folder any more`,
      "Put it back as it was; what it did is undone by a new one.",
    )
  }
  const last = files.findLastIndex(({ name }) => ran.some((one) => one.name === name))
  const early = files.slice(0, last + 1).find(({ name }) => !ran.some((one) => one.name === name))
  if (early !== undefined) {
    throw refused(
      early.file,
      `is new, and ${files[last]?.file} with a later number has run already`,
      "Give it the next free number.",
    )
  }
  return files.slice(last + 1)
}

function refused(file: string, what: string, hint: string): Problem {
  return new Problem("migration-failed", `The migration ${file} ${what}.`, {
    hint: `No migration was run. ${hint}`,
    facts: { file },
  })
}
