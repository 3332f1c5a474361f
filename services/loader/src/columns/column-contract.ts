/** Pure: what the contract says to each difference between a version's columns and the table's. */
import { findNearest } from "@flatbed/config"
import type { Column } from "@flatbed/contract"
import type { TableColumn } from "../postgres/table.ts"
import type { ColumnDifference } from "./column-differences.ts"
import { postgresTypes } from "./column-fit.ts"
import { foldName } from "./column-names.ts"
import type { ColumnContract } from "./contract-settings.ts"

/** What becomes of a column of the table, or of the file. */
export type ColumnEffect =
  | { readonly does: "add"; readonly type: string }
  | { readonly does: "widen"; readonly type: string; readonly rewrites: boolean; readonly collation?: string }
  /** NOT NULL is taken off. */
  | { readonly does: "take-null" }
  /** A column of the file is not loaded. */
  | { readonly does: "skip" }
  /** A column of the table gets no values from the file. */
  | { readonly does: "leave" }

/** A difference, and what is done about it. */
export type ColumnChange = {
  readonly column: string
  readonly kind: ColumnDifference["kind"] | "required"
  /** The column's type in the table, with `not null` where it is; null when it has none of this name. */
  readonly before: string | null
  /** Its type in the file; null when that has none of this name. */
  readonly file: string | null
  /** What the contract says, such as `added: evolve`; null where it has no say. */
  readonly policy: string | null
  /** What follows from it in a few words. */
  readonly outcome: string
  /** Undefined when the version is refused for it. */
  readonly effect: ColumnEffect | undefined
  /** Set when a wider type would hold both, whether or not the contract lets it. */
  readonly widens?: boolean
  /** What was found, what was expected, what to do. */
  readonly message: string
}

type Judged = {
  readonly contract: ColumnContract
  /** Columns that the settings name, each with the setting: they cannot be left out. */
  readonly named: ReadonlyMap<string, string>
}

/** What becomes of each difference, in their order. */
export function judgeDifferences(
  differences: readonly ColumnDifference[],
  { contract, named }: Judged,
): ColumnChange[] {
  const dropped = differences.filter(({ kind }) => kind === "dropped").map(({ column }) => column)
  const evolves = contract.type === "evolve"
  const widened = new Map(
    differences.flatMap(({ column, wider }) =>
      evolves && wider !== undefined ? [[column, wider.type] as const] : [],
    ),
  )
  return differences.map(judge)

  function judge(difference: ColumnDifference): ColumnChange {
    const { kind, column, found } = difference
    switch (kind) {
      case "added":
        return judgeAdded(difference, contract, named, dropped)
      case "dropped":
        return judgeDropped(difference, contract)
      case "type":
        return judgeType(difference, contract)
      case "null": {
        // By then it may have been widened.
        const type = widened.get(column)
        const now = found === undefined || type === undefined ? found : { ...found, type }
        return judgeNull({ ...difference, found: now }, contract)
      }
      case "closed":
      case "own":
        return refuse(difference, null, "refused")
    }
  }
}

/** A change for each column that the contract requires and the version does not have. */
export function findMissing(
  columns: readonly Column[],
  { required }: ColumnContract,
  table: readonly TableColumn[] = [],
): ColumnChange[] {
  const served = columns.map(({ name }) => name)
  return required
    .filter((name) => !served.includes(name))
    .map((column) => {
      const near = findNearest(column, served)
      const rename = `columns: { rename: { ${JSON.stringify(near)}: ${JSON.stringify(column)} } }`
      const help =
        near === undefined
          ? `the file has ${served.map((name) => JSON.stringify(name)).join(", ")}`
          : `did you mean ${JSON.stringify(near)}? Then give the dataset ${rename} in source.yaml, or name that one`
      const found = table.find(({ name }) => name === column)
      return {
        ...{ column, kind: "required", before: showColumn(found), file: null, policy: "required" },
        ...{ outcome: "refused", effect: undefined },
        message: `"${column}" is required by the contract and not in the file; ${help}`,
      } as const
    })
}

function judgeAdded(
  difference: ColumnDifference,
  { added }: ColumnContract,
  named: ReadonlyMap<string, string>,
  dropped: readonly string[],
): ColumnChange {
  const { column, type = "text" } = difference
  const policy = `added: ${added}`
  const namesake = dropped.find((name) => foldName(name) === foldName(column))
  if (namesake !== undefined) {
    const rename = `columns: { rename: { ${JSON.stringify(column)}: ${JSON.stringify(namesake)} } }`
    const message = `"${column}" of the file and "${namesake}" of the table differ in case only; give the dataset ${rename} in source.yaml, or rename the column of the table`
    return refuse({ ...difference, message }, policy, `refused: only its case differs from ${namesake}`)
  }
  const setting = named.get(column)
  switch (added) {
    case "evolve": {
      const into = postgresTypes[type]
      return accept(difference, policy, `is added as ${into}`, { does: "add", type: into })
    }
    case "ignore": {
      if (setting === undefined) return accept(difference, policy, "is not loaded", { does: "skip" })
      const message = `"${column}" is not in the table, and \`${setting}\` names it, so it cannot be left out; let the contract add it:  added: evolve`
      return refuse({ ...difference, message }, policy, `refused: ${setting} names it`)
    }
    case "freeze":
      return refuse(difference, policy, "refused")
  }
}

function judgeDropped(difference: ColumnDifference, { dropped }: ColumnContract): ColumnChange {
  const { column, found } = difference
  const policy = `dropped: ${dropped}`
  const isFilled = found?.notNull !== true
  switch (dropped) {
    case "evolve": {
      if (isFilled) return accept(difference, policy, "stays, NULL in new rows", { does: "leave" })
      if (found?.isPrimary !== true)
        return accept(difference, policy, "takes NULL, and stays", { does: "take-null" })
      const message = `"${column}" (${found.type}) is not in the file, and in the table's primary key, so that it takes no NULL; make another primary key, or bring the column back`
      return refuse({ ...difference, message }, policy, "refused: it is in the primary key")
    }
    case "ignore": {
      if (isFilled) return accept(difference, policy, "is left as it is", { does: "leave" })
      const message = `"${column}" (${found?.type}) is not in the file, takes no NULL and has no default; give it a default, or let the contract take NOT NULL off:  dropped: evolve`
      return refuse({ ...difference, message }, policy, "refused: it takes no NULL and has no default")
    }
    case "freeze":
      return refuse(difference, policy, "refused")
  }
}

function judgeType(difference: ColumnDifference, { type }: ColumnContract): ColumnChange {
  const policy = `type: ${type}`
  if (type === "freeze") return refuse(difference, policy, "refused")
  const { wider, found } = difference
  if (wider === undefined) return refuse(difference, policy, "refused: no wider type holds both")
  const { collation } = found ?? {}
  const effect = { does: "widen", ...wider, ...(collation === undefined ? {} : { collation }) } as const
  return accept(difference, policy, `becomes ${wider.type}`, effect)
}

function judgeNull(difference: ColumnDifference, { type }: ColumnContract): ColumnChange {
  const policy = `type: ${type}`
  if (type === "freeze") return refuse(difference, policy, "refused")
  if (difference.found?.isPrimary !== true)
    return accept(difference, policy, "takes NULL", { does: "take-null" })
  const message = `"${difference.column}" is in the table's primary key, so that it takes no NULL, and the file has empty cells there; name it as the pipeline's \`key\`, so that such rows are set aside, or make another primary key`
  return refuse({ ...difference, message }, policy, "refused: it is in the primary key")
}

function accept(
  difference: ColumnDifference,
  policy: string,
  outcome: string,
  effect: ColumnEffect,
): ColumnChange {
  return { ...describe(difference), policy, outcome, effect }
}

function refuse(difference: ColumnDifference, policy: string | null, outcome: string): ColumnChange {
  return { ...describe(difference), policy, outcome, effect: undefined }
}

function describe({ column, kind, found, type, wider, message }: ColumnDifference) {
  const file = type === undefined ? null : kind === "null" ? `${type}, some empty` : type
  const before = showColumn(found)
  return { column, kind, before, file, message, ...(wider === undefined ? {} : { widens: true }) }
}

function showColumn(column: TableColumn | undefined): string | null {
  if (column === undefined) return null
  return `${column.type}${column.notNull ? " not null" : ""}`
}
