import { describe, expect, it } from "vitest"
import { matchesTag, negotiateCoding, negotiateForm } from "./negotiate.ts"

const offered = [
  { accepts: "application/json" },
  { accepts: "application/x-ndjson" },
  { accepts: "text/csv; header=present" },
]

describe("Accept", () => {
  it.each([
    [undefined, "application/json"],
    ["", "application/json"],
    ["*/*", "application/json"],
    ["application/*", "application/json"],
    ["application/x-ndjson", "application/x-ndjson"],
    ["APPLICATION/X-NDJSON", "application/x-ndjson"],
    ["application/x-ndjson, */*", "application/json"],
    ["application/x-ndjson, */*;q=0.9", "application/x-ndjson"],
    ["application/json;q=0.2, application/x-ndjson;q=0.3", "application/x-ndjson"],
    ["application/json;q=0, */*", "application/x-ndjson"],
    ["text/html, application/json;q=0.1", "application/json"],
    ["application/json; charset=utf-8; q=0.5, application/x-ndjson;q=0.4", "application/json"],
    ["text/csv", "text/csv; header=present"],
    ["text/*", "text/csv; header=present"],
    ['text/csv; header="present"; charset=utf-8', "text/csv; header=present"],
    ["text/csv; header=absent, application/json;q=0.1", "application/json"],
  ])("%j is answered with %s", (accept, type) => {
    expect(negotiateForm(accept, offered).accepts).toBe(type)
  })

  it.each(["text/html", "application/json;q=0", "*/*;q=0", "image/*;q=1", "text/csv;header=absent"])(
    "%j is not acceptable",
    (accept) => {
      expect(() => negotiateForm(accept, offered)).toThrow(
        expect.objectContaining({ code: "not-acceptable" }),
      )
    },
  )
})

describe("Accept-Encoding", () => {
  it.each([
    [undefined, "identity"],
    ["", "identity"],
    ["*", "identity"],
    ["br", "identity"],
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["gzip, deflate, br", "gzip"],
    ["gzip;q=0", "identity"],
    ["gzip;q=0.5, identity", "identity"],
    ["gzip;q=0.5, identity;q=0.5", "gzip"],
    ["gzip;q=0.1, identity;q=0", "gzip"],
    ["identity;q=0, *", "gzip"],
    ["gzip, *;q=0", "gzip"],
    ["GZIP;Q=1.0", "gzip"],
    ["zstd", "identity"],
    ["zstd, gzip;q=0.5", "gzip"],
  ])("%j is answered with %s where only gzip is offered", (field, coding) => {
    expect(negotiateCoding(field, ["gzip"])).toBe(coding)
  })

  it.each([
    ["zstd", "zstd"],
    ["zstd, gzip;q=0.5", "zstd"],
    ["zstd;q=0.5, gzip", "gzip"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["gzip", "gzip"],
    ["zstd;q=0, gzip", "gzip"],
    ["zstd;q=0.5, identity", "identity"],
    ["zstd;q=0.2, x-gzip;q=0.3, identity;q=0.3", "gzip"],
    ["*", "identity"],
    ["identity;q=0, *", "gzip"],
    ["gzip;q=0, identity;q=0, *", "zstd"],
    ["br", "identity"],
  ])("%j is answered with %s where zstd is offered too", (field, coding) => {
    expect(negotiateCoding(field, ["zstd", "gzip"])).toBe(coding)
  })

  it.each(["identity;q=0", "*;q=0", "br, identity;q=0", "gzip;q=0, identity;q=0, *", "zstd, *;q=0"])(
    "%j is not acceptable where only gzip is offered",
    (field) => {
      expect(() => negotiateCoding(field, ["gzip"])).toThrow(
        expect.objectContaining({ code: "not-acceptable", hint: "Allow gzip or identity." }),
      )
    },
  )
})

describe("If-None-Match", () => {
  it.each([
    [undefined, false],
    ['"a"', true],
    ['W/"a"', true],
    ['"b", "a"', true],
    ["*", true],
    ['"b"', false],
    ["a", false],
    ['"a,b"', false],
  ])('%j against "a" is %s', (field, matches) => {
    expect(matchesTag(field, '"a"')).toBe(matches)
  })
})
