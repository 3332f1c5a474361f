// If this file fails, nested JSON arrives in other columns or rows than plain recursion makes of it, or what arrives
// depends on where the file's bytes were cut while it was read.
import { generateJson } from "@flatbed/testing"
import { expect, it } from "vitest"
import type { JsonDialect } from "./json-dialect.ts"
import { encodeJson, linesOf, readJson, scanJson } from "./json-reader.test-kit.ts"

const cases = Number(process.env.FLATBED_TEST_CASES ?? 1_000)
const firstSeed = Number(process.env.FLATBED_TEST_SEED ?? 1)

const stepsOf = (pointer: string) =>
  pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))

function givenOf(seed: number) {
  const { format, bytes, records, shape, spans, ...given } = generateJson(seed)
  const dialect: JsonDialect = {
    ...(format === "ndjson" ? { lines: true as const } : {}),
    records: stepsOf(records),
    separator: shape.separator,
    ...(shape.explode === undefined ? {} : { explode: shape.explode }),
  }
  return { bytes, dialect, spans, ...given }
}

const codeOf = (error: unknown) => (error as { readonly code?: string }).code

it(`reads ${cases} random files as the plain model does`, async () => {
  for (let seed = firstSeed; seed < firstSeed + cases; seed += 1) {
    const { bytes, dialect, expected, isUnexploded } = givenOf(seed)
    const about = `seed ${seed}: ${JSON.stringify(dialect)} ${bytes.toString()}`
    if (expected === undefined || expected.columns.length === 0 || isUnexploded) {
      const code = await readJson({ bytes, dialect }).catch(codeOf)
      const wrong = isUnexploded ? "records-not-found" : "header-invalid"
      expect(code, about).toBe(expected?.columns.length === 0 ? "file-empty" : wrong)
      continue
    }
    const scanned = await readJson({ bytes, dialect })
    const { layout, lines, borders } = scanned
    expect(
      layout.fields.map(({ name }) => name),
      about,
    ).toEqual(expected.columns)
    expect(
      layout.fields.filter(({ type }) => type === "jsonb").map(({ name }) => name),
      about,
    ).toEqual(expected.nested)
    expect(lines, about).toEqual(expected.rows)
    // Who asks for so many rows at the most is answered by the general way, a whole chunk by copying bytes.
    const general = encodeJson(scanned, "cells", 0, scanned.borders.length - 1, lines.length)
    expect(linesOf(general.body), about).toEqual(lines)
    expect(
      borders.slice(1).map(({ counts }) => counts?.rows),
      about,
    ).toEqual(expected.counts)
  }
})

it("gives the same borders, columns and rows wherever the bytes are cut", async () => {
  for (let seed = firstSeed; seed < firstSeed + cases / 50; seed += 1) {
    const { bytes, dialect, expected, isUnexploded } = givenOf(seed)
    if (expected === undefined || expected.columns.length === 0 || isUnexploded) continue
    if (bytes.length > 3_000) continue
    const whole = await scanJson({ bytes, dialect })
    const body = encodeJson(whole, "cells").body
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const { borders, layout, evidence } = await scanJson({ bytes, dialect, cut })
      expect({ borders, layout, evidence }, `seed ${seed}, cut at ${cut}`).toEqual({
        borders: whole.borders,
        layout: whole.layout,
        evidence: whole.evidence,
      })
    }
    // In parts of a record each.
    const parts = whole.borders.slice(1).map((_, i) => linesOf(encodeJson(whole, "cells", i, i + 1).body))
    expect(parts.flat(), `seed ${seed}`).toEqual(linesOf(body))
  }
})
