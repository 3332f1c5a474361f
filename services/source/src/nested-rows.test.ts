// If this fails, a value of a nested record is in another row or column than it stands in the file, or is not there.
import { createClassShares, type GeneratedJson, generateJson } from "@flatbed/testing"
import { expect, test } from "vitest"
import { type ReadJson, type RefusedJson, readJson, rowsOf } from "./json-file.test-kit.ts"

const cases = Number(process.env.FLATBED_TEST_CASES ?? 5_000)
const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)

type Case = { readonly given: GeneratedJson; readonly said: ReadJson | RefusedJson }

const has = (least: number, test: (one: Case) => boolean) => ({ least, has: test })
const textHas = (least: number, pattern: RegExp) =>
  has(least, ({ given }) => pattern.test(given.bytes.toString()))
const classes = {
  json: has(40, ({ given }) => given.format === "json"),
  ndjson: has(40, ({ given }) => given.format === "ndjson"),
  "flattened by another separator": has(30, ({ given }) => given.shape.separator !== "_"),
  "not flattened": has(10, ({ given }) => given.shape.separator === false),
  exploded: has(25, ({ given }) => given.shape.explode !== undefined),
  "exploded within an object": has(1, ({ given }) => (given.shape.explode?.length ?? 0) > 1),
  "more rows than records": has(10, ({ given }) => (given.expected?.rows.length ?? 0) > given.spans.length),
  "records below a pointer": has(15, ({ given }) => given.records !== ""),
  "JSON in cells": has(40, ({ given }) => (given.expected?.nested.length ?? 0) > 0),
  "nothing to explode": has(0.5, ({ given }) => given.isUnexploded),
  "two ways to one name": has(0.5, ({ given }) => given.expected === undefined),
  escapes: textHas(30, /\\[\\"/bfnrtu]/),
  "surrogate pairs, escaped": textHas(2, /\\u[dD]8/),
  "keys beyond ASCII": textHas(20, /[^\x20-\x7e\r\n\t]"\s*:/),
  "empty objects": textHas(10, /\{\s*\}/),
  "empty arrays": textHas(10, /\[\s*\]/),
  "null among elements": textHas(1, /[[,]\s*null\s*[,\]]/),
  "whitespace between tokens": textHas(30, /"\s+:/),
  "a byte order mark": textHas(5, /^\ufeff/),
  "no last newline": textHas(20, /[^\s]$/),
  "CRLF between lines": textHas(10, /\}\r\n\{/),
}

test(`${cases} files of random nested records are the rows that a plain model makes of them (seed ${seed})`, async () => {
  const shares = createClassShares<Case>(classes)
  for (let i = 0; i < cases; i += 1) {
    const given = generateJson(seed + i)
    const { format, bytes, records, shape, expected } = given
    const said = await readJson(
      {
        ...{ format, bytes, records },
        flatten: shape.separator === false ? false : { separator: shape.separator },
        explode: shape.explode === undefined ? undefined : pointerOf(shape.explode),
      },
      { rows: 1 + (i % 5) },
    )
    shares.add({ given, said })
    const told = `seed ${seed + i}: ${bytes}`
    const code = "code" in said ? said.code : "served"
    if (expected?.columns.length === 0) expect(code, told).toBe("file-empty")
    else if (given.isUnexploded) expect(code, told).toBe("records-not-found")
    else if (expected === undefined) expect(code, told).toBe("header-invalid")
    else {
      if ("code" in said) throw new Error(`${told}: ${said.message}`)
      expect(
        said.columns.map(({ name }) => name),
        told,
      ).toEqual(expected.columns)
      expect(rowsOf(said), told).toEqual(expected.rows)
      const nested = said.columns.filter(({ type }) => type === "jsonb").map(({ name }) => name)
      expect(nested, told).toEqual(expected.nested)
      expect(said.manifest.rejects).toBe(0)
    }
  }
  process.stdout.write(`${shares.describe()}\n`)
  expect(shares.tooFew()).toEqual([])
}, 3_600_000)

/** RFC 6901. */
function pointerOf(way: readonly string[]): string {
  return way.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")
}
