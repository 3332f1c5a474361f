// If this file fails, bytes that the source never sent can reach the database.
import { createHash } from "node:crypto"
import { formatReprDigest, hashColumns, type ManifestChunk, Problem } from "@flatbed/contract"
import { describe, expect, test } from "vitest"
import { column } from "../loader.test-kit.ts"
import { type Expected, proveChunks } from "./chunk-proof.ts"
import type { Received } from "./unpack-body.ts"

const version = "a".repeat(64)
const raw = "b".repeat(64)
const columns = [column("id"), column("name")]
const chunk: ManifestChunk = {
  chunk: 2,
  first_row: 4,
  rows: 3,
  rejects: 0,
  filtered: 0,
  file: "people.csv",
  byte_from: 30,
  byte_to: 60,
  sha256: raw,
}
const expected: Expected = {
  dataset: "people",
  version,
  columnsSha256: hashColumns(columns),
  chunks: [chunk],
}
const head = {
  dataset: "people",
  version,
  chunk: 2,
  first_row: 4,
  rows: 3,
  rejects: 0,
  columns_sha256: expected.columnsSha256,
  raw_sha256: raw,
}
const rows = [
  ["4", "x"],
  ["5", null],
  ["6", "ü"],
]
const lines = (...values: unknown[]) =>
  Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(""))
const right = lines(head, ...rows, { rows: 3, rejects: 0 })

function received(body: Buffer, headers: Received["headers"] = {}): Received {
  const digest = formatReprDigest(createHash("sha256").update(body).digest())
  const length = String(body.length)
  return {
    body,
    headers: {
      "content-type": "application/x-ndjson",
      "content-length": length,
      "repr-digest": digest,
      ...headers,
    },
  }
}

const rules = { compression: "none", maxBodyBytes: 2 ** 20 } as const

async function complaint(answer: Received): Promise<string> {
  try {
    await proveChunks(answer, expected, rules)
  } catch (error) {
    if (error instanceof Problem && error.code === "chunk-damaged") return error.message
    throw error
  }
  return "none"
}

test("a right chunk gives its row lines, with or without a newline at the end", async () => {
  expect(await proveChunks(received(right), expected, rules)).toEqual(lines(...rows))
  expect(await proveChunks(received(right.subarray(0, -1)), expected, rules)).toEqual(lines(...rows))
})

test("a chunk without rows gives none", async () => {
  const empty: Expected = { ...expected, chunks: [{ ...chunk, rows: 0 }] }
  const body = lines({ ...head, rows: 0 }, { rows: 0, rejects: 0 })
  expect(await proveChunks(received(body), empty, rules)).toEqual(Buffer.alloc(0))
})

test("a chunk cut off at any byte is refused, also when its digest is right", async () => {
  // The last newline alone is not needed to know that the tail is there.
  for (let length = 0; length < right.length - 1; length++) {
    expect(await complaint(received(right.subarray(0, length))), `cut to ${length}`).not.toBe("none")
  }
})

test("a chunk with any one bit flipped is refused", async () => {
  const { headers } = received(right)
  for (let bit = 0; bit < right.length * 8; bit++) {
    const body = Buffer.from(right)
    body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(await complaint({ headers, body }), `bit ${bit}`).toContain("SHA-256")
  }
})

describe("refused with a right digest is", () => {
  const wrong: Record<string, unknown> = {
    dataset: "other",
    version: "c".repeat(64),
    chunk: 3,
    first_row: 5,
    rows: 4,
    rejects: 1,
    columns_sha256: "d".repeat(64),
    raw_sha256: "e".repeat(64),
  }
  test.each(Object.entries(wrong))("a head whose %s is another", async (key, value) => {
    const body = lines({ ...head, [key]: value }, ...rows, { rows: 3, rejects: 0 })
    expect(await complaint(received(body))).toContain(`its ${key} is`)
  })

  test.each([
    ["a row too few", lines(head, rows[0], rows[1], { rows: 3, rejects: 0 }), "2 row lines"],
    ["a row too many", lines(head, ...rows, rows[0], { rows: 3, rejects: 0 }), "4 row lines"],
    ["a tail of other counts", lines(head, ...rows, { rows: 2, rejects: 0 }), "tail line counts 2"],
    ["a tail that is a row", lines(head, ...rows, rows[0]), "tail line is malformed"],
    ["a head that is a row", lines(...rows, { rows: 3, rejects: 0 }), "head line is malformed"],
    ["an empty body", Buffer.alloc(0), "no head line"],
    ["an HTML page", Buffer.from("<html>\n<body>\n</html>\n"), "head line is malformed"],
    ["text that is not UTF-8", Buffer.concat([right, Buffer.from([0xff])]), "UTF-8"],
  ])("%s", async (_name, body, words) => {
    expect(await complaint(received(body))).toContain(words)
  })
})

test.each([
  ["another media type", { "content-type": "text/html" }, "content-type is text/html"],
  ["no media type", { "content-type": undefined }, "content-type is missing"],
  ["a coding", { "content-encoding": "gzip" }, "coded as gzip"],
  ["another length", { "content-length": "7" }, "content-length says 7"],
  ["no digest", { "repr-digest": undefined }, "repr-digest is missing"],
  ["another algorithm", { "repr-digest": "sha-512=:AAAA:" }, "repr-digest is missing"],
  ["two digests", { "repr-digest": ["sha-256=:AAAA:", "sha-256=:BBBB:"] }, "repr-digest is missing"],
  [
    "a digest of something else",
    { "repr-digest": formatReprDigest(createHash("sha256").update("x").digest()) },
    "SHA-256",
  ],
  ["another version's name", { "flatbed-version": "c".repeat(64) }, "flatbed-version says cccc"],
  ["another chunk's number", { "flatbed-chunk": "1/4" }, "flatbed-chunk says 1, expected 2"],
  ["a span of chunks", { "flatbed-chunk": "2-3/4" }, "flatbed-chunk says 2-3, expected 2"],
  ["another number of rows", { "flatbed-rows": "2" }, "flatbed-rows says 2, expected 3"],
  ["rejects that there are none of", { "flatbed-rejects": "1" }, "flatbed-rejects says 1, expected 0"],
  ["another first row", { "flatbed-first-row": "5" }, "flatbed-first-row says 5, expected 4"],
])("headers with %s are refused", async (_name, headers, words) => {
  expect(await complaint(received(right, headers))).toContain(words)
})

test("headers that say the chunk again, rightly, are no harm", async () => {
  const again = {
    "flatbed-version": version,
    "flatbed-chunk": "2/4",
    "flatbed-rows": "3",
    "flatbed-rejects": "0",
    "flatbed-first-row": "4",
  }
  expect(await complaint(received(right, again))).toBe("none")
})

test("a media type may carry parameters", async () => {
  expect(await complaint(received(right, { "content-type": "application/x-ndjson; charset=utf-8" }))).toBe(
    "none",
  )
})
