// If this fails, which reader serves a file, or what writes its rows, changes what the file says.
import { isUtf8 } from "node:buffer"
import { Problem } from "@flatbed/contract"
import { createClassShares } from "@flatbed/testing"
import fc from "fast-check"
import { expect, test } from "vitest"
import { encodeCells, encodePlainly } from "./byte-encode.ts"
import { byteReader } from "./byte-reader.ts"
import { createByteTables } from "./byte-table.ts"
import type { CsvReader } from "./csv-dialect.ts"
import { csvParseReader } from "./csv-parse.ts"
import type { RecordFate, RowsForm } from "./format.ts"
import { createRandomFile, type RandomFile } from "./random-file.test-kit.ts"
import { isPlain } from "./shape-row.ts"

/** What is held against csv-parse. Another implementation is one line more. */
const readersUnderTest: readonly CsvReader[] = [byteReader]
const cellEncodersUnderTest: Readonly<Record<string, typeof encodeCells>> = {
  "byte loop": encodePlainly,
  codec: encodeCells,
}

const cases = Number(process.env.FLATBED_TEST_CASES ?? 20_000)
const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)

test(`${cases} files, well-formed and not, say the same through every reader (seed ${seed})`, async () => {
  const shares = createClassShares(classes)
  await fc.assert(
    fc.asyncProperty(createRandomFile(), async (file) => {
      const said = await readAll(csvParseReader, file)
      shares.add({ file, text: file.bytes.toString("latin1"), said })
      for (const reader of readersUnderTest) expect(await readAll(reader, file)).toEqual(said)
      if ("code" in said || !isPlain(said.result.layout.fields, said.result.layout.filter)) return
      for (const [name, encode] of Object.entries(cellEncodersUnderTest)) {
        const rows = said.spans.filter(({ fate }) => fate === "row")
        const bytes = Buffer.concat(rows.map(({ from, to }) => file.bytes.subarray(from, to)))
        const encoded = encode(endWithNewline(bytes), said.result.layout, createByteTables(file.dialect))
        const { body } = encoded
        expect({ name, body: body.toString("latin1"), rows: encoded.rows }).toEqual({
          name,
          body: said.forms[0]?.body.replace(/^\{"reject".*\n/gm, ""),
          rows: rows.length,
        })
      }
    }),
    { numRuns: cases, seed },
  )
  process.stdout.write(`${shares.describe()}\n`)
  expect(shares.tooFew()).toEqual([])
}, 3_600_000)

test("every Unicode scalar value but NUL comes out of every reader as it is written, quoted or not", async () => {
  for (let from = 0; from < 0x110000; from += 0x2000) {
    const codes = Array.from({ length: 0x2000 }, (_, i) => from + i)
    const characters = codes
      .filter((code) => code > 0 && (code < 0xd800 || code > 0xdfff))
      .map((code) => String.fromCodePoint(code))
    const unquoted = characters.filter((one) => !'",\r\n'.includes(one))
    const rows = [
      [characters.join(""), null],
      [unquoted.join(""), ""],
    ]
    // The first cell of the file would take U+FEFF for its mark; these are behind a header.
    const text = `c0,c1\n"${characters.join("").replaceAll('"', '""')}",\n${unquoted.join("")},""\n`
    const file = {
      ...{ bytes: Buffer.from(text), dialect: { delimiter: ",", quote: '"' }, types: {} },
      rules: {},
      step: 1 << 20,
      maxRecordBytes: 1 << 20,
    }
    for (const reader of [csvParseReader, ...readersUnderTest]) {
      const said = await readAll(reader, file)
      if ("code" in said) throw new Error(`${reader.name}: ${said.message}`)
      expect(readRows(Buffer.from(said.forms[0]?.body ?? "", "latin1"))).toEqual(rows)
      const records = file.bytes.subarray(said.headers[0]?.[0])
      for (const encode of Object.values(cellEncodersUnderTest)) {
        const { body } = encode(records, said.result.layout, createByteTables(file.dialect))
        expect(readRows(body)).toEqual(rows)
      }
    }
  }
}, 120_000)

function readRows(body: Buffer): unknown[] {
  return body
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
}

// Rejects between them are left out, so only the last of the rows may lack its line end.
function endWithNewline(bytes: Buffer): Buffer {
  return bytes.length === 0 || bytes.at(-1) === 0x0a ? bytes : Buffer.concat([bytes, Buffer.from("\n")])
}

type Case = { readonly file: RandomFile; readonly text: string; readonly said: Said }

const dialectIs = (delimiter: string, quote: string) => ({
  least: 10,
  has: ({ file }: Case) => file.dialect.delimiter === delimiter && file.dialect.quote === quote,
})
const bytesHave = (least: number, pattern: RegExp | string) => ({
  least,
  has: ({ text }: Case) => (typeof pattern === "string" ? text.includes(pattern) : pattern.test(text)),
})
/** The pattern is made for the file's own quote. */
const quotesHave = (least: number, pattern: (quote: string) => string) => {
  const patterns = new Map(['"', "'", "`", "~"].map((quote) => [quote, new RegExp(pattern(quote))]))
  return {
    least,
    has: ({ file, text }: Case) => patterns.get(file.dialect.quote)?.test(text) === true,
  }
}

// Behind a closing quote stands one of these; so what else follows a quote is inside of it.
const signs = ",;\\t|\\\\\\r\\n"

const classes = {
  "comma and double quote": dialectIs(",", '"'),
  "semicolon and single quote": dialectIs(";", "'"),
  "tab and double quote": dialectIs("\t", '"'),
  "bar and backtick": dialectIs("|", "`"),
  "backslash and tilde": dialectIs("\\", "~"),
  "unquoted files": { least: 5, has: ({ file, text }: Case) => !text.includes(file.dialect.quote) },
  "quoted cells": quotesHave(20, (q) => `${q}[^${q}${signs}][^${q}]*${q}`),
  "doubled quotes": quotesHave(10, (q) => `[^${q}\\n]${q}${q}[^${q}]`),
  "quoted emptiness": quotesHave(10, (q) => `[^${q}]${q}${q}[^${q}]`),
  "newlines in quotes": quotesHave(1, (q) => `${q}[^${q}${signs}][^${q}]*\\n[^${q}]*${q}`),
  "quotes of another dialect": {
    least: 8,
    has: ({ file, text }: Case) => ['"', "'"].some((q) => q !== file.dialect.quote && text.includes(q)),
  },
  LF: bytesHave(30, /[^\r]\n/),
  CRLF: bytesHave(30, "\r\n"),
  "bare CR": bytesHave(2, /\r(?!\n)/),
  "a last line without its end": bytesHave(20, /[^\n]$/),
  "blank lines": bytesHave(5, /\n\r?\n/),
  "a mark at the beginning": bytesHave(30, /^\xef\xbb\xbf/),
  "a mark elsewhere": bytesHave(5, /.\xef\xbb\xbf/s),
  NUL: bytesHave(1.5, "\0"),
  "ill-formed UTF-8": { least: 5, has: ({ file }: Case) => !isUtf8(file.bytes) },
  "characters of several bytes": bytesHave(10, /[\xc3\xe2\xf0][\x80-\xbf]/),
  "\\N": bytesHave(5, "\\N"),
  "\\.": bytesHave(5, "\\."),
  "JSON in a cell": bytesHave(5, '{"a":1}'),
  "null in a cell": bytesHave(5, "null"),
  "control characters": bytesHave(5, "\u0001"),
  "columns in another order": {
    least: 2,
    has: ({ file: { select = [] } }: Case) => select.some((name, i) => i > 0 && name < (select[i - 1] ?? "")),
  },
  "cells that are shaped": { least: 15, has: ({ file }: Case) => Object.keys(file.rules).length > 0 },
  "records filtered": {
    least: 1,
    has: ({ said }: Case) => !("code" in said) && said.result.filtered > 0,
  },
  "files refused": { least: 2, has: ({ said }: Case) => "code" in said },
  "files with damage": {
    least: 4,
    has: ({ said }: Case) => !("code" in said) && /"code":"quote-error"/.test(said.forms[0]?.body ?? ""),
  },
  "rows behind damage": {
    least: 2,
    has: ({ said }: Case) =>
      !("code" in said) && /"code":"quote-error".*\n(?:.*\n)*\[/.test(said.forms[0]?.body ?? ""),
  },
  "files with rejects": {
    least: 10,
    has: ({ said }: Case) => !("code" in said) && said.result.rejects > 0,
  },
  "files with rows alone": {
    least: 15,
    has: ({ said }: Case) => !("code" in said) && said.result.rejects === 0 && said.result.rows > 0,
  },
}

type Said = Awaited<ReturnType<typeof readAll>>

/** Everything a reader says of a file: borders, columns, evidence, rows in every form, or the refusal. */
async function readAll(
  reader: CsvReader,
  { bytes, dialect, types, rules, select, step, maxRecordBytes }: RandomFile,
) {
  const headers: [number, number][] = []
  const spans: { from: number; to: number; nextLine: number; fate: RecordFate }[] = []
  const scan = reader.startScan(
    { file: "f.csv", dialect, columns: { drop: [], rename: {}, types, ...rules, select }, maxRecordBytes },
    {
      header: (end, nextLine) => headers.push([end, nextLine]),
      record: (to, nextLine, fate) =>
        spans.push({ from: spans.at(-1)?.to ?? headers[0]?.[0] ?? 0, to, nextLine, fate }),
    },
  )
  try {
    for (let at = 0; at < bytes.length; at += step) await scan.push(bytes.subarray(at, at + step))
    const result = await scan.end()
    const [headerEnd, firstLine] = headers[0] as [number, number]
    const records = {
      bytes: bytes.subarray(headerEnd),
      file: "f.csv",
      firstRow: 1,
      firstLine,
      byteFrom: headerEnd,
      rejects: result.rejects,
    }
    const forms = (["cells", "objects", "csv"] satisfies RowsForm[]).map((form) => {
      const { body, rows, rejects } = reader.encode(records, result.layout, form)
      return { form, body: body.toString("latin1"), rows, rejects }
    })
    return { headers, spans, result, forms }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    // What is shown around a fault is as much as had been read.
    return {
      code: error.code,
      message: error.message,
      hint: error.hint,
      facts: { ...error.facts, value: null },
    }
  } finally {
    scan.abandon()
  }
}
