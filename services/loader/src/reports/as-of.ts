/** Of which versions a report's answer is. */
import { getAttempts } from "../ledger/attempt-ledger.ts"
import { findReceipt } from "../ledger/publication-ledger.ts"
import type { Session } from "../postgres/database.ts"
import type { RunReceipt } from "../receipt.ts"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import { readTarget } from "../target.ts"

export type AsOf = {
  readonly pipeline: string
  readonly table: string
  /** `none`: nothing was published there. `replaced`: the table is another one than that of the version. */
  readonly state: "published" | "none" | "gone" | "replaced"
  /** The latest published one. */
  readonly version: string | null
  readonly published_at: string | null
  /** Of the version, also those that `append` found there. */
  readonly rows: number | null
  /** Whether the receipt in the ledger adds up. */
  readonly balanced: boolean | null
  /** Set when the last attempt to load failed: there may be a newer version that the table does not show. */
  readonly failed: { readonly code: string; readonly at: string } | null
}

/** What each pipeline's table shows, in their order, as this transaction sees it. */
export async function readAsOf(session: Session, pipelines: readonly Pipeline[]): Promise<AsOf[]> {
  const all: AsOf[] = []
  const attemptOf = await getAttempts(
    session,
    pipelines.map(({ name }) => name),
  )
  for (const pipeline of pipelines) {
    const { table, publication } = await readTarget(session, pipeline)
    const attempt = attemptOf(pipeline.name, pipeline.target)
    const failed =
      attempt?.outcome === "failed"
        ? { code: attempt.problem?.code ?? "internal", at: attempt.endedAt.toISOString() }
        : null
    const named = { pipeline: pipeline.name, table: pipeline.target, failed }
    if (publication === undefined) {
      all.push({ ...named, state: "none", version: null, published_at: null, rows: null, balanced: null })
      continue
    }
    const receipt = await findReceipt(session, publication.runId)
    all.push({
      ...named,
      state: table === undefined ? "gone" : table.oid === publication.targetOid ? "published" : "replaced",
      version: publication.version,
      published_at: publication.publishedAt.toISOString(),
      rows: publication.rows + publication.knownRows,
      balanced: receipt !== undefined && addsUp(receipt),
    })
  }
  return all
}

function addsUp({ records, rows, rejects, filtered, ...became }: RunReceipt): boolean {
  const { inserted, updated, unchanged, repeated, older } = became
  return records === rows + rejects + filtered && rows === inserted + updated + unchanged + repeated + older
}
