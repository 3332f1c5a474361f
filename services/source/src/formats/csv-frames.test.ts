// If this fails, one damaged record takes good ones along with it, or garbage is served as rows.
import fc from "fast-check"
import { describe, expect, it, test } from "vitest"
import type { CsvDialect } from "./csv-dialect.ts"
import { type Frame, type FrameMeasure, nextFrame } from "./csv-frames.ts"
import { signsOf } from "./csv-record.ts"

const comma: CsvDialect = { delimiter: ",", quote: '"' }
const measureOf = (dialect: CsvDialect, width: number, maxRecordBytes = 1 << 20): FrameMeasure => ({
  signs: signsOf(dialect),
  width,
  maxRecordBytes,
})

/** All frames of a text, each as its first letter and its bytes; the last may be why reading stops. */
function frame(text: string, measure: FrameMeasure): string[] {
  const bytes = Buffer.from(text)
  const told: string[] = []
  let at = 0
  while (at < bytes.length) {
    const one = nextFrame(bytes, at, true, measure)
    if (!("to" in one)) return [...told, one.kind]
    told.push(`${one.kind[0]}:${bytes.toString("utf8", at, one.to)}`)
    at = one.to
  }
  return told
}

describe("reading resumes", () => {
  it.each<[string, string, string[]]>([
    ["a stray quote", '1,x\n2,y"z\n3,w\n', ["r:1,x\n", 'd:2,y"z\n', "r:3,w\n"]],
    ["letters behind a closing quote", '"2"y,z\n3,w\n', ['d:"2"y,z\n', "r:3,w\n"]],
    [
      "a missing closing quote, to the end of the file",
      '1,"x\n2,y\n3,z\n',
      ['d:1,"x\n', "r:2,y\n", "r:3,z\n"],
    ],
    [
      "a missing closing quote before another quoted cell",
      '1,"x\n2,"y"\n3,z\n',
      ['d:1,"x\n', 'r:2,"y"\n', "r:3,z\n"],
    ],
    [
      "a missing closing quote before a record with line ends in quotes",
      '1,"x\n2,"y\nz"\n3,w\n',
      ['d:1,"x\n', 'r:2,"y\nz"\n', "r:3,w\n"],
    ],
    ["a bare carriage return", "1,x\ry\n2,z\n", ["d:1,x\ry\n", "r:2,z\n"]],
    ["damage on the last line", '1,x\n2,"y\n', ["r:1,x\n", 'd:2,"y\n']],
    ["damage on the last line without its end", '1,x\n2,"y', ["r:1,x\n", 'd:2,"y']],
    ["two damaged records, each by itself", '1,x"\n2,"y"z\n3,w\n', ['d:1,x"\n2,"y"z\n', "r:3,w\n"]],
    ["damage behind lines of another width", '1,"x\ny\n2,z\n', ['d:1,"x\ny\n', "r:2,z\n"]],
  ])("behind %s", (_, text, frames) => {
    expect(frame(text, measureOf(comma, 2))).toEqual(frames)
  })

  it("at no comment", () => {
    const dialect = { ...comma, comment: "#" }
    expect(frame('#a"\n1,x"\n#b,c\n2,y\n#d', measureOf(dialect, 2))).toEqual([
      'c:#a"\n',
      'd:1,x"\n#b,c\n',
      "r:2,y\n",
      "c:#d",
    ])
  })

  it("on any line of a file of one column", () => {
    expect(frame('x"\n\ny\n', measureOf(comma, 1))).toEqual(['d:x"\n', "r:\n", "r:y\n"])
  })

  it("where lines end with CR, with escapes and with other quotes", () => {
    expect(frame('1,x"\r2,y\r', measureOf({ ...comma, lineEnd: "cr" }, 2))).toEqual(['d:1,x"\r', "r:2,y\r"])
    const backslash = { delimiter: ";", quote: "'", escapedBy: "\\" }
    expect(frame("1;'x\\'\n2;'\\'y'\n", measureOf(backslash, 2))).toEqual(["d:1;'x\\'\n", "r:2;'\\'y'\n"])
  })
})

describe("within the record limit", () => {
  const far = "x".repeat(30)
  it.each<[string, string, string[]]>([
    ["a record of that length is one", "12345678,0123456789\n1,2\n", ["r:12345678,0123456789\n", "r:1,2\n"]],
    ["a longer one is refused", `1,${far}\n1,2\n`, ["too-long"]],
    [
      "an open quote with a record behind it is damage",
      `1,"x\n2,y\n${far},${far}\n`,
      ['d:1,"x\n', "r:2,y\n", "too-long"],
    ],
    ["an open quote without one is refused", `1,"x\n${far}\n`, ["too-long"]],
    ["damage without a record behind it is refused", `1,x"\n${far},2\n`, ["no-border"]],
    ["damage with one that ends beyond it is refused", `1,x"\ny\ny\n123,12345678\n`, ["no-border"]],
    ["damage at the file's end is damage", '1,x"\ny\n', ['d:1,x"\ny\n']],
  ])("%s", (_, text, frames) => {
    expect(frame(text, measureOf(comma, 2, 20))).toEqual(frames)
  })
})

const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
const pieces = ["a", ",", '"', '""', "\n", "\r\n", "\r", "\\", "#", '","', '"\n"', "b,c\n"]
const dialects: CsvDialect[] = [
  comma,
  { ...comma, escapedBy: "\\" },
  { ...comma, escapedBy: "" },
  { ...comma, comment: "#" },
  { ...comma, lineEnd: "cr" },
  { delimiter: ",", quote: "" },
]
const damagedText = fc
  .array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 60 })
  .map((parts) => parts.join(""))

test(`what is told of a file's first bytes stays true when more come (seed ${seed})`, () => {
  fc.assert(
    fc.property(
      damagedText,
      fc.constantFrom(...dialects),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 4, max: 80 }),
      (text, dialect, width, limit) => {
        const bytes = Buffer.from(text)
        const measure = measureOf(dialect, width, limit)
        const whole = nextFrame(bytes, 0, true, measure)
        for (let cut = 1; cut <= bytes.length; cut += 1) {
          const told: Frame = nextFrame(bytes.subarray(0, cut), 0, false, measure)
          if (told.kind !== "more") expect({ cut, told }).toEqual({ cut, told: whole })
        }
      },
    ),
    { numRuns: 3000, seed },
  )
})

test(`frames of a file are frames of any part of it that ends at one of them (seed ${seed})`, () => {
  fc.assert(
    fc.property(
      damagedText,
      fc.constantFrom(...dialects),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 4, max: 80 }),
      (text, dialect, width, limit) => {
        const bytes = Buffer.from(text)
        const measure = measureOf(dialect, width, limit)
        const borders = [0]
        const kinds: string[] = []
        for (let at = 0; at < bytes.length; ) {
          const one = nextFrame(bytes, at, true, measure)
          if (!("to" in one)) break
          kinds.push(one.kind)
          borders.push(one.to)
          at = one.to
        }
        kinds.forEach((kind, i) => {
          const from = borders[i] as number
          for (const end of borders.slice(i + 1)) {
            expect(nextFrame(bytes.subarray(from, end), 0, true, measure)).toEqual({
              kind,
              to: (borders[i + 1] as number) - from,
            })
          }
        })
      },
    ),
    { numRuns: 3000, seed },
  )
})
