/** What Prometheus may ask: base units, labels of low cardinality. */
import { Counter, Gauge, Histogram, Registry } from "prom-client"
import type { Freshness } from "./freshness.ts"
import type { ModelOutcome } from "./models/model-outcome.ts"
import type { RunOutcome } from "./summary.ts"

export type LoaderMetrics = ReturnType<typeof createMetrics>

/** The loader's metrics in a registry of their own. */
export function createMetrics(version: string) {
  const registry = new Registry()
  const registers = [registry]
  const labelNames = ["pipeline"]
  const rows = new Counter({
    name: "flatbed_loader_rows_total",
    help: "rows published",
    labelNames,
    registers,
  })
  const rejects = new Counter({
    name: "flatbed_loader_rejects_total",
    help: "records set aside in published runs",
    labelNames,
    registers,
  })
  const bytes = new Counter({
    name: "flatbed_loader_bytes_total",
    help: "bytes of published files",
    labelNames,
    registers,
  })
  const chunks = new Counter({
    name: "flatbed_loader_chunks_total",
    help: "chunks fetched for published runs",
    labelNames,
    registers,
  })
  const runs = new Counter({
    name: "flatbed_loader_runs_total",
    help: "runs by how they ended",
    labelNames: ["pipeline", "outcome"],
    registers,
  })
  const seconds = new Histogram({
    name: "flatbed_loader_run_duration_seconds",
    help: "time from claim to end of a run",
    labelNames,
    buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 1800],
    registers,
  })
  const inFlight = new Gauge({ name: "flatbed_loader_runs_in_flight", help: "runs under way", registers })
  const lastSuccess = new Gauge({
    name: "flatbed_loader_last_success_timestamp_seconds",
    help: "when the table was last known to show the newest version; also when nothing was new",
    labelNames,
    registers,
  })
  const overdue = new Gauge({
    name: "flatbed_loader_overdue",
    help: "1 when fresh_within of the pipeline has passed since the last success, or there was none; 0 when not",
    labelNames,
    registers,
  })
  const models = new Counter({
    name: "flatbed_loader_models_total",
    help: "models by what became of them behind a run",
    labelNames: ["model", "outcome"],
    registers,
  })
  const modelFailed = new Gauge({
    name: "flatbed_loader_model_failed",
    help: "1 when the last making of the model failed, 0 when not",
    labelNames: ["model"],
    registers,
  })
  const build = new Gauge({
    name: "flatbed_loader_build_info",
    help: "1, by version",
    labelNames: ["version"],
    registers,
  })
  build.set({ version }, 1)

  return {
    registry,
    beginRun: () => inFlight.inc(),
    /** By the ledger, which also knows of the runs of other loaders. */
    tellFreshness(known: readonly Freshness[]): void {
      for (const { pipeline, provenAt, overdue: isOverdue } of known) {
        if (provenAt !== undefined) lastSuccess.set({ pipeline }, provenAt.getTime() / 1000)
        if (isOverdue !== undefined) overdue.set({ pipeline }, isOverdue ? 1 : 0)
      }
    },
    endModel({ model, outcome }: ModelOutcome): void {
      models.inc({ model, outcome })
      if (outcome === "failed") modelFailed.set({ model }, 1)
      if (outcome === "made" || outcome === "up-to-date") modelFailed.set({ model }, 0)
    },
    endRun(run: RunOutcome): void {
      const { pipeline, outcome } = run
      inFlight.dec()
      runs.inc({ pipeline, outcome })
      seconds.observe({ pipeline }, run.seconds)
      if (outcome === "published") {
        rows.inc({ pipeline }, run.rows)
        rejects.inc({ pipeline }, run.rejects)
        bytes.inc({ pipeline }, run.bytes)
        chunks.inc({ pipeline }, run.fetched)
      }
      if (outcome === "published" || outcome === "up-to-date") lastSuccess.setToCurrentTime({ pipeline })
    },
  }
}
