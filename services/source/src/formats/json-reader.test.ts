// If this file fails, a JSON file is read wrong, refused without its place, or refused for no reason.
import { isProblemCode, Problem } from "@flatbed/contract"
import { jsonDocumentCases, jsonValueCases } from "@flatbed/testing"
import { describe, expect, it } from "vitest"
import { type GivenJson, plainLines, readJson, scanJson } from "./json-reader.test-kit.ts"

async function refusal(given: GivenJson): Promise<Problem> {
  const thrown = await scanJson(given).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(thrown instanceof Problem)) throw new Error("no Problem was raised", { cause: thrown })
  expect(isProblemCode(thrown.code)).toBe(true)
  expect(thrown.hint).toBeTruthy()
  return thrown
}

const rejectsIn = ({ lines }: Awaited<ReturnType<typeof readJson>>) =>
  lines.flatMap((line) => ("reject" in line ? [line.reject] : []))

describe("RFC 8259 by its sections", () => {
  const keep = { separator: false } as const
  const between = (before: string, text: Buffer, behind: string) =>
    Buffer.concat([Buffer.from(before), text, Buffer.from(behind)])

  it.each(jsonValueCases)("$clause, $name: $verdict, in an array", async ({ text, verdict, cell }) => {
    // A record before it, so that there is a column whatever becomes of it.
    const bytes = between('[{"v":null},{"v":', text, '},{"v":null}]')
    if (verdict === "syntax") {
      expect((await refusal({ bytes, dialect: keep })).code).toBe("json-invalid")
      return
    }
    const { lines, layout } = await readJson({ bytes, dialect: keep })
    const own = lines[1]
    if (verdict !== "value") {
      expect(own).toMatchObject({ reject: { code: verdict } })
      return
    }
    const isJson = layout.fields[0]?.type === "jsonb"
    expect(lines).toEqual([[null], [cell], [null]])
    expect(isJson).toBe(cell !== null && /^\s*[[{]/.test(text.toString()))
  })

  const onOneLine = jsonValueCases.filter(({ text }) => !text.includes("\n"))
  it.each(onOneLine)("$clause, $name: $verdict, on a line", async ({ text, verdict, cell }) => {
    const bytes = between('{"v":null}\n{"v":', text, '}\n{"v":null}')
    const { lines } = await readJson({ bytes, dialect: { ...plainLines, ...keep } })
    if (verdict === "value") expect(lines).toEqual([[null], [cell], [null]])
    else {
      const code = verdict === "syntax" ? "json-error" : verdict
      expect(lines).toMatchObject([[null], { reject: { code } }, [null]])
    }
  })

  it.each(jsonDocumentCases)("$clause, $name, as a document", async ({ bytes, cells }) => {
    if (cells === undefined)
      expect(["json-invalid", "file-encoding"]).toContain((await refusal({ bytes })).code)
    else expect((await readJson({ bytes })).lines).toEqual(cells.map((cell) => [cell]))
  })
})

describe("a record that is no row", () => {
  it("is told with its code, its place and its pointer", async () => {
    const deep = `{"a":${"[".repeat(100)}${"]".repeat(100)}}`
    const many = `{${Array.from({ length: 10_001 }, (_, i) => `"k${i}":0`).join(",")}}`
    const bytes = [
      '{"a":1,"b":"x"}',
      '{"a":{"c":1,"\\u0063":2}}',
      deep,
      many,
      '{"a":1,"b":"\\u0000"}',
      '{"a":1,"b":["\\ud800"]}',
      '{"a":1,"b":tru}',
      '{"a":1',
      "[1,2]",
      '"x"',
      '{"a":2}',
    ].join("\n")
    const read = await readJson({ bytes, dialect: plainLines })
    expect({ rows: read.rows, rejects: read.rejects }).toEqual({ rows: 11, rejects: 9 })
    const codes = rejectsIn(read).map(({ row, line, code }) => ({ row, line, code }))
    expect(codes).toEqual(
      [
        "duplicate-key",
        "too-deep",
        "too-many-keys",
        "nul-error",
        "encoding-error",
        "json-error",
        "json-error",
        "type-error",
        "type-error",
      ].map((code, i) => ({ row: i + 2, line: i + 2, code })),
    )
    const reasons = rejectsIn(read).map(({ reason }) => reason)
    expect(reasons[0]).toContain("at /a/c,")
    expect(reasons[1]).toContain(`at /a${"/0".repeat(98)}`)
    expect(reasons[2]).toContain("at /k10000,")
    expect(reasons[4]).toContain("at /b/0,")
    expect(reasons[5]).toBe("At /b, byte 15 is }; expected the rest of the value.")
    expect(reasons[6]).toBe("At /a it ends; expected a comma or }.")
    expect(reasons[7]).toBe("The record is an array; expected an object.")
  })

  it("takes a hundred levels and ten thousand keys", async () => {
    const deep = `{"a":${"[".repeat(99)}${"]".repeat(99)}}`
    expect(await readJson({ bytes: deep })).toMatchObject({ rejects: 0 })
    const many = `[{"a":[{${Array.from({ length: 9_999 }, (_, i) => `"k${i}":0`).join(",")}}]}]`
    expect(await readJson({ bytes: many })).toMatchObject({ rejects: 0 })
  })

  it("is shown without the end of its line", async () => {
    const read = await readJson({ bytes: '{"a":1}\n{bad\r\n{"a":2,}\n', dialect: plainLines })
    expect(rejectsIn(read).map(({ value }) => value)).toEqual(["{bad", '{"a":2,}'])
  })

  it("brings no column", async () => {
    const bytes = '{"a":1}\n{"a":1,"x":2,"x":3}\n{"a":1,"y":2}'
    const { layout } = await readJson({ bytes, dialect: plainLines })
    expect(layout.fields.map(({ name }) => name)).toEqual(["a", "y"])
  })

  it("is the row of one element only, where elements are rows", async () => {
    const bytes = '[{"id":1,"m":[{"n":1},\n{"n":"x"},{"n":3}]},{"id":2,"m":"none"},{"id":3,"m":[]}]'
    const read = await readJson({
      bytes,
      dialect: { explode: ["m"] },
      columns: { types: { m_n: "integer" } },
    })
    expect({ rows: read.rows, rejects: read.rejects }).toEqual({ rows: 5, rejects: 2 })
    expect(rejectsIn(read)).toMatchObject([
      {
        row: 2,
        line: 2,
        byte: 23,
        code: "type-error",
        column: "m_n",
        raw: Buffer.from('{"n":"x"}').toString("base64"),
      },
      { row: 4, line: 2, code: "type-error", column: "m" },
    ])
    expect(read.borders.slice(1).map(({ fate, counts }) => ({ fate, ...counts }))).toEqual([
      { fate: "row", rows: 3, rejects: 1, filtered: 0 },
      { fate: "reject", rows: 1, rejects: 1, filtered: 0 },
      { fate: "row", rows: 1, rejects: 0, filtered: 0 },
    ])
  })
})

describe("a file is refused", () => {
  it.each([
    [
      "in a record",
      '[{"a":1},\n{"a":{"b":[1,x]}}]',
      "on line 2, at byte 23, at /a/b/1 of the record, stands x;",
    ],
    [
      "on the way to the records",
      '{"data":[{"x":[1,}]}',
      "on line 1, at byte 17, at /x/1 of the record, stands };",
    ],
    ["before the records", '{"n":{"x":tru},"data":[]}', "on line 1, at byte 13, stands };"],
  ])("with the place of what is wrong %s: line, byte and pointer", async (_, bytes, told) => {
    const records = bytes.startsWith("[") ? [] : ["data"]
    const problem = await refusal({ bytes, dialect: { records } })
    expect(problem.code).toBe("json-invalid")
    expect(problem.message).toContain(`f.json is not valid JSON: ${told}`)
  })

  it.each([
    [
      "the key of the records",
      '{"r":[{"a":1}],\n"r":[{"a":2},{"a":3}]}',
      ["r"],
      "/r twice, once more on line 2, at byte 16;",
    ],
    [
      "it, written with an escape",
      '{"r":[],"\\u0072":[{"a":2}]}',
      ["r"],
      "/r twice, once more on line 1, at byte 8;",
    ],
    [
      "the key of one record",
      '{"r":{"a":1},"r":{"a":2}}',
      ["r"],
      "/r twice, once more on line 1, at byte 13;",
    ],
    [
      "a key above them",
      '{"x":[{"y":{"r":[]}}],"x":0}',
      ["x", "0", "y", "r"],
      "/x twice, once more on line 1, at byte 22;",
    ],
    [
      "a key between",
      '{"x":[0,{"y":{"r":[]},"z":1,"y":2}]}',
      ["x", "1", "y", "r"],
      "/x/1/y twice, once more on line 1, at byte 28;",
    ],
  ])("for %s twice, of which JSON's readers take this or that", async (_, bytes, records, told) => {
    for (const step of [1, 7, 1000]) {
      const problem = await refusal({ bytes, dialect: { records }, step })
      expect(problem.code).toBe("json-invalid")
      expect(problem.message).toContain(`f.json has ${told}`)
    }
  })

  it("not for keys twice that lead nowhere", async () => {
    const bytes = '{"n":1,"n":{"r":[]},"r":[{"a":1}],"m":{"r":0,"r":1},"m":[{"r":1,"r":2}]}'
    expect((await readJson({ bytes, dialect: { records: ["r"] } })).lines).toEqual([["1"]])
  })

  it("for no records at all, with what becomes of the version before", async () => {
    const problem = await refusal({ bytes: "[]" })
    expect(problem.message).toBe("f.json holds no record, and JSON names its columns nowhere else.")
    expect(problem.hint).toContain("a version before stays served")
  })

  it("when a record's elements would repeat more beside them than can be held, and the limit is named", async () => {
    const bytes = (elements: number) =>
      `[{"text":"${"x".repeat(100)}","m":[${Array.from({ length: elements }, () => "1").join(",")}]}]`
    const given = { dialect: { explode: ["m"] }, maxRecordBytes: 1000 }
    expect(await readJson({ ...given, bytes: bytes(30) })).toMatchObject({ rows: 30 })
    const problem = await refusal({ ...given, bytes: bytes(40) })
    expect(problem).toMatchObject({ code: "record-malformed", facts: { row: 1, line: 1, byte: 1 } })
    expect(problem.message).toContain("makes 40 rows, which together would be longer than 4000 bytes")
    expect(problem.hint).toContain("record_limit")
  })
})
