/** What a load mode has to say, and the table of all of them. */
import type { Session } from "../postgres/database.ts"
import type { TableName } from "../postgres/identifier.ts"
import type { RowRight } from "../postgres/rights.ts"
import { append } from "./append.ts"
import { mirror } from "./mirror.ts"
import { replace } from "./replace.ts"
import { upsert } from "./upsert.ts"

export type Application = {
  readonly staging: TableName
  readonly target: TableName
  /** Names of the loaded columns, in their order. */
  readonly columns: readonly string[]
  /** The target's type per column, in the same order. */
  readonly types: readonly string[]
  /** Rows in staging. */
  readonly staged: number
  /** Whether the target is there; the mode makes it otherwise. */
  readonly exists: boolean
  /** Whether staging may become the table: no reader could see a part of it, or another state of it. */
  readonly mayAdopt: boolean
  /** How long readers may keep staging from taking the table's place, milliseconds. */
  readonly swapWaitMs: number
  /** Told when they did, and the rows were deleted and inserted instead. */
  readonly onNotSwapped: () => void
  /** The table as messages write it. */
  readonly name: string
  readonly version: string
  /** Records of the version that were set aside. */
  readonly rejects: number
  readonly rules: ModeRules
}

/** What the settings say of how rows meet; each mode has its own share of it. */
export type ModeRules = {
  /** The columns that tell a row; empty where none do. */
  readonly key: readonly string[]
  /** Of rows with one key the one with the greatest value here is the newest; NULL is the least. */
  readonly orderBy: string | undefined
  /** Which staged rows give way to another: those that are the same, or those with the same key. */
  readonly dedupe: "none" | "exact" | "key"
  /** Whether each row of the table says whence it is; see own-columns.ts. */
  readonly lineage: boolean
  /** Whether staged rows have their numbers, beside those of a key or a lineage: checks tell rows by them. */
  readonly numbered: boolean
  /** `publish: swap`: staging takes the table's place instead of its rows taking those of the table. */
  readonly swap: boolean
  readonly deletes: {
    /** Rows are marked in `_deleted_at` instead of being deleted. */
    readonly soft: boolean
    readonly maxRows: number
    /** Of the rows in the table, as `20%`. */
    readonly maxShare: string
    readonly afterRejects: boolean
    /** A version whose deletes are not held against the limits. */
    readonly allowedFor: string | undefined
  }
}

/** What became of the staged rows, and how many rows of the table went or were marked. */
export type Applied = {
  readonly inserted: number
  readonly updated: number
  /** Rows that the table had just so. */
  readonly unchanged: number
  /** Rows that gave way to another of the version. */
  readonly repeated: number
  /** Rows that gave way to a newer one of the table. */
  readonly older: number
  readonly deleted: number
}

/** Brings the staged rows into the table, inside the publish transaction: all of it or nothing becomes visible. */
export type LoadMode = (session: Session, application: Application) => Promise<Applied>

export const loadModeNames = ["replace", "append", "upsert", "mirror"] as const

/** What a load does with the rows of a table that is there: the rights that its role needs. */
export function rightsOf(mode: (typeof loadModeNames)[number], { key, deletes }: ModeRules): RowRight[] {
  const keyed: RowRight[] = ["select", "insert", "update"]
  switch (mode) {
    case "replace":
      return key.length === 0 ? ["insert", "delete"] : [...keyed, "delete"]
    case "append":
      return ["insert"]
    case "upsert":
      return keyed
    case "mirror":
      return deletes.soft ? keyed : [...keyed, "delete"]
  }
}

/** Every load mode by the name that `mode:` has in the settings. */
export const loadModes: Readonly<Record<(typeof loadModeNames)[number], LoadMode>> = {
  replace,
  append,
  upsert,
  mirror,
}
