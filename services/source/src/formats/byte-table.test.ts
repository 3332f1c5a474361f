// If this fails, README promises the fast reader for signs that it does not know, or leaves out some that it does.
import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { isByteDialect } from "./byte-table.ts"

const readme = readFileSync(new URL("../../../../README.md", import.meta.url), "utf8")
const told = readme.match(
  /any delimiter but a digit, ([^,]+), and as quote any\s+punctuation mark but (.+)\. The/,
)
const signsIn = (text = "") => [...text.matchAll(/`(.)`/g)].map((match) => match[1])
const isExcepted = (text: string, sign: string) => signsIn(text).includes(sign)

const ascii = Array.from({ length: 0x5f }, (_, i) => String.fromCharCode(0x20 + i))

test("delimiters are those that README tells", () => {
  const known = ["\t", ...ascii].filter((delimiter) =>
    isByteDialect({ delimiter, quote: delimiter === '"' ? "'" : '"' }),
  )
  expect(known).toEqual(
    ["\t", ...ascii].filter((sign) => !/[0-9]/.test(sign) && !isExcepted(told?.[1] ?? "", sign)),
  )
})

test("quotes are those that README tells", () => {
  const known = ["", "\t", ...ascii].filter((quote) =>
    isByteDialect({ delimiter: quote === "," ? ";" : ",", quote }),
  )
  expect(known).toEqual(
    ascii.filter((sign) => /[!-/:-@[-`{-~]/.test(sign) && !isExcepted(told?.[2] ?? "", sign)),
  )
})
