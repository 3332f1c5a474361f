/** `upsert`: by key, new rows are inserted, changed ones updated, the same ones left alone. */
import type { LoadMode } from "./load-mode.ts"
import { mergeByKey, settleKeys } from "./merge.ts"

/** Rows of the table that the version does not have stay as they are. */
export const upsert: LoadMode = async (session, application) => {
  const repeated = await settleKeys(session, application)
  return { ...(await mergeByKey(session, application)), repeated, deleted: 0 }
}
