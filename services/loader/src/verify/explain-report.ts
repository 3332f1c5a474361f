/** Pure: what `explain` found, for a terminal and for programs. */

import { counted } from "../counted.ts"
import { printable } from "../printable.ts"
import { readRecordText } from "../rejects/record-text.ts"
import { formatFields } from "../text-table.ts"
import type { Explained } from "./explain.ts"
import { showCell, showRow } from "./verify-difference.ts"

const mostShown = 2_000
const columnsShown = 10

/** One line per fact. */
export function formatExplained(explained: Explained): string {
  const { table, version, row, by, origin, run, reject, file } = explained
  const place = origin === undefined ? file : `${origin.file}, line ${origin.line}`
  const bytes = origin === undefined ? "" : `, bytes ${origin.byte_from} to ${origin.byte_to}`
  const chunk = origin === undefined ? "" : `, chunk ${origin.chunk}`
  return formatFields([
    ["table", `${table}${showMatches(explained)}`],
    ["row", `${row} of version ${version}${chunk}`],
    ["found by", ways[by]],
    ["file", `${place ?? "not known"}${bytes}`],
    ["run", run === undefined ? "not known" : `${run.run}, published ${run.publishedAt.toISOString()}`],
    ...(reject === undefined ? [] : [["set aside", `${reject.code}: ${reject.reason}`] as const]),
    ["record", showRecord(explained)],
    ...showDifferences(explained),
  ])
}

const ways: Readonly<Record<Explained["by"], string>> = {
  lineage: "the row's lineage",
  search: "its key, in the version that was published last, since the row says no lineage",
  number: "its number, in the version that was published last",
}

function showMatches({ matches, live, key }: Explained): string {
  if (matches === null) return ""
  if (live === undefined) return "; no row has this key"
  const more = matches === 1 ? "" : `; ${matches} rows have this key, and this is the first`
  const names = [...key.map(({ column }) => column), ...Object.keys(live.cells)]
  const shown = [...new Set(names)].filter((name) => !name.startsWith("_flatbed_"))
  return `: ${showRow(
    shown,
    shown.map((name) => live.cells[name] ?? null),
  )}${more}`
}

function showDifferences({ differences }: Explained): [string, string][] {
  if (differences === undefined || differences.length === 0) return []
  const shown = differences.slice(0, columnsShown).map(({ column, found, expected }) => {
    return `${JSON.stringify(printable(column))} is ${showCell(found)}, the record has ${showCell(expected)}`
  })
  const left = differences.length - shown.length
  const more = left === 0 ? [] : [`and ${counted(left, "more column")}`]
  return [["differs", [...shown, ...more].join("; ")]]
}

function showRecord({ origin, version }: Explained): string {
  if (origin === undefined) return `the source no longer has version ${version.slice(0, 12)}`
  if (origin.raw === "") return "stays with the source, which hashes a column"
  const { text } = readRecordText(Buffer.from(origin.raw, "base64"), origin.encoding)
  const record = text.replace(/\r?\n$/, "")
  return record.length > mostShown ? `${record.slice(0, mostShown)}…` : record
}

/** The same for programs; `raw` is base64 of the record's bytes. */
export function explainedToJson(explained: Explained): Record<string, unknown> {
  const { origin, run, live, reject, file, ...rest } = explained
  return {
    ...rest,
    live: live?.cells ?? null,
    run: run?.run ?? null,
    published_at: run?.publishedAt.toISOString() ?? null,
    chunk: origin?.chunk ?? null,
    file: origin?.file ?? file,
    line: origin?.line ?? null,
    byte_from: origin?.byte_from ?? null,
    byte_to: origin?.byte_to ?? null,
    raw: origin?.raw ?? null,
    encoding: origin?.encoding ?? null,
    reject: reject === undefined ? null : { code: reject.code, reason: reject.reason },
  }
}
