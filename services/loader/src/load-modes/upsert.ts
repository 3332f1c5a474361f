/** `upsert`: by key, new rows are inserted, changed ones updated, the same ones left alone. */
import type { LoadMode } from "./load-mode.ts"
import { merge } from "./merge.ts"

/** Rows of the table that the version does not have stay as they are. */
export const upsert: LoadMode = (session, application) => merge(session, application, { they: "stay" })
