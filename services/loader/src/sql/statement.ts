/** Pure: what a file of SQL holds, as far as that can be told without Postgres. */
import { type SqlPart, scanSql } from "./scan-sql.ts"

export type Statement = {
  /** Without the semicolon that ends it; comments stay. */
  readonly text: string
  /** In lower case: `select`; `(` where it begins so. */
  readonly firstWord: string
  /** Of its first word, from 1. */
  readonly line: number
}

/** The statements of a text, those that are empty left out. Lines are counted in the text. */
export function listStatements(sql: string): Statement[] {
  const statements: Statement[] = []
  let parts: SqlPart[] = []
  for (const part of scanSql(sql)) {
    if (part.text !== ";") parts.push(part)
    else end()
  }
  end()
  return statements

  function end(): void {
    const first = parts.find(({ kind }) => kind !== "space" && kind !== "comment")
    if (first !== undefined) {
      statements.push({
        text: parts.map(({ text }) => text).join(""),
        firstWord: first.text.toLowerCase(),
        line: lineAt(sql, first.at),
      })
    }
    parts = []
  }
}

/** The line, from 1, of a place in a text, in UTF-16 units from 0. */
export function lineAt(text: string, at: number): number {
  return text.slice(0, at).split("\n").length
}

/** The line of a position that Postgres names: characters from 1 (Postgres manual, 53.8, field P). */
export function lineOfPosition(text: string, position: string | undefined): number | undefined {
  const characters = Number(position)
  if (position === undefined || !Number.isInteger(characters) || characters < 1) return undefined
  return [...text]
    .slice(0, characters - 1)
    .join("")
    .split("\n").length
}

/** Whether it reads, by its first word; that it does not write all the same is for Postgres to see. */
export function isQuery({ firstWord }: Statement): boolean {
  return ["select", "with", "values", "table", "("].includes(firstWord)
}
