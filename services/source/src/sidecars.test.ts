// If this fails, a file counts as whole, or as the one that was sent, by what speaks of another one.
import { describe, expect, it } from "vitest"
import { findDigest, sidecarOf } from "./sidecars.ts"

const one = "1".repeat(64)
const two = "2".repeat(64)

describe("what stands beside a file", () => {
  it.each([
    ["{name}.done", "a.csv", "a.csv.done"],
    ["{name}.done", "a{name}.csv", "a{name}.csv.done"],
    ["done.{name}.{name}", "a", "done.a.a"],
    ["_SUCCESS", "a.csv", "_SUCCESS"],
    ["{name}$&.sum", "a$1.csv", "a$1.csv$&.sum"],
  ])("is called %s for %s: %s", (template, name, expected) => {
    expect(sidecarOf(template)(name)).toBe(expected)
  })
})

describe("a list of digests", () => {
  it.each([
    ["of one digest and nothing else", one, one],
    ["of one digest and a line end", `${one}\r\n`, one],
    ["in capitals", "ABCDEF".padEnd(64, "0"), "abcdef".padEnd(64, "0")],
    ["as sha256sum writes it", `${one}  a.csv\n`, one],
    ["as sha256sum --binary writes it", `${one} *a.csv\n`, one],
    ["with a path before the name", `${one}  ./out/a.csv\n`, one],
    ["of several files", `${two}  b.csv\n${one}  a.csv\n`, one],
    ["whose line begins with the backslash of a name that is escaped", `\\${one}  a.csv\n`, one],
    ["with a comment above", `# made by hand\n${one}  a.csv\n`, one],
    ["of another file", `${two}  b.csv\n`, undefined],
    ["of another file whose name ends the same", `${two}  xa.csv\n`, undefined],
    ["of two digests without names", `${one}\n${two}\n`, undefined],
    ["with a digest that is too short", `${one.slice(1)}  a.csv\n`, undefined],
    ["with a digest that is too long", `${one}1  a.csv\n`, undefined],
    ["that is empty", "", undefined],
    ["that is not written to its end", one.slice(0, 40), undefined],
  ])("%s", (_, text, expected) => {
    expect(findDigest(text, "a.csv")).toBe(expected)
  })
})
