/** What a run asks of the source before it fetches chunks, tried again as often as the settings allow. */
import {
  type Beginning,
  type ChunkDigest,
  type Evidence,
  type Manifest,
  type ManifestChunk,
  Problem,
  type RowOrigin,
  type ServedVersions,
} from "@flatbed/contract"
import type { Logger } from "pino"
import { mayRepeatRequest, type Patience, type RetryPolicy, withRetries } from "../retry.ts"
import { awaitVersion } from "./await-version.ts"
import type { Expected } from "./chunk-proof.ts"
import { checkManifest } from "./manifest-check.ts"
import type { SourceClient, TaggedDataset } from "./source-client.ts"

export type AskParts = {
  readonly source: SourceClient
  readonly log: Logger
  readonly patience: Patience
  readonly retries: RetryPolicy
  /** Longest wait for a version that makes no progress. */
  readonly indexingMs: number
  readonly signal: AbortSignal
}

/**
 * The dataset with its newest version, or "unchanged" when `knownTag` still names its document; waits while the source
 * is making a version.
 */
export async function askForDataset(
  dataset: string,
  knownTag: string | undefined,
  parts: AskParts,
): Promise<(TaggedDataset & { version: string }) | "unchanged"> {
  const { source, signal } = parts
  return await awaitVersion(() => ask(() => source.getTaggedDataset(dataset, knownTag, signal), parts), {
    limitMs: parts.indexingMs,
    patience: parts.patience,
    signal: parts.signal,
  })
}

/** The versions that the source serves now. */
export async function askForVersions(dataset: string, parts: AskParts): Promise<ServedVersions> {
  return await ask(() => parts.source.getVersions(dataset, parts.signal), parts)
}

/** Why the columns of a version have their types. */
export async function askForEvidence(
  dataset: string,
  version: string,
  parts: AskParts,
): Promise<readonly Evidence[]> {
  const answer = await ask(() => parts.source.getEvidence(dataset, version, parts.signal), parts)
  return answer.evidence
}

/** The manifest of one version, in agreement with itself. */
export async function askForManifest(dataset: string, version: string, parts: AskParts): Promise<Manifest> {
  return await ask(async () => {
    const manifest = await parts.source.getManifest(dataset, version, parts.signal)
    return checkManifest(manifest, { dataset, version })
  }, parts)
}

/** Beginnings of these lengths of a file of the version, by its place in the manifest, from 1. */
export async function askForBeginnings(
  { dataset, version, files }: Manifest,
  file: number,
  lengths: readonly number[],
  parts: AskParts,
): Promise<readonly Beginning[]> {
  return await ask(async () => {
    const answer = await parts.source.getBeginnings(dataset, version, file, lengths, parts.signal)
    const asked = [dataset, version, files[file - 1]?.file, ...lengths]
    const told = [answer.dataset, answer.version, answer.file, ...answer.beginnings.map(({ bytes }) => bytes)]
    if (JSON.stringify(asked) === JSON.stringify(told)) return answer.beginnings
    throw new Problem("chunk-damaged", "The source told of other beginnings than those asked for.", {
      hint: "Nothing was loaded. If it stays so, look for a proxy between the loader and the source.",
      facts: { dataset, version, file },
    })
  }, parts)
}

/** The digests of the rows of consecutive chunks; `query` as of `getDigests`. */
export async function askForDigests(
  { dataset, version }: Manifest,
  chunks: readonly ManifestChunk[],
  query: string,
  parts: AskParts,
): Promise<readonly ChunkDigest[]> {
  const [first = 1, last = 1] = [chunks[0]?.chunk, chunks.at(-1)?.chunk]
  return await ask(async () => {
    const span = { first, last, query }
    const answer = await parts.source.getDigests(dataset, version, span, parts.signal)
    const asked = chunks.map((one) => [one.chunk, one.first_row, one.rows - one.rejects])
    const told = answer.chunks.map((one) => [one.chunk, one.first_row, one.rows])
    if (JSON.stringify([dataset, version, asked]) === JSON.stringify([answer.dataset, answer.version, told]))
      return answer.chunks
    throw new Problem("chunk-damaged", "The source told of other chunks' digests than those asked for.", {
      hint: "If it stays so, look for a proxy between the loader and the source.",
      facts: { dataset, version, chunk: first },
    })
  }, parts)
}

/** The row lines of these chunks, proven; the caller owns them until it gives them back to the source client. */
export async function askForChunks(expected: Expected, parts: AskParts): Promise<Buffer> {
  return await ask(() => parts.source.getChunks(expected, parts.signal), parts)
}

/** Where rows of the version stand in their files. */
export async function askForRows(
  dataset: string,
  version: string,
  rows: readonly number[],
  parts: AskParts,
): Promise<readonly RowOrigin[]> {
  return await ask(() => parts.source.getRows(dataset, version, rows, parts.signal), parts)
}

async function ask<T>(request: () => Promise<T>, { retries, patience, signal, log }: AskParts): Promise<T> {
  return await withRetries(request, {
    policy: retries,
    patience,
    mayRepeat: mayRepeatRequest,
    signal,
    onRetry: (error, attempt, pauseMs) => {
      const { code, message } = error as Problem
      log.warn({ event: "request.retried", attempt, code, pause_ms: pauseMs }, `asking again: ${message}`)
    },
  })
}
