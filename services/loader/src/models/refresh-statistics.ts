/** The planner's statistics of a model's table, renewed where many of its rows are new. */
import { analyzeTable } from "../postgres/table.ts"
import type { ModelParts } from "./make-models.ts"
import type { Made, Model } from "./model.ts"

/** Fewer written rows than this share of the table's leave its statistics good enough. */
const share = 0.1

/** In a transaction of its own: the model is made already, so a failure is only told. */
export async function refreshStatistics(
  { name, target, table }: Model,
  { applied, tableRows }: Made,
  { database, log, signal }: ModelParts,
): Promise<void> {
  if (applied === undefined || tableRows === null) return
  const written = applied.inserted + applied.updated + applied.deleted
  if (written === 0 || written < tableRows * share) return
  const doing = `analyzing ${target}`
  await database
    .transaction((session) => analyzeTable(session, table), { doing, signal })
    .catch((error: unknown) =>
      log.warn({ event: "table.not_analyzed", model: name, table: target, err: error }),
    )
}
