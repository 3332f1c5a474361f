/** What a load mode has to say, and the table of all of them. */
import type { Session } from "../postgres/database.ts"
import type { TableName } from "../postgres/identifier.ts"
import { replace } from "./replace.ts"

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
  /** Whether staging may become the table: no reader could see a part of it. */
  readonly mayAdopt: boolean
}

export type Applied = { readonly inserted: number; readonly deleted: number }

/** Brings the staged rows into the table, inside the publish transaction: all of it or nothing becomes visible. */
export type LoadMode = (session: Session, application: Application) => Promise<Applied>

export const loadModeNames = ["replace"] as const

/** Every load mode by the name that `mode:` has in the settings. */
export const loadModes: Readonly<Record<(typeof loadModeNames)[number], LoadMode>> = { replace }
