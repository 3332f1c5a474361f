// If this file fails, a verdict of the JSON corpus is wrong, and the reader is held against a mistake.
import { isUtf8 } from "node:buffer"
import { expect, it } from "vitest"
import { jsonDocumentCases, jsonValueCases } from "./json-corpus.ts"

/** What JSON.parse makes of bytes, once they are text. */
function parse(bytes: Buffer, ignoreBOM = true): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM }).decode(bytes)) }
  } catch {
    return undefined
  }
}

it("holds at least 200 documents, each with a name of its own in its section", () => {
  const all = [...jsonValueCases, ...jsonDocumentCases]
  const names = new Set(all.map(({ clause, name }) => `${clause}: ${name}`))
  expect(names.size).toBe(all.length)
  expect(all.length).toBeGreaterThanOrEqual(200)
  const count = (verdict: string) => jsonValueCases.filter((one) => one.verdict === verdict).length
  process.stdout.write(
    `${all.length} documents: ${jsonValueCases.length} values (${count("value")} read, ${count("syntax")} no JSON, ` +
      `${count("duplicate-key")} with a key twice, ${count("encoding-error")} no text, ${count("nul-error")} with NUL), ` +
      `${jsonDocumentCases.length} documents\n`,
  )
})

it.each(jsonValueCases)("$clause, $name: $verdict", ({ text, verdict, cell }) => {
  const parsed = parse(text)
  const record = parse(Buffer.concat([Buffer.from('[{"v":'), text, Buffer.from("}]")]))
  switch (verdict) {
    case "syntax":
      expect(parsed).toBeUndefined()
      expect(record).toBeUndefined()
      return
    case "duplicate-key":
    case "nul-error":
      expect(parsed).toBeDefined()
      expect(record).toBeDefined()
      return
    case "encoding-error": {
      // Nothing else is wrong with it; JSON.stringify escapes half a surrogate pair.
      const value = JSON.parse(text.toString())
      expect(isUtf8(text) && !/\\ud[89a-f]/.test(JSON.stringify(value))).toBe(false)
      return
    }
    case "value": {
      expect(record).toEqual({ value: [{ v: parsed?.value }] })
      const value = parsed?.value
      if (value === null || typeof value === "string") expect(cell).toBe(value)
      else expect(cell).toBe(text.toString().replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, ""))
    }
  }
})

it.each(jsonDocumentCases)("$clause, $name", ({ bytes, cells }) => {
  // A byte order mark at the very beginning may be ignored (section 8.1).
  const parsed = parse(bytes, false)
  if (cells === undefined) return expect(parsed).toBeUndefined()
  const records = [parsed?.value].flat() as readonly { v: unknown }[]
  expect(records.map(({ v }) => (typeof v === "number" ? String(v) : v))).toEqual(cells)
})
