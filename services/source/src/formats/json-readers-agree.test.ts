// If this fails, what a line of NDJSON says depends on whether one that looks like it came before.
import { isUtf8 } from "node:buffer"
import { Problem } from "@flatbed/contract"
import { createClassShares } from "@flatbed/testing"
import fc from "fast-check"
import { expect, test } from "vitest"
import type { Reader, RecordCounts, RecordFate, RowsForm } from "./format.ts"
import type { JsonDialect } from "./json-dialect.ts"
import { jsonReader, plainJsonReader } from "./json-reader.ts"
import { createRandomLines, type RandomLines } from "./random-lines.test-kit.ts"

const cases = Number(process.env.FLATBED_TEST_CASES ?? 5_000)
const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)

test(`${cases} files of lines, well-formed and not, say the same with the codec and without (seed ${seed})`, async () => {
  const shares = createClassShares(classes)
  await fc.assert(
    fc.asyncProperty(createRandomLines(), async (file) => {
      const said = await readAll(plainJsonReader, file)
      shares.add({ file, text: file.bytes.toString(), said })
      expect(await readAll(jsonReader, file)).toEqual(said)
    }),
    { numRuns: cases, seed },
  )
  process.stdout.write(`${shares.describe()}\n`)
  expect(shares.tooFew()).toEqual([])
}, 3_600_000)

test("every Unicode scalar value but NUL comes out as it is written, bare or escaped", async () => {
  const escaped = (character: string) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
    )
  for (let from = 0; from < 0x110000; from += 0x2000) {
    const codes = Array.from({ length: 0x2000 }, (_, i) => from + i)
    const characters = codes
      .filter((code) => code > 0 && (code < 0xd800 || code > 0xdfff))
      .map((code) => String.fromCodePoint(code))
    if (characters.length === 0) continue
    const bare = characters.filter((one) => one >= " " && one !== '"' && one !== "\\")
    const written = [
      '{"a":"before","b":null}',
      `{"a":"${bare.join("")}","b":"${characters.flatMap(escaped).join("")}"}`,
    ]
    const file = { ...plain, bytes: Buffer.from(`${written.join("\n")}\n`) }
    const said = await readAll(jsonReader, file)
    if ("code" in said) throw new Error(said.message)
    const rows = said.forms[0]?.body.split("\n").slice(0, -1) ?? []
    expect(rows.map((row) => JSON.parse(Buffer.from(row, "latin1").toString()))).toEqual([
      ["before", null],
      [bare.join(""), characters.join("")],
    ])
    expect(said.result.evidence.map(({ max_bytes }) => max_bytes)).toEqual([
      Math.max(6, Buffer.byteLength(bare.join(""))),
      Buffer.byteLength(characters.join("")),
    ])
    expect(said).toEqual(await readAll(plainJsonReader, file))
  }
}, 120_000)

const plain: Omit<RandomLines, "bytes"> = {
  dialect: { lines: true, records: [], separator: "_" },
  types: {},
  rules: { drop: [] },
  step: 1 << 20,
  maxRecordBytes: 1 << 20,
}

type Case = { readonly file: RandomLines; readonly text: string; readonly said: Said }

const has = (least: number, test: (one: Case) => boolean) => ({ least, has: test })
const textHas = (least: number, pattern: RegExp) => has(least, ({ text }) => pattern.test(text))
const resultHas = (least: number, test: (said: Exclude<Said, { code: string }>) => boolean) =>
  has(least, ({ said }) => !("code" in said) && test(said))

const classes = {
  "ill-formed UTF-8": has(3, ({ file }) => !isUtf8(file.bytes)),
  "lines that are blank": textHas(5, /\n[ \t]*\r?\n/),
  "no last line feed": textHas(30, /[^\n]$/),
  CRLF: textHas(20, /\r\n/),
  "a mark at the beginning": textHas(8, /^\ufeff/),
  escapes: textHas(30, /\\[nt"\\/]/),
  "characters escaped": textHas(20, /\\u(?!0000|d800|de00)/),
  "half pairs and NUL": textHas(1, /\\u(?:0000|de00|d800")/),
  "arrays and objects for values": textHas(20, /: ?[[{]/),
  "the same key twice": has(1, ({ text }) => text.includes('"a":') && /"a":[^}\n]*"a":/.test(text)),
  "types declared": has(10, ({ file }) => Object.keys(file.types).length > 0),
  "cells that are shaped": has(10, ({ file }) => Object.keys(file.rules).length > 1),
  "columns dropped": has(8, ({ file }) => file.rules.drop.length > 0),
  "objects that stay JSON": has(10, ({ file }) => file.dialect.separator === false),
  exploded: has(5, ({ file }) => file.dialect.explode !== undefined),
  "records filtered": resultHas(1, ({ result }) => result.filtered > 0),
  "files refused": has(5, ({ said }) => "code" in said),
  "files with rejects": resultHas(20, ({ result }) => result.rejects > 0),
  "files with rows alone": resultHas(10, ({ result }) => result.rejects === 0 && result.rows > 0),
  "more than ten rows": resultHas(10, ({ result }) => result.rows - result.rejects > 10),
}

type Said = Awaited<ReturnType<typeof readAll>>

/** Everything a reader says of a file: borders, columns, evidence, rows in every form, or the refusal. */
async function readAll(
  reader: Reader<JsonDialect>,
  { bytes, dialect, types, rules, step, maxRecordBytes }: RandomLines,
) {
  const borders: { end: number; nextLine: number; fate?: RecordFate; counts?: RecordCounts | undefined }[] =
    []
  const scan = reader.startScan(
    { file: "f.ndjson", dialect, columns: { rename: {}, types, ...rules }, maxRecordBytes },
    {
      header: (end, nextLine) => borders.push({ end, nextLine }),
      record: (end, nextLine, fate, counts) => borders.push({ end, nextLine, fate, counts }),
    },
  )
  try {
    for (let at = 0; at < bytes.length; at += step) await scan.push(bytes.subarray(at, at + step))
    const result = await scan.end()
    const { end: byteFrom, nextLine: firstLine } = borders[0] ?? { end: 0, nextLine: 1 }
    const records = {
      ...{ bytes: bytes.subarray(byteFrom), file: "f.ndjson", firstRow: 1, firstLine, byteFrom },
      rejects: result.rejects,
    }
    const forms = (["cells", "objects", "csv"] satisfies RowsForm[]).map((form) => {
      const { body, rows, rejects } = reader.encode(records, result.layout, form)
      return { form, body: body.toString("latin1"), rows, rejects }
    })
    return { borders, result, forms }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const { code, message, hint, facts } = error
    return { code, message, hint, facts, borders }
  } finally {
    scan.abandon()
  }
}
