// If this fails, a date, a time or a boolean arrives as another one than the file says.
import { type ColumnType, grammars } from "@flatbed/contract"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { compileBooleans, compileFormat, type DateFormat, typeOfFormat } from "./formats.ts"
import { patternLetters } from "./pattern-letters.ts"

const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)
const cases = Number(process.env.FLATBED_TEST_CASES ?? 2_000)

function read(format: DateFormat, cell: string, type: ColumnType = typeOfFormat(format)): string | undefined {
  const compiled = compileFormat(format, type)
  if (typeof compiled === "string") throw new Error(compiled)
  const answer = compiled.read(cell)
  if (!("served" in answer)) return undefined
  expect(grammars[type].accepts(answer.served), `${answer.served} is a ${type}`).toBe(true)
  return answer.served
}

function why(format: DateFormat, cell: string): string | undefined {
  const compiled = compileFormat(format, typeOfFormat(format))
  if (typeof compiled === "string") throw new Error(compiled)
  const answer = compiled.read(cell)
  return "why" in answer ? answer.why : undefined
}

// Written by hand: pattern, cell, what is served; undefined for a cell that is not written so.
const table: [string, string, string | undefined][] = [
  ["dd.MM.yyyy", "31.12.2024", "2024-12-31"],
  ["dd.MM.yyyy", "29.02.2024", "2024-02-29"],
  ["dd.MM.yyyy", "29.02.2023", undefined],
  ["dd.MM.yyyy", "29.02.1900", undefined],
  ["dd.MM.yyyy", "29.02.2000", "2000-02-29"],
  ["dd.MM.yyyy", "31.04.2024", undefined],
  ["dd.MM.yyyy", "00.01.2024", undefined],
  ["dd.MM.yyyy", "01.00.2024", undefined],
  ["dd.MM.yyyy", "01.13.2024", undefined],
  ["dd.MM.yyyy", "01.01.0000", undefined],
  ["dd.MM.yyyy", "01.01.0001", "0001-01-01"],
  ["dd.MM.yyyy", "31.12.9999", "9999-12-31"],
  ["dd.MM.yyyy", "1.1.2024", undefined],
  ["dd.MM.yyyy", "01.01.24", undefined],
  ["dd.MM.yyyy", "01.01.12024", undefined],
  ["dd.MM.yyyy", "01/01/2024", undefined],
  ["dd.MM.yyyy", " 01.01.2024", undefined],
  ["dd.MM.yyyy", "01.01.2024 ", undefined],
  ["dd.MM.yyyy", "2024-01-01", undefined],
  ["dd.MM.yyyy", "٠١.٠١.٢٠٢٤", undefined],
  ["dd.MM.yyyy", "", undefined],
  ["d/M/yyyy", "1/2/2024", "2024-02-01"],
  ["d/M/yyyy", "01/02/2024", "2024-02-01"],
  ["d/M/yyyy", "31/12/2024", "2024-12-31"],
  ["d/M/yyyy", "001/02/2024", undefined],
  ["M/d/yyyy", "12/31/2024", "2024-12-31"],
  ["M/d/yyyy", "31/12/2024", undefined],
  ["yyyyMMdd", "20240131", "2024-01-31"],
  ["yyyyMMdd", "00000000", undefined],
  ["yyyyMMdd", "2024-01-31", undefined],
  ["yyyy/M/d", "2024/1/31", "2024-01-31"],
  ["dd-MMM-yyyy", "05-Jan-2024", "2024-01-05"],
  ["dd-MMM-yyyy", "05-JAN-2024", "2024-01-05"],
  ["dd-MMM-yyyy", "05-dec-2024", "2024-12-05"],
  ["dd-MMM-yyyy", "05-January-2024", undefined],
  ["dd-MMM-yyyy", "05-Mai-2024", undefined],
  ["dd-MMM-yyyy", "05-ſep-2024", undefined],
  ["MMMM d, yyyy", "September 5, 2024", "2024-09-05"],
  ["MMMM d, yyyy", "May 31, 2024", "2024-05-31"],
  ["MMMM d, yyyy", "Sep 5, 2024", undefined],
  ["dd.MM.yy", "01.02.68", "2068-02-01"],
  ["dd.MM.yy", "01.02.69", "1969-02-01"],
  ["dd.MM.yy", "29.02.00", "2000-02-29"],
  ["dd.MM.yy", "01.02.99", "1999-02-01"],
  ["dd.MM.yy", "01.02.2024", undefined],
  ["dd'.'MM'.'yyyy", "01.02.2024", "2024-02-01"],
  ["'on' dd.MM.yyyy", "on 01.02.2024", "2024-02-01"],
  ["dd.MM.yyyy 'o''clock'", "01.02.2024 o'clock", "2024-02-01"],
  ["yyyy年M月d日", "2024年7月5日", "2024-07-05"],
  ["MM/dd/yyyy HH:mm:ss", "12/31/2024 23:59:59", "2024-12-31T23:59:59"],
  ["MM/dd/yyyy HH:mm:ss", "12/31/2024 00:00:00", "2024-12-31T00:00:00"],
  ["MM/dd/yyyy HH:mm:ss", "12/31/2024 24:00:00", undefined],
  ["MM/dd/yyyy HH:mm:ss", "12/31/2024 23:60:00", undefined],
  ["MM/dd/yyyy HH:mm:ss", "12/31/2024 23:59:60", undefined],
  ["dd.MM.yyyy H:m:s", "01.02.2024 9:3:8", "2024-02-01T09:03:08"],
  ["dd.MM.yyyy H:m:s", "01.02.2024 19:33:48", "2024-02-01T19:33:48"],
  ["dd.MM.yyyy HH:mm", "01.02.2024 09:30", "2024-02-01T09:30"],
  ["dd.MM.yyyy HH", "01.02.2024 09", "2024-02-01T09:00"],
  ["yyyyMMddHHmmss", "20240131070605", "2024-01-31T07:06:05"],
  ["dd.MM.yyyy hh:mm a", "01.02.2024 12:00 AM", "2024-02-01T00:00"],
  ["dd.MM.yyyy hh:mm a", "01.02.2024 12:00 PM", "2024-02-01T12:00"],
  ["dd.MM.yyyy hh:mm a", "01.02.2024 01:30 pm", "2024-02-01T13:30"],
  ["dd.MM.yyyy hh:mm a", "01.02.2024 11:59 Pm", "2024-02-01T23:59"],
  ["dd.MM.yyyy hh:mm a", "01.02.2024 00:30 AM", undefined],
  ["dd.MM.yyyy hh:mm a", "01.02.2024 13:30 PM", undefined],
  ["dd.MM.yyyy hh:mm a", "01.02.2024 01:30", undefined],
  ["dd.MM.yyyy h:mma", "01.02.2024 1:30AM", "2024-02-01T01:30"],
  ["dd.MM.yyyy hh a", "01.02.2024 05 PM", "2024-02-01T17:00"],
  ["yyyy-MM-dd HH:mm:ss.S", "2024-01-31 07:06:05.1", "2024-01-31T07:06:05.1"],
  ["yyyy-MM-dd HH:mm:ss.SS", "2024-01-31 07:06:05.10", "2024-01-31T07:06:05.10"],
  ["yyyy-MM-dd HH:mm:ss,SSS", "2024-01-31 07:06:05,120", "2024-01-31T07:06:05.120"],
  ["yyyy-MM-dd HH:mm:ss.SSSS", "2024-01-31 07:06:05.1234", "2024-01-31T07:06:05.1234"],
  ["yyyy-MM-dd HH:mm:ss.SSSSS", "2024-01-31 07:06:05.12345", "2024-01-31T07:06:05.12345"],
  ["yyyy-MM-dd HH:mm:ss.SSSSSS", "2024-01-31 07:06:05.123456", "2024-01-31T07:06:05.123456"],
  ["yyyy-MM-dd HH:mm:ss.SSS", "2024-01-31 07:06:05.12", undefined],
  ["yyyy-MM-dd HH:mm:ss.SSS", "2024-01-31 07:06:05.1234", undefined],
  ["yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-01-31T07:06:05.120+05:30", "2024-01-31T07:06:05.120+05:30"],
  ["yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-01-31T07:06:05.120Z", "2024-01-31T07:06:05.120Z"],
  ["yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-01-31T07:06:05.120+0530", undefined],
  ["yyyy-MM-dd HH:mmXX", "2024-01-31 07:06-0930", "2024-01-31T07:06-09:30"],
  ["yyyy-MM-dd HH:mmXX", "2024-01-31 07:06Z", "2024-01-31T07:06Z"],
  ["yyyy-MM-dd HH:mmXX", "2024-01-31 07:06-09:30", undefined],
  ["yyyy-MM-dd HH:mmXX", "2024-01-31 07:06-09", undefined],
  ["yyyy-MM-dd HH:mm X", "2024-01-31 07:06 +01", "2024-01-31T07:06+01:00"],
  ["yyyy-MM-dd HH:mm X", "2024-01-31 07:06 +0530", "2024-01-31T07:06+05:30"],
  ["yyyy-MM-dd HH:mm X", "2024-01-31 07:06 Z", "2024-01-31T07:06Z"],
  ["yyyy-MM-dd HH:mm X", "2024-01-31 07:06 +16", undefined],
  ["yyyy-MM-dd HH:mm X", "2024-01-31 07:06 +0160", undefined],
  ["yyyy-MM-dd HH:mm X", "2024-01-31 07:06 01", undefined],
  ["yyyy-MM-dd HH:mm x", "2024-01-31 07:06 +00", "2024-01-31T07:06Z"],
  ["yyyy-MM-dd HH:mm x", "2024-01-31 07:06 Z", undefined],
  ["yyyy-MM-dd HH:mm xx", "2024-01-31 07:06 -0000", "2024-01-31T07:06Z"],
  ["yyyy-MM-dd HH:mm xxx", "2024-01-31 07:06 -01:30", "2024-01-31T07:06-01:30"],
  ["yyyy-MM-dd HH:mm xxx", "2024-01-31 07:06 Z", undefined],
  ["dd/MMM/yyyy:HH:mm:ss Z", "10/Oct/2000:13:55:36 -0700", "2000-10-10T13:55:36-07:00"],
]

test.each(table)("%s reads %j as %j", (pattern, cell, served) => {
  expect(read(pattern, cell)).toBe(served)
})

test("the hand-written table has every letter", () => {
  const runs = new Set(
    table.flatMap(([pattern]) => pattern.replace(/'[^']*'/g, "").match(/([A-Za-z])\1*/g) ?? []),
  )
  expect(patternLetters.map(({ letters }) => letters).filter((letters) => !runs.has(letters))).toEqual([])
})

test("a date among times is a timestamp at midnight, and with a zone an instant", () => {
  expect(read("dd.MM.yyyy", "01.02.2024", "timestamp")).toBe("2024-02-01")
  expect(read({ pattern: "dd.MM.yyyy", zone: "Europe/Berlin" }, "01.02.2024")).toBe("2024-02-01T00:00+01:00")
})

test("a cell that is no day or no time is told so", () => {
  expect(why("dd.MM.yyyy", "30.02.2024")).toBe("; February 2024 has 29 days, not 30")
  expect(why("dd.MM.yyyy", "01.13.2024")).toBe("; there is no month 13")
  expect(why("yyyyMMdd", "00000000")).toBe("; there is no year 0000")
  expect(why("dd.MM.yyyy HH:mm", "01.02.2024 24:00")).toBe("; the hours of a day are 0 to 23")
  expect(why("dd.MM.yyyy", "yesterday")).toBe("")
})

describe("zones", () => {
  const berlin = { pattern: "dd.MM.yyyy HH:mm:ss", zone: "Europe/Berlin" }
  const newYork = { pattern: "dd.MM.yyyy HH:mm:ss", zone: "America/New_York" }
  // Offsets and dates of change from the tz database (europe, northamerica, australasia, asia).
  test.each([
    [berlin, "15.01.2024 12:00:00", "2024-01-15T12:00:00+01:00"],
    [berlin, "15.07.2024 12:00:00", "2024-07-15T12:00:00+02:00"],
    [berlin, "31.03.2024 01:59:59", "2024-03-31T01:59:59+01:00"],
    [berlin, "31.03.2024 03:00:00", "2024-03-31T03:00:00+02:00"],
    [berlin, "27.10.2024 01:59:59", "2024-10-27T01:59:59+02:00"],
    [berlin, "27.10.2024 03:00:00", "2024-10-27T03:00:00+01:00"],
    [berlin, "01.07.1980 12:00:00", "1980-07-01T12:00:00+02:00"],
    [berlin, "01.07.1970 12:00:00", "1970-07-01T12:00:00+01:00"],
    [berlin, "01.01.1890 00:00:00", "1889-12-31T23:06:32Z"],
    [newYork, "10.03.2024 03:00:00", "2024-03-10T03:00:00-04:00"],
    [newYork, "03.11.2024 00:59:59", "2024-11-03T00:59:59-04:00"],
    [{ ...berlin, zone: "Pacific/Apia" }, "29.12.2011 23:59:59", "2011-12-29T23:59:59-10:00"],
    [{ ...berlin, zone: "Pacific/Apia" }, "31.12.2011 00:00:00", "2011-12-31T00:00:00+14:00"],
    [{ ...berlin, zone: "Asia/Kathmandu" }, "01.01.2024 00:00:00", "2024-01-01T00:00:00+05:45"],
    [{ ...berlin, zone: "UTC" }, "01.01.2024 00:00:00", "2024-01-01T00:00:00Z"],
    [{ ...berlin, zone: "Z" }, "01.01.2024 00:00:00", "2024-01-01T00:00:00Z"],
    [{ ...berlin, zone: "+01:00" }, "31.03.2024 02:30:00", "2024-03-31T02:30:00+01:00"],
    [{ ...berlin, zone: "-0330" }, "31.03.2024 02:30:00", "2024-03-31T02:30:00-03:30"],
  ])("%j: %s is %s", (format, cell, served) => {
    expect(read(format, cell)).toBe(served)
  })

  test("a fraction stays as it is written", () => {
    const format = { pattern: "dd.MM.yyyy HH:mm:ss.SSS", zone: "Europe/Berlin" }
    expect(read(format, "01.07.2024 12:00:00.120")).toBe("2024-07-01T12:00:00.120+02:00")
    expect(read(format, "01.01.1890 00:00:00.120")).toBe("1889-12-31T23:06:32.120Z")
  })

  test.each([
    [berlin, "31.03.2024 02:00:00"],
    [berlin, "31.03.2024 02:30:00"],
    [berlin, "31.03.2024 02:59:59"],
    [newYork, "10.03.2024 02:30:00"],
    [{ ...berlin, zone: "Pacific/Apia" }, "30.12.2011 12:00:00"],
  ])("%j: the clocks were put forward over %s", (format, cell) => {
    expect(why(format, cell)).toBe(`; the clocks of ${format.zone} were put forward over that time`)
  })

  test.each([
    [berlin, "27.10.2024 02:00:00", "+02:00 and +01:00"],
    [berlin, "27.10.2024 02:59:59", "+02:00 and +01:00"],
    [newYork, "03.11.2024 01:30:00", "-04:00 and -05:00"],
    [{ ...berlin, zone: "Europe/London" }, "27.10.2024 01:30:00", "+01:00 and Z"],
  ])("%j: the clocks showed %s twice", (format, cell, offsets) => {
    expect(why(format, cell)).toContain(`showed that time twice, at the offsets ${offsets}`)
  })

  test(`every instant comes back from what the clocks show, unless they show it twice (seed ${seed})`, () => {
    const zones = [
      "Europe/Berlin",
      "America/St_Johns",
      "Australia/Lord_Howe",
      "Africa/Casablanca",
      "Asia/Gaza",
      "America/Sao_Paulo",
    ]
    for (const zone of zones) {
      // Sweden writes ISO dates: another way to the same clocks.
      const clock = new Intl.DateTimeFormat("sv-SE", {
        timeZone: zone,
        dateStyle: "short",
        timeStyle: "medium",
      })
      const format = compileFormat({ pattern: "yyyy-MM-dd HH:mm:ss", zone }, "timestamptz")
      if (typeof format === "string") throw new Error(format)
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (seconds) => {
          const answer = format.read(clock.format(seconds * 1000))
          if ("served" in answer) expect(Date.parse(answer.served)).toBe(seconds * 1000)
          else expect(answer.why).toContain("twice")
        }),
        { numRuns: cases / 4, seed },
      )
    }
  })
})

test(`every day of the calendar comes back from every order of its parts (seed ${seed})`, () => {
  const patterns = ["dd.MM.yyyy", "d/M/yyyy", "MM-dd-yyyy", "yyyyMMdd", "d MMMM yyyy", "MMM d, yyyy"]
  const formats = patterns.map((pattern) => compileFormat(pattern, "date"))
  const months = Array.from({ length: 12 }, (_, i) =>
    new Intl.DateTimeFormat("en-US", { month: "long", timeZone: "UTC" }).format(Date.UTC(2024, i, 1)),
  )
  fc.assert(
    fc.property(fc.integer({ min: -719_162, max: 2_932_896 }), (days) => {
      const iso = new Date(days * 86_400_000).toISOString().slice(0, 10)
      const [y = "", m = "", d = ""] = iso.split("-")
      const name = months[Number(m) - 1] ?? ""
      const cells = [
        `${d}.${m}.${y}`,
        `${Number(d)}/${Number(m)}/${y}`,
        `${m}-${d}-${y}`,
        y + m + d,
        `${Number(d)} ${name} ${y}`,
        `${name.slice(0, 3)} ${Number(d)}, ${y}`,
      ]
      formats.forEach((format, i) => {
        if (typeof format === "string") throw new Error(format)
        expect(format.read(cells[i] ?? "")).toEqual({ served: iso })
      })
    }),
    { numRuns: cases, seed },
  )
})

describe("a format that cannot be meant is refused with the reason", () => {
  test.each<[DateFormat, ColumnType, RegExp]>([
    ["dd.MM", "date", /does not say a whole day/],
    ["MM.yyyy", "date", /does not say a whole day/],
    ["dd.MM.yyyy HH:mm", "date", /has a time, which a date cannot keep; expected timestamp/],
    ["dd.MM.yyyy", "text", /type is text; expected date, timestamp or timestamptz/],
    ["dd.MM.yyyy", "integer", /type is integer/],
    ["dd.MM.yyyy HH:mmX", "timestamp", /has an offset, which a timestamp cannot keep; expected timestamptz/],
    [{ pattern: "dd.MM.yyyy HH:mm", zone: "UTC" }, "timestamp", /has a zone/],
    [{ pattern: "dd.MM.yyyy HH:mmX", zone: "UTC" }, "timestamptz", /an offset and a zone/],
    ["dd.MM.yyyy HH:mm", "timestamptz", /no offset \(X, XX or XXX\)/],
    [{ pattern: "dd.MM.yyyy HH:mm", zone: "Europe/Berln" }, "timestamptz", /did you mean Europe\/Berlin\?/],
    [{ pattern: "dd.MM.yyyy HH:mm", zone: "+16:00" }, "timestamptz", /not known/],
    [{ pattern: "dd.MM.yyyy HH:mm", zone: "" }, "timestamptz", /not known/],
    ["DD.MM.YYYY", "date", /has "DD".*the day of the month is d or dd/],
    ["dd.MM.YYYY", "date", /has "YYYY".*the year is yyyy/],
    ["dd.mm.yyyy", "date", /does not say a whole day|minutes without hours/],
    ["dd.MM.y", "date", /has "y".*yy or yyyy/],
    ["dd.MM.uuuu", "date", /the year is yyyy/],
    ["EEE, dd MMM yyyy", "date", /names of days are not read/],
    ["dd.MM.yyyy KK:mm a", "timestamp", /h or hh/],
    ["dd.MM.yyyy kk:mm", "timestamp", /H or HH/],
    ["dd.MM.yyyy HH:mm z", "timestamptz", /CET/],
    ["dd.MM.yyyy HH:mm:ss.SSSSSSSSS", "timestamp", /six digits/],
    ["ddd.MM.yyyy", "date", /has "ddd", which is not a letter/],
    ["%d.%m.%Y", "date", /has "Y"|minutes/],
    ["dMyyyy", "date", /where it ends/],
    ["yyyyMd", "date", /where it ends/],
    ["dd.MM.yyyy HH:m'0'", "timestamp", /where it ends/],
    ["dd.MM.yyyy dd", "date", /day twice/],
    ["dd.MM.yyyy yy", "date", /year twice/],
    ["dd.MM.yyyy hh:mm", "timestamp", /one of h and a/],
    ["dd.MM.yyyy HH:mm a", "timestamp", /H beside h or a/],
    ["dd.MM.yyyy mm", "timestamp", /minutes without hours/],
    ["dd.MM.yyyy HH:ss", "timestamp", /seconds without minutes/],
    ["dd.MM.yyyy HH:mm.SSS", "timestamp", /a fraction without seconds/],
    ["dd.MM.yyyy X", "timestamptz", /an offset without a time/],
    ["dd.MM.yyyy 'at", "date", /never closed/],
    ["", "date", /does not say a whole day/],
  ])("%j for %s", (format, type, reason) => {
    expect(compileFormat(format, type)).toMatch(reason)
  })
})

describe("booleans", () => {
  const words = { true: ["yes", "Y", "1"], false: ["no", "N", "0"] }

  test.each([
    ["yes", "true"],
    ["Y", "true"],
    ["1", "true"],
    ["no", "false"],
    ["N", "false"],
    ["0", "false"],
    ["y", undefined],
    ["true", undefined],
    ["", undefined],
    ["__proto__", undefined],
  ])("%j is %s", (cell, served) => {
    const format = compileBooleans(words, "boolean")
    if (typeof format === "string") throw new Error(format)
    const answer = format.read(cell)
    expect("served" in answer ? answer.served : undefined).toBe(served)
  })

  test("a word for both is refused, and so is another type", () => {
    expect(compileBooleans({ true: ["x"], false: ["x"] }, "boolean")).toMatch(/"x" for true and for false/)
    expect(compileBooleans(words, "integer")).toMatch(/type is integer; expected boolean/)
  })
})
