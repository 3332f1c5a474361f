// If this fails, the scan and its caller disagree on what lies where in memory, or on what a number stands for.
import { expect, onTestFinished, test } from "vitest"
import { sharedCodec } from "./codec-module.ts"
import { cellForms, openRecordScanner } from "./record-scan.ts"

const [comma = 0, quote = 0] = Buffer.from(',"')
const everyForm = (1 << cellForms.length) - 1
const allowed = (...forms: (typeof cellForms)[number][]) =>
  forms.reduce((bits, form) => bits | (1 << cellForms.indexOf(form)), 0)

/** The records of a file, its notes as the caller sees them, and why the scan stopped. */
function scan(text: string, fields: { index: number; allowed: number }[], width = 1, maxRecordBytes = 100) {
  const scanner = openRecordScanner({ width, delimiter: comma, quote, maxRecordBytes, fields })
  onTestFinished(scanner.close)
  const records: [end: number, lines: number, isReject: boolean][] = []
  const noted: string[] = []
  scanner.hold(Buffer.from(text))
  const stop = scanner.scan(true, true, {
    record: (...record) => records.push(record),
    judge(notes) {
      for (const { field, form, bytes, doubled } of notes) {
        noted.push(`${field} ${cellForms[form]} ${bytes} ${doubled}`)
        const [digits = 0, scale = 0] = /^[\d.]+$/.test(`${bytes}`)
          ? `${bytes}`.split(".").map((part) => part.length)
          : []
        scanner.know(field, { form, bytes: bytes.length - doubled, digits, scale })
      }
      return true
    },
  })
  return { records, noted, stop, summary: scanner.summary }
}

test("each form is noted under its name, and counted there", () => {
  const cells = [
    ...["true", "7", "7000000000", "7.25", "2024-01-02", "2024-01-02T03:04:05", "2024-01-02T03:04:05Z"],
    ...['"a ""word"""', "", '""', "1e3"],
  ]
  const { noted, stop, summary } = scan(`${cells.join("\n")}\n`, [{ index: 0, allowed: everyForm }])
  expect(stop).toBe("needs-more")
  const forms = noted.map((note) => note.split(" ")[1])
  expect(forms).toEqual(cellForms.slice(0, -1))
  expect(noted[7]).toBe('0 text a ""word"" 2')
  const told = summary(0)
  expect([...told.cells]).toEqual(cellForms.map((form) => (form === "jsonb" ? 0 : 1)))
  expect(told).toMatchObject({ bytes: 20, digits: 10, scale: 2 })
})

test("a field is the column that it is served from, and a form that is not allowed makes a reject", () => {
  const { records, noted, summary } = scan(
    '1,"x\ny",2\n3,z,w\n',
    [
      { index: 2, allowed: allowed("integer") },
      { index: 1, allowed: everyForm },
    ],
    3,
  )
  expect(records).toEqual([
    [10, 2, false],
    [16, 1, true],
  ])
  expect(noted).toEqual(["1 text x\ny 0", "0 integer 2 0"])
  expect(summary(0).cells[cellForms.indexOf("integer")]).toBe(1)
  expect(summary(1).cells[cellForms.indexOf("text")]).toBe(1)
})

test("it stops where a record is malformed or too long, and goes on when its table of records is full", () => {
  expect(scan('1\n2"\n', []).stop).toBe("malformed")
  expect(scan(`1\n${"2".repeat(200)}\n`, []).stop).toBe("too-long")
  expect(scan("1\n".repeat(3000), []).records).toHaveLength(3000)
})

test("a field's entry has room for a count of each form", () => {
  const { fieldBytes, countsAt } = sharedCodec()
  expect(countsAt.value + cellForms.length * 4).toBeLessThanOrEqual(fieldBytes.value)
})
