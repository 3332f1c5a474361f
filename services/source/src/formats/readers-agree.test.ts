// If this fails, which reader serves a file changes what the file says.
import { Problem } from "@flatbed/contract"
import fc from "fast-check"
import { expect, test } from "vitest"
import { byteReader } from "./byte-reader.ts"
import { csvParseReader } from "./csv-parse.ts"
import type { Reader, RowsForm } from "./format.ts"
import { createRandomFile, type RandomFile } from "./random-file.test-kit.ts"

const cases = Number(process.env.FLATBED_TEST_CASES ?? 20_000)
const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)

test(`${cases} files, well-formed and not, say the same through both readers (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(createRandomFile(), async (file) => {
      expect(await readAll(byteReader, file)).toEqual(await readAll(csvParseReader, file))
    }),
    { numRuns: cases, seed },
  )
}, 900_000)

/** Everything a reader says of a file: borders, columns, evidence, rows in every form, or the refusal. */
async function readAll(reader: Reader, { bytes, dialect, types, step }: RandomFile) {
  const borders: unknown[][] = []
  const scan = reader.startScan(
    { file: "f.csv", dialect, columns: { drop: [], rename: {}, types }, maxRecordBytes: 1 << 20 },
    { header: (...border) => borders.push(border), record: (...border) => borders.push(border) },
  )
  try {
    for (let at = 0; at < bytes.length; at += step) await scan.push(bytes.subarray(at, at + step))
    const result = await scan.end()
    const [headerEnd, firstLine] = borders[0] as [number, number]
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
    return { borders, result, forms }
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
