/** Pure: columns that the loader itself adds, beside the dataset's. */
import { Problem } from "@flatbed/contract"
import type { ModeRules } from "../load-modes/load-mode.ts"
import type { StagingColumn } from "../postgres/staging.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"

/** The row's number in the version, from 1: in staging where rows have to be told apart, and of a row's lineage. */
export const rowColumn = "_flatbed_row"

/** Of a row's lineage: its file, as the manifest names it. */
export const fileColumn = "_flatbed_file"

/** Of a row's lineage: the version that brought it as it is. */
export const versionColumn = "_flatbed_version"

/** Of a row's lineage: when that version was published. */
export const loadedAt = "_loaded_at"

/** In a mirrored table: when a row was found to be gone from the version; NULL while it is there. */
export const deletedAt = "_deleted_at"

/** A column of the target that the loader fills in. */
export type OwnColumn = {
  readonly name: string
  /** As format_type writes it. */
  readonly type: string
  /** What it says, to follow "which says". */
  readonly says: string
  /** The setting that asks for it. */
  readonly setting: string
}

const timestamptz = "timestamp with time zone"

/** In the order in which a table has them. Staging has the first two, for they differ from row to row. */
const lineage: readonly OwnColumn[] = [
  { name: fileColumn, type: "text", says: "which file a row is from", setting: "lineage: true" },
  { name: rowColumn, type: "bigint", says: "which row of the version a row is", setting: "lineage: true" },
  { name: versionColumn, type: "text", says: "which version a row is from", setting: "lineage: true" },
  { name: loadedAt, type: timestamptz, says: "when a row was published", setting: "lineage: true" },
]

const marks: readonly OwnColumn[] = [
  {
    name: deletedAt,
    type: timestamptz,
    says: "when a row was found to be gone",
    setting: "deletes.mode: soft",
  },
]

/** What the loader fills in a target with these rules, in the order in which a table that it makes has them. */
export function ownColumns(rules: Pick<ModeRules, "lineage" | "deletes">): readonly OwnColumn[] {
  return [...(rules.lineage ? lineage : []), ...(rules.deletes.soft ? marks : [])]
}

/** Every name that may be a column of the loader's own, with what it says. */
export const everyOwnColumn: readonly OwnColumn[] = [...lineage, ...marks]

/** The columns that are put before each line of a COPY into staging, in that order. */
export function stagedOwnColumns({ key, lineage, numbered }: StagedRules): StagingColumn[] {
  // In the table they take NULL, for rows may stand there that no version brought.
  if (lineage) {
    return [
      { name: fileColumn, type: "text", isOwn: true },
      { name: rowColumn, type: "bigint", isOwn: true },
    ]
  }
  if (key.length === 0 && !numbered) return []
  return [{ name: rowColumn, type: "bigint", notNull: true, isOwn: true }]
}

/** What decides which of its own columns the loader puts into staging. */
export type StagedRules = Pick<ModeRules, "key" | "lineage" | "numbered">

/** Raises settings-invalid when a column of the dataset has the name of one that the loader is to fill in. */
export function refuseOwnNames(
  { name, target, rules }: Pick<Pipeline, "name" | "target" | "rules">,
  columns: readonly { readonly name: string }[],
): void {
  const setting = rules.key.length === 0 ? "checks" : "key"
  const number = { name: rowColumn, says: "which row of the version a row is, in staging", setting }
  const own = [...ownColumns(rules), ...(stagedOwnColumns(rules).length === 0 ? [] : [number])]
  const met = own.find((one) => columns.some((column) => column.name === one.name))
  if (met === undefined) return
  const shown = JSON.stringify(met.name)
  throw new Problem(
    "settings-invalid",
    `The dataset has a column ${shown}, and with \`${met.setting}\` of pipelines.${name} the loader fills in one of that name for ${target}, which says ${met.says}.`,
    {
      hint: `Give the dataset's column another name in source.yaml, as in  columns: { rename: { ${shown}: ${JSON.stringify(met.name.slice(1))} } }  , or take the setting out.`,
      facts: { setting: met.setting, column: met.name },
    },
  )
}
