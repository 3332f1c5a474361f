// If this fails, a format gives other rows than its file holds, or other ones when its bytes come in other pieces.
// Every format stands here with a way to spell a table; what is asked is the same for all.
import { completeSettings } from "@flatbed/config"
import { Problem, type Reject } from "@flatbed/contract"
import { createRandom } from "@flatbed/testing"
import { describe, expect, test } from "vitest"
import { sourceSettingsSchema } from "../settings.ts"
import type { RecordCounts, RecordFate, RowsForm } from "./format.ts"
import { type FormatName, formatNames, getFormat } from "./formats.ts"

type Cells = readonly (string | null)[]
/** A row, or a record that is set aside. */
type Spelled = Cells | "bad"
type Spelling = {
  /** The dataset's settings beside `files` and `format`. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly spell: (names: readonly string[], rows: readonly Spelled[]) => Buffer
}

const names = ["id", "name", "note"]
const limit = 4096

const objectOf = (keys: readonly string[], cells: Cells) =>
  JSON.stringify(Object.fromEntries(keys.map((key, i) => [key, cells[i] ?? null])))

/** A format without a line here does not compile. */
const spellings: Readonly<Record<FormatName, Spelling>> = {
  csv: {
    settings: {},
    spell(keys, rows) {
      const cell = (text: string | null) => (text === null ? "" : `"${text.replaceAll('"', '""')}"`)
      const lines = rows.map((row) => (row === "bad" ? "one cell" : row.map(cell).join(",")))
      return Buffer.from([keys.join(","), ...lines].map((line) => `${line}\n`).join(""))
    },
  },
  json: {
    settings: {},
    spell(keys, rows) {
      return Buffer.from(
        `[${rows.map((row) => (row === "bad" ? " 17 " : objectOf(keys, row))).join(" ,\n")}\n]`,
      )
    },
  },
  ndjson: {
    settings: {},
    spell(keys, rows) {
      return Buffer.from(rows.map((row) => `${row === "bad" ? "{" : objectOf(keys, row)}\r\n`).join(""))
    },
  },
  fixed: {
    settings: { widths: names.map((name) => ({ name, width: 32 })) },
    spell(_keys, rows) {
      const cell = (text: string | null) =>
        (text ?? "") + " ".repeat(Math.max(0, 32 - [...(text ?? "")].length))
      const lines = rows.map((row) => (row === "bad" ? "\0" : row.map(cell).join("")))
      return Buffer.from(lines.map((line) => `${line}\n`).join(""))
    },
  },
}

const optionsOf = (name: FormatName) =>
  completeSettings(
    { schema: sourceSettingsSchema },
    { datasets: { d: { files: "f", format: name, ...spellings[name].settings } } },
  ).datasets.d as object

type Border = {
  readonly end: number
  readonly line: number
  readonly fate?: RecordFate
  readonly counts?: RecordCounts | undefined
}

/** The whole file through the format's reader, in pieces that end at these offsets. */
async function scan(name: FormatName, bytes: Buffer, cuts: readonly number[] = [], maxRecordBytes = limit) {
  const format = getFormat(name)
  const settings = optionsOf(name)
  const dialect = format.dialectOf(settings)
  const reader = format.chooseReader(dialect, settings)
  const borders: Border[] = []
  const one = reader.startScan(
    { file: "f", dialect, columns: { drop: [], rename: {}, types: {} }, maxRecordBytes },
    {
      header: (end, line) => borders.push({ end, line }),
      record: (end, line, fate, counts) => borders.push({ end, line, fate, counts }),
    },
  )
  try {
    let from = 0
    for (const to of [...cuts, bytes.length]) {
      await one.push(bytes.subarray(from, to))
      from = to
    }
    return { ...(await one.end()), borders, bytes, reader }
  } finally {
    one.abandon()
  }
}

type Scanned = Awaited<ReturnType<typeof scan>>

/** The records from one border to another (0 is the header) in a form. */
function encode(
  { reader, layout, borders, bytes }: Scanned,
  from: number,
  to: number,
  form: RowsForm,
  rows?: number,
) {
  const [first, last] = [borders[from] as Border, borders[to] as Border]
  const between = borders.slice(from + 1, to + 1)
  const records = {
    bytes: bytes.subarray(first.end, last.end),
    ...{ file: "f", firstRow: from + 1, firstLine: first.line, byteFrom: first.end },
    rejects: between.filter(({ fate }) => fate === "reject").length,
  }
  return reader.encode(records, layout, form, rows)
}

/** Rows as the loader gets them. */
const linesOf = (body: Buffer): (Cells | { reject: Reject })[] =>
  body
    .toString()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line))

const good: Spelled[] = [
  ["1", "Ada", null],
  ["2", null, 'a "quoted" note, with a comma'],
  ["3", "Ōe — 大江", "\\N"],
  ["4", "x\\y", "{}"],
]
const mixed: Spelled[] = [...good.slice(0, 2), "bad", ...good.slice(2), "bad"]

describe.each(formatNames)("%s", (name) => {
  const { spell } = spellings[name]

  test.each([
    ["rows", good],
    ["rows and rejects", mixed],
    ["one row", good.slice(0, 1)],
  ])("gives %s as they stand in the file, wherever its bytes are cut", async (_, rows) => {
    const bytes = spell(names, rows)
    const whole = await scan(name, bytes)
    const rejects = rows.filter((row) => row === "bad").length
    expect(whole).toMatchObject({ rows: rows.length, rejects, filtered: 0 })
    expect(whole.borders.at(-1)?.end).toBe(bytes.length)
    const lines = linesOf(encode(whole, 0, rows.length, "cells").body)
    expect(lines.map((line) => ("reject" in line ? "bad" : line))).toEqual(
      rejects === rows.length ? rows : rows,
    )
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const cutOnce = await scan(name, bytes, [cut])
      expect(cutOnce.borders, `cut at ${cut}`).toEqual(whole.borders)
      expect([cutOnce.layout, cutOnce.evidence], `cut at ${cut}`).toEqual([whole.layout, whole.evidence])
    }
    const byBytes = await scan(
      name,
      bytes,
      Array.from({ length: bytes.length }, (__, i) => i),
    )
    expect(byBytes.borders).toEqual(whole.borders)
  })

  test("says of a reject where it stands, and gives its bytes", async () => {
    const bytes = spell(names, mixed)
    const whole = await scan(name, bytes)
    const lines = linesOf(encode(whole, 0, mixed.length, "cells").body)
    for (const [i, line] of lines.entries()) {
      if (!("reject" in line)) continue
      const { row, byte, line: at, raw, reason } = line.reject
      expect(row).toBe(i + 1)
      const before = bytes.subarray(0, byte).toString("latin1")
      expect(at).toBe(before.split("\n").length)
      expect(bytes.subarray(byte).indexOf(Buffer.from(raw, "base64"))).toBe(0)
      expect(reason.length).toBeGreaterThan(10)
    }
  })

  test("encodes the same in any two chunks as in one", async () => {
    const whole = await scan(name, spell(names, mixed))
    for (const form of ["cells", "objects", "csv"] as const) {
      const all = encode(whole, 0, mixed.length, form)
      for (let at = 0; at <= mixed.length; at += 1) {
        const parts = [encode(whole, 0, at, form), encode(whole, at, mixed.length, form)]
        const bodies = parts.map(({ body }) => body.toString()).filter((body) => body !== "")
        expect(bodies.join(form === "objects" ? ",\n" : ""), `${form} cut at ${at}`).toBe(all.body.toString())
        expect(parts.reduce((sum, { rows }) => sum + rows, 0)).toBe(mixed.length)
      }
    }
    const objects = JSON.parse(`[${encode(whole, 0, mixed.length, "objects").body}]`) as Record<
      string,
      unknown
    >[]
    expect(objects.map((one) => one.name)).toEqual(good.map(([, cell]) => cell))
  })

  test("encodes the first rows alone when no more are asked for", async () => {
    const whole = await scan(name, spell(names, mixed))
    const all = linesOf(encode(whole, 0, mixed.length, "cells").body)
    for (let rows = 0; rows <= mixed.length; rows += 1) {
      const some = encode(whole, 0, mixed.length, "cells", rows)
      expect(linesOf(some.body)).toEqual(all.slice(0, rows))
      expect(some.rows).toBe(rows)
    }
  })

  test("finds every row's record between its borders", async () => {
    const whole = await scan(name, spell(names, mixed))
    const { reader, bytes, layout, borders } = whole
    const start = borders[0]?.end ?? 0
    const numbers = mixed.map((_, i) => i + 1)
    const found = reader.findRecords(bytes.subarray(start), layout, [...numbers, mixed.length + 1])
    expect(found.at(-1)).toBeUndefined()
    for (const [i, place] of found.slice(0, -1).entries()) {
      expect(start + (place?.byteFrom ?? -1)).toBeGreaterThanOrEqual(borders[i]?.end ?? 0)
      expect(start + (place?.byteTo ?? 0)).toBeLessThanOrEqual(borders[i + 1]?.end ?? 0)
      const before = bytes.subarray(start, start + (place?.byteFrom ?? 0)).toString("latin1")
      expect(place?.linesBefore).toBe(before.split("\n").length - 1)
    }
    expect(reader.findRecords(bytes.subarray(start), layout, [2, 5])).toEqual([found[1], found[4]])
  })

  test("reads the written cells of the first records", async () => {
    const { reader, bytes, layout, borders } = await scan(name, spell(names, good))
    const written = reader.readWritten(bytes.subarray(borders[0]?.end), layout, 2)
    expect(written).toHaveLength(2)
    const index = layout.fields.find((field) => field.name === "note")?.index ?? -1
    expect(written[1]?.texts[index]).toBe('a "quoted" note, with a comma')
  })

  test("refuses a record beyond the limit, and names it", async () => {
    const bytes = spell(names, [["1", "x".repeat(3 * limit), null]])
    const thrown = await scan(name, bytes, [10, limit, limit + 100]).catch((error: unknown) => error)
    if (!(thrown instanceof Problem)) throw new Error("no Problem was raised", { cause: thrown })
    expect(thrown.message + (thrown.hint ?? "")).toContain("record_limit")
    expect(thrown.message).toContain(String(limit))
  })

  test("holds in random tables, cut anywhere", async () => {
    const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
    const random = createRandom(seed)
    const cells = [
      null,
      "x",
      "1",
      "007",
      "-1.5e3",
      "true",
      "2024-02-29",
      "é",
      "😀",
      "a b",
      "a,b",
      '"',
      "\\",
      "[1]",
      "null",
    ]
    for (let round = 0; round < 40; round += 1) {
      const rows = Array.from(
        { length: random.between(1, 12) },
        (_, i): Spelled =>
          i > 0 && random.chance(0.1) ? "bad" : [String(i), random.pick(cells), random.pick(cells)],
      )
      const bytes = spell(names, rows)
      const cuts = Array.from({ length: random.between(0, 5) }, () => random.between(0, bytes.length)).sort(
        (a, b) => a - b,
      )
      const whole = await scan(name, bytes, cuts)
      const lines = linesOf(encode(whole, 0, rows.length, "cells").body)
      expect(
        lines.map((line) => ("reject" in line ? "bad" : line)),
        `seed ${seed}, round ${round}`,
      ).toEqual(rows)
    }
  })
})
