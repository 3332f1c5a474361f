/** Pure: what to do about a table that is not what was published into it. */
import type { Column } from "@flatbed/contract"
import { postgresTypes } from "./columns/column-fit.ts"
import { showName } from "./postgres/identifier.ts"
import type { Table } from "./postgres/table.ts"
import type { Pipeline } from "./settings/pipeline-settings.ts"
import type { ShowCommand } from "./summary.ts"

/**
 * How the version's rows come back, by what a load of the mode does with rows that are there: MODES.md. `append` and
 * `upsert` hold rows that the files no longer have, so dropping the table would lose them.
 */
export function adviseRepair(
  { name, target, mode }: Pipeline,
  showCommand: ShowCommand,
  isEmpty = false,
): string {
  const who = `Somebody or something wrote into the table besides ${name}.`
  const afresh = `${showCommand(`reset ${name}`)}, then ${showCommand(`load ${name}`)}`
  const record = `${showCommand(`explain ${name} KEY`)} shows a row's record`
  const keep = `Do not drop the table: ${target} may have rows that the files no longer have, and no load would bring them back.`
  switch (mode) {
    case "replace":
    case "mirror":
      return `${who} To have the version's rows again, with the table's views, grants and indexes: ${afresh}.`
    case "append":
      if (isEmpty)
        return `${who} ${target} is empty, so all files of the newest version may be appended once more: ${afresh}. Rows of files that are gone do not come back by that.`
      return `${who} ${keep} Nor reset the pipeline: all files would be appended once more. Put the rows right by SQL: ${record}.`
    case "upsert":
      return `${who} ${keep} For the rows of the newest version: ${afresh}; it deletes nothing. The others put right by SQL: ${record}.`
  }
}

/** The columns of the version that the table had to get, by the pipeline's contract, and does not have. */
export function findLostColumns(
  columns: readonly Column[],
  table: Pick<Table, "columns">,
  { contract }: Pick<Pipeline, "contract">,
): Column[] {
  if (contract.added === "ignore") return []
  const there = new Set(table.columns.map(({ name }) => name))
  return columns.filter(({ name }) => !there.has(name))
}

/** What becomes of a table that lost columns. */
export function adviseColumns(lost: readonly Column[], pipeline: Pipeline, showCommand: ShowCommand): string {
  const adds = lost.map(({ name, type }) => `add column ${showName(name)} ${postgresTypes[type]}`)
  const again = `alter table ${pipeline.target} ${adds.join(", ")};`
  return `If the table is to do without: contract: { added: ignore } in the settings. Otherwise: ${again} ${adviseRepair(pipeline, showCommand)}`
}
