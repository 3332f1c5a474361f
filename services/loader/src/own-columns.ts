/** Pure: columns that the loader itself adds, beside the dataset's. */

import type { StagingColumn } from "./postgres/staging.ts"

/** In staging: the row's number in the version. */
export const rowColumn = "_flatbed_row"

/** In a mirrored table: when a row was found to be gone from the version; NULL while it is there. */
export const deletedAt = "_deleted_at"

/** `rowColumn` as staging has it, in front of the dataset's columns. */
export const numberColumn: StagingColumn = { name: rowColumn, type: "bigint", notNull: true }
