/** Everything that a source says of a dataset, fetched chunk by chunk as the loader does it. */
import { type Column, paths } from "@flatbed/contract"
import { waitFor } from "@flatbed/testing"
import { expect } from "vitest"

/** What arrived of one dataset. */
export type Arrived = {
  readonly version: string
  readonly columns: readonly Column[]
  readonly records: readonly ((string | null)[] | ArrivedReject)[]
}
export type ArrivedReject = {
  readonly row: number
  readonly line: number
  readonly byte: number
  readonly code: string
  readonly reason: string
  readonly raw: string
}
export type RefusedProblem = {
  readonly code: string
  readonly detail: string
  readonly hint?: string
  readonly [fact: string]: unknown
}
export type Refused = { readonly refused: string; readonly problem: RefusedProblem }

/** Waits until the dataset is read, and answers its rows and rejects in the file's order, or why there are none. */
export async function fetchDataset(url: string, name: string): Promise<Arrived | Refused> {
  type Told = { state: string; version: string; problem?: RefusedProblem }
  const { problem, version } = await waitFor(
    async () => {
      const told = (await (await fetch(url + paths.dataset(name))).json()) as Told
      return told.state === "ready" || told.state === "failed" ? told : undefined
    },
    { limitMs: 20_000, what: `the index of ${name}` },
  )
  if (problem !== undefined) return { refused: problem.code, problem }
  const manifest = (await (await fetch(url + paths.version(name, version))).json()) as {
    columns: Column[]
    chunks: unknown[]
    rows: number
    rejects: number
  }
  const records: Arrived["records"][number][] = []
  for (let chunk = 1; chunk <= manifest.chunks.length; chunk += 1) {
    const answer = await fetch(url + paths.chunk(name, version, chunk), {
      headers: { accept: "application/x-ndjson" },
    })
    const lines = (await answer.text()).trimEnd().split("\n").slice(1, -1)
    for (const line of lines) {
      const record = JSON.parse(line) as (string | null)[] | { reject: ArrivedReject }
      records.push(Array.isArray(record) ? record : record.reject)
    }
  }
  const rejects = records.filter((record) => !Array.isArray(record)).length
  expect({ rows: manifest.rows, rejects: manifest.rejects }, name).toEqual({ rows: records.length, rejects })
  return { version, columns: manifest.columns, records }
}
