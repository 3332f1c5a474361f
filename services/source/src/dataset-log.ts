/** What is told of one dataset: in the log, and for some of it in numbers. */
import type { Problem } from "@flatbed/contract"
import type { Logger } from "pino"
import { counted } from "./counted.ts"
import type { HeldVersion } from "./held-versions.ts"
import type { LeftOut } from "./list-files.ts"
import type { MakeRequest } from "./make-version.ts"
import type { SourceMetrics } from "./metrics.ts"
import { tellPath } from "./open-file.ts"
import type { Reading } from "./reading.ts"

type LogParts = {
  readonly name: string
  readonly reading: Reading
  readonly log: Logger
  readonly metrics: SourceMetrics
}

/** Event names are part of what users rely on. `started` is by the process's own clock, in ms. */
export function createDatasetLog({ name, reading, log, metrics }: LogParts) {
  const since = (started: number) => Math.round(performance.now() - started)

  return {
    published({ index, found }: HeldVersion, cached: boolean, started: number): void {
      const { version, rows, rejects, filtered, chunks, columns, files } = index.manifest
      const durationMs = since(started)
      const bytes = files.reduce((sum, one) => sum + one.bytes, 0)
      const { encoding, compression, text_bytes: textBytes } = files[0] ?? {}
      const many = found.kind === "one" ? {} : { files: files.length, waiting: found.waiting.length }
      log.info(
        {
          event: "version.published",
          dataset: name,
          version,
          rows,
          rejects,
          filtered,
          bytes,
          ...many,
          // Absent where the file is its text.
          encoding,
          compression,
          text_bytes: textBytes,
          chunks: chunks.length,
          duration_ms: durationMs,
          cached,
          reader: reading.reader.name,
          columns: columns.map((column) => `${column.name} ${column.type}`),
        },
        `${name}: ${counted(rows, "record")}${rejects === 0 ? "" : `, ${rejects} set aside`}${filtered === 0 ? "" : `, ${filtered} more left out by filter`} in ${counted(chunks.length, "chunk")}: ` +
          `version ${version.slice(0, 12)}`,
      )
      metrics.indexed(name, cached ? "cached" : "published", durationMs / 1000)
    },
    failed(problem: Problem): void {
      const { code, message: detail, hint, facts } = tellPath(problem, reading.root)
      const cause = code === "internal" ? { err: problem.cause } : {}
      log.error(
        { event: "version.failed", dataset: name, code, detail, hint, ...cause, facts },
        `${name}: ${detail}`,
      )
    },
    gone({ index }: HeldVersion, reason: "replaced" | "edited"): void {
      const { version } = index.manifest
      log.info(
        { event: "version.gone", dataset: name, version, reason },
        `${name}: ${version.slice(0, 12)} is gone`,
      )
    },
    /** Each once, for as long as it waits for the same. */
    waits(before: readonly LeftOut[], now: readonly LeftOut[]): void {
      const told = new Set(before.map(({ file, reason }) => `${file} ${reason}`))
      for (const { file, reason } of now) {
        if (told.has(`${file} ${reason}`)) continue
        log.info({ event: "file.waits", dataset: name, file, reason }, `${name}: ${file} ${reason}`)
      }
    },
    read({ file, bytes, rows, ms }: Parameters<MakeRequest["onRead"]>[0]): void {
      const durationMs = Math.round(ms)
      log.debug(
        { event: "file.read", dataset: name, file, bytes, rows, duration_ms: durationMs },
        `${name}: ${file} was read`,
      )
    },
    cacheFailed(error: unknown): undefined {
      log.warn({ event: "cache.failed", dataset: name, err: error }, `${name}: its chunk index is not kept`)
    },
  }
}
