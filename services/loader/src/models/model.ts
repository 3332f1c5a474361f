/** Pure: a model as the loader makes it. */
import { createHash } from "node:crypto"
import type { Check, CheckResult } from "../checks/check.ts"
import { listChecks } from "../checks/check-settings.ts"
import { parseTable, showTable, type TableName } from "../postgres/identifier.ts"
import { listIndexes, type WantedIndex } from "../settings/index-settings.ts"
import { type ModelForm, type ModelSettings, writtenTable } from "./model-settings.ts"

export type Model = {
  readonly name: string
  readonly as: ModelForm
  readonly table: TableName
  /** The table as the ledger and messages write it. */
  readonly target: string
  readonly key: readonly string[]
  readonly indexes: readonly WantedIndex[]
  readonly checks: readonly Check[]
  /** As they are written: pipelines and models. */
  readonly needs: readonly string[]
  /** Every pipeline that it needs, directly or through models. */
  readonly pipelines: readonly string[]
  /** The models that it needs directly. */
  readonly models: readonly string[]
  /** The file of its SQL, as messages write it. */
  readonly file: string
  /** The select as Postgres gets it: `:new_versions` is `($1::text[])`. */
  readonly select: string
  /** Whether the select asks for the versions that are new to it. */
  readonly isIncremental: boolean
  /** SHA-256 of what shapes its rows. Another one means: make it again. */
  readonly definitionSha256: string
}

/** What became of the select's rows, and of those that the table had. */
export type AppliedRows = {
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly deleted: number
}

/** What a run of a model did. */
export type Made = {
  readonly number: number
  /** Rows of the table behind it; null of a view. */
  readonly tableRows: number | null
  /** Undefined of a view. */
  readonly applied: AppliedRows | undefined
  /** Rows that checks left out. */
  readonly rejects: number
  readonly checks: readonly CheckResult[]
  /** Versions that were new to it; undefined unless its select asks for them. */
  readonly newVersions: number | undefined
}

/** The part of a model that its settings and its SQL tell; `pipelines` and `models` are of the whole file. */
export function describeModel(
  name: string,
  settings: ModelSettings,
  sql: {
    readonly file: string
    readonly text: string
    readonly select: string
    readonly isIncremental: boolean
  },
  needed: { readonly pipelines: readonly string[]; readonly models: readonly string[] },
): Model {
  const { as, key = [], needs, indexes, checks } = settings
  const written = writtenTable(name, settings)
  const table = parseTable(written) ?? { schema: "public", name: written }
  const target = showTable(table)
  const shape = { sql: sql.text, as, target, key, indexes, checks }
  return {
    ...{ name, as, table, target, key, needs, ...needed },
    ...{ file: sql.file, select: sql.select, isIncremental: sql.isIncremental },
    indexes: listIndexes(table.name, indexes),
    checks: listChecks(checks),
    definitionSha256: createHash("sha256").update(JSON.stringify(shape)).digest("hex"),
  }
}
