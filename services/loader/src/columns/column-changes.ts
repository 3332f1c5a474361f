/** Pure: changes of columns as a person reads them, as SQL, and as the ledger keeps them. */
import { findNearest } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import { quoteName } from "../postgres/identifier.ts"
import { printable } from "../printable.ts"
import { counted } from "../summary.ts"
import { formatTable } from "../text-table.ts"
import type { ColumnChange, ColumnEffect } from "./column-contract.ts"
import { foldName } from "./column-names.ts"
import type { ColumnContract } from "./contract-settings.ts"

/** What of a change is told to people. */
export type ShownChange = Pick<ColumnChange, "column" | "kind" | "before" | "file" | "policy" | "outcome">

/** The changes as a table, and below it which columns may only have got another name. */
export function formatChanges(changes: readonly ShownChange[]): string {
  const head = ["COLUMN", "IN THE TABLE", "IN THE FILE", "CONTRACT", "WHAT HAPPENS"]
  const lines = changes.map(({ column, before, file, policy, outcome }) => [
    ...[column, before ?? "-", file ?? "-", policy ?? "-", outcome],
  ])
  return [formatTable(head, lines), ...findRenames(changes)].join("\n")
}

/** Nobody can tell a new name from a new column: near names are told, and left to whoever knows. */
function findRenames(changes: readonly ShownChange[]): string[] {
  const dropped = changes.filter(({ kind }) => kind === "dropped").map(({ column }) => column)
  return changes.flatMap(({ kind, column }) => {
    const near = kind === "added" ? findNearest(column, dropped) : undefined
    // A name that differs in case only is refused, and told there.
    if (near === undefined || foldName(near) === foldName(column)) return []
    const rename = `columns: { rename: { ${JSON.stringify(column)}: ${JSON.stringify(near)} } }`
    return [
      `${printable(column)} may be ${printable(near)} under another name: then give the dataset  ${printable(rename)}  in source.yaml`,
    ]
  })
}

/** How many columns are not the same, and how many of them are refused: the log and the problem say the same. */
export function countChanges(
  target: string,
  changes: readonly Pick<ColumnChange, "column" | "effect">[],
): string {
  const all = namesOf(changes).length
  const refused = namesOf(changes.filter(({ effect }) => effect === undefined)).length
  const some =
    refused === 0 || refused === all ? "" : `, and ${refused} of them ${refused === 1 ? "is" : "are"} refused`
  return `${target} and the dataset differ in ${counted(all, "column")}${some}:`
}

const namesOf = (changes: readonly Pick<ColumnChange, "column">[]) => [
  ...new Set(changes.map(({ column }) => column)),
]

/** Raises columns-differ when the version is refused for any of the changes, with all that can be done by hand. */
export function refuseChanges(
  target: string,
  changes: readonly ColumnChange[],
  contract: ColumnContract,
): void {
  const refused = changes.filter(({ effect }) => effect === undefined)
  if (refused.length === 0) return
  const list = refused.map(({ message }) => `  ${message}`).join("\n")
  throw new Problem("columns-differ", `${countChanges(target, changes)}\n${list}`, {
    hint: `Nothing was loaded. Change the table or the source's settings as named above, or load into a new table.${suggestPolicies(refused, contract)}`,
    facts: { table: target, columns: namesOf(refused).join(", ") },
  })
}

/** What the pipeline's contract could say, so that such versions are taken. */
function suggestPolicies(refused: readonly ColumnChange[], contract: ColumnContract): string {
  const kinds = new Set(refused.map(({ kind, policy }) => (policy?.endsWith(": freeze") ? kind : undefined)))
  const could = [
    ...(kinds.has("added") ? ["added: evolve"] : []),
    ...(kinds.has("dropped") ? ["dropped: evolve"] : []),
    ...(contract.type === "freeze" && refused.some(mayWiden) ? ["type: evolve"] : []),
  ]
  if (could.length === 0) return ""
  return ` Or let the pipeline accept such changes:  contract: { ${could.join(", ")} }`
}

const mayWiden = ({ kind, widens }: ColumnChange) => kind === "null" || widens === true

/** The actions of an ALTER TABLE, in the order of the changes; none when the table stays as it is. */
export function alterActions(changes: readonly ColumnChange[]): string[] {
  return changes.flatMap(({ column, effect }) => {
    const action = effect === undefined ? undefined : actionOf(quoteName(column), effect)
    return action === undefined ? [] : [action]
  })
}

function actionOf(name: string, effect: ColumnEffect): string | undefined {
  switch (effect.does) {
    case "add":
      return `add column ${name} ${effect.type}`
    case "widen":
      return `alter column ${name} type ${effect.type}${effect.collation === undefined ? "" : ` collate ${effect.collation}`}`
    case "take-null":
      return `alter column ${name} drop not null`
    case "skip":
    case "leave":
      return undefined
  }
}

/** The column's type in the table behind the change, with `not null` where it stays; null when it has none. */
export function becomesOf({ before, effect }: ColumnChange): string | null {
  switch (effect?.does) {
    case undefined:
    case "leave":
      return before
    case "add":
      return effect.type
    case "widen":
      return `${effect.type}${before?.endsWith(" not null") ? " not null" : ""}`
    case "take-null":
      return before?.replace(/ not null$/, "") ?? null
    case "skip":
      return null
  }
}
