/** What the source counts, by its Prometheus names. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client"

export type SourceMetrics = {
  indexed(dataset: string, outcome: "published" | "cached" | "failed", seconds: number): void
  requested(route: string, status: number, seconds: number): void
  served(dataset: string, form: string, rows: number, bytes: number): void
  /** How many clients listen to the events, now. */
  eventClients(clients: number): void
  /** Encoded bytes in flight, now. */
  inFlight(bytes: number): void
  /** The exposition format and its media type. */
  expose(): Promise<{ readonly type: string; readonly body: string }>
}

const requestSeconds = [0.001, 0.005, 0.025, 0.1, 0.5, 2, 10, 60]
const indexSeconds = [0.01, 0.1, 1, 10, 60, 300, 1800]

/** A registry of its own: two sources in one process do not add up. */
export function createMetrics(version: string): SourceMetrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const indexing = new Histogram({
    name: "flatbed_source_indexing_seconds",
    help: "Time from finding a file changed to its version, by outcome",
    labelNames: ["dataset", "outcome"],
    buckets: indexSeconds,
    registers,
  })
  const requests = new Histogram({
    name: "flatbed_source_http_request_seconds",
    help: "Time from a request to the last byte of its answer, by route and status",
    labelNames: ["route", "status"],
    buckets: requestSeconds,
    registers,
  })
  const rows = new Counter({
    name: "flatbed_source_rows_total",
    help: "Rows in the chunks answered",
    labelNames: ["dataset", "form"],
    registers,
  })
  const bytes = new Counter({
    name: "flatbed_source_chunk_bytes_total",
    help: "Bytes of the chunks answered, as coded",
    labelNames: ["dataset", "form"],
    registers,
  })
  const inFlight = new Gauge({
    name: "flatbed_source_in_flight_bytes",
    help: "Bytes of chunks that are made or not yet sent",
    registers,
  })
  const eventClients = new Gauge({
    name: "flatbed_source_event_clients",
    help: "Clients that listen to the events",
    registers,
  })
  const build = new Gauge({
    name: "flatbed_source_build_info",
    help: "1, labelled with the versions",
    labelNames: ["version", "node"],
    registers,
  })
  build.set({ version, node: process.version }, 1)

  return {
    indexed: (dataset, outcome, seconds) => indexing.observe({ dataset, outcome }, seconds),
    requested: (route, status, seconds) => requests.observe({ route, status }, seconds),
    served(dataset, form, servedRows, servedBytes) {
      rows.inc({ dataset, form }, servedRows)
      bytes.inc({ dataset, form }, servedBytes)
    },
    eventClients: (clients) => eventClients.set(clients),
    inFlight: (now) => inFlight.set(now),
    expose: async () => ({ type: registry.contentType, body: await registry.metrics() }),
  }
}
