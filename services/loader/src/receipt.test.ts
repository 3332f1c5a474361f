// If this file fails, a load commits although rows are missing, or its receipt says what is not so.
import { makeScriptedVersion } from "@flatbed/testing"
import { expect, test } from "vitest"
import type { Receipt } from "./ledger/ledger.ts"
import { people } from "./loader.test-kit.ts"
import { balance, checkStaging, describeReceipt, type RunReceipt } from "./receipt.ts"

// Ten records in chunks of 3, 3, 3 and 1; the source set two aside and filtered four.
const { manifest: plain } = makeScriptedVersion(people(10, 3))
const manifest = {
  ...plain,
  rejects: 2,
  filtered: 4,
  chunks: plain.chunks.map((chunk, i) =>
    i === 1 ? { ...chunk, rejects: 2 } : i === 3 ? { ...chunk, filtered: 4 } : chunk,
  ),
}
/** As each chunk's commit wrote them; of the third chunk Postgres refused a row. */
const receipts: readonly Receipt[] = [
  { chunk: 1, first_row: 1, rows: 3, rejects: 0, filtered: 0, refused: 0, raw_sha256: digest(0) },
  { chunk: 2, first_row: 4, rows: 3, rejects: 2, filtered: 0, refused: 0, raw_sha256: digest(1) },
  { chunk: 3, first_row: 7, rows: 3, rejects: 0, filtered: 0, refused: 1, raw_sha256: digest(2) },
  { chunk: 4, first_row: 10, rows: 1, rejects: 0, filtered: 4, refused: 0, raw_sha256: digest(3) },
]
const found = { rejects: 3, rows: 7 }
const staging = { records: 14, filtered: 4, rejects: 3, refused: 1, rows: 7 }
const applied = { inserted: 2, updated: 1, unchanged: 1, repeated: 2, older: 1, deleted: 5 }

function digest(chunk: number): string {
  return plain.chunks[chunk]?.sha256 ?? ""
}

const edit = (chunk: number, change: Partial<Receipt>) =>
  receipts.map((one) => (one.chunk === chunk ? { ...one, ...change } : one))

test("a run that adds up has a receipt that says so", () => {
  expect(checkStaging(manifest, receipts, found)).toEqual(staging)
  expect(balance(staging, applied, { knownRows: 0, table: { found: 4, expected: 4 } })).toEqual({
    ...staging,
    ...applied,
    known_rows: 0,
    table_rows: 4,
  })
})

test.each<[string, () => unknown, string]>([
  [
    "a chunk has no receipt",
    () => checkStaging(manifest, receipts.slice(1), found),
    "3 chunks have a receipt",
  ],
  ["a chunk has two", () => checkStaging(manifest, [...receipts, ...receipts.slice(3)], found), "5 chunks"],
  ["a chunk brought a row less", () => checkStaging(manifest, edit(2, { rows: 2 }), found), "chunk 2"],
  ["a chunk has other rejects", () => checkStaging(manifest, edit(2, { rejects: 1 }), found), "chunk 2"],
  [
    "a chunk has other filtered ones",
    () => checkStaging(manifest, edit(4, { filtered: 3 }), found),
    "chunk 4",
  ],
  ["a chunk is of other bytes", () => checkStaging(manifest, edit(1, { raw_sha256: "0" }), found), "chunk 1"],
  [
    "the total is another than the chunks'",
    () => checkStaging({ ...manifest, rows: 11 }, receipts, found),
    "the chunks brought 8 rows, the manifest says 9",
  ],
  [
    "a reject is not listed",
    () => checkStaging(manifest, receipts, { ...found, rejects: 2 }),
    "2 rejects are listed, the receipts count 3",
  ],
  [
    "a row is gone from staging",
    () => checkStaging(manifest, receipts, { ...found, rows: 6 }),
    "staging holds 6 rows, the receipts 7",
  ],
  [
    "a row is too many in staging",
    () => checkStaging(manifest, receipts, { ...found, rows: 8 }),
    "staging holds 8 rows, the receipts 7",
  ],
  [
    "a refused row is in staging all the same",
    () => checkStaging(manifest, edit(3, { refused: 0 }), found),
    "3 rejects are listed, the receipts count 2",
  ],
  [
    "a staged row became nothing",
    () => balance(staging, { ...applied, unchanged: 0 }, { knownRows: 0, table: undefined }),
    "the table took 6 rows of 7",
  ],
  [
    "the table has a row that the load did not bring",
    () => balance(staging, applied, { knownRows: 0, table: { found: 5, expected: 4 } }),
    "the table holds 5 rows behind the load, expected 4",
  ],
])("%s: nothing is published", (_name, check, words) => {
  expect(check).toThrow(
    expect.objectContaining({
      code: "receipt-unbalanced",
      exitCode: 7,
      message: expect.stringContaining(words),
    }),
  )
})

const nothing: RunReceipt = {
  ...{ records: 0, filtered: 0, rejects: 0, refused: 0, rows: 0, known_rows: 0, table_rows: null },
  ...{ inserted: 0, updated: 0, unchanged: 0, repeated: 0, older: 0, deleted: 0 },
}

test.each<[string, Partial<RunReceipt>, [string, string]]>([
  ["of an empty version", {}, ["0 records read = 0 rows", "0 rows = 0 new; 0 rows were deleted"]],
  [
    "of a first load",
    { records: 3333, rows: 3333, inserted: 3333 },
    ["3,333 records read = 3,333 rows", "3,333 rows = 3,333 new; 0 rows were deleted"],
  ],
  [
    "with everything that can become of a record",
    { ...staging, ...applied, deleted: 1, table_rows: 4 },
    [
      "14 records read = 7 rows + 3 set aside (2 by the source, 1 by the loader) + 4 filtered",
      "7 rows = 2 new + 1 changed + 1 the same + 2 repeated + 1 older; 1 row was deleted; the table holds 4 rows",
    ],
  ],
  [
    "of records that the loader alone set aside",
    { records: 6, rejects: 1, refused: 1, rows: 5, inserted: 5 },
    ["6 records read = 5 rows + 1 set aside by the loader", "5 rows = 5 new; 0 rows were deleted"],
  ],
  [
    "of an append",
    { records: 5, rows: 5, inserted: 5, known_rows: 1 },
    ["5 records read = 5 rows; 1 row of the version was there before", "5 rows = 5 new; 0 rows were deleted"],
  ],
])("the receipt %s can be added up by who reads it", (_name, receipt, words) => {
  expect(describeReceipt({ ...nothing, ...receipt })).toEqual(words)
})
