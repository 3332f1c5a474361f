import { expect, it } from "vitest"
import { sniffDelimiter } from "./sniff-delimiter.ts"

it.each([
  ["a,b,c\n", ","],
  ["a;b;c\n", ";"],
  ["a\tb\tc\r\n", "\t"],
  ["a|b|c", "|"],
  ["alone\n;;;;", ","],
  ["", ","],
  ['"a;b;c;d",e,f\n', ","],
  ['"a\nb,c,d";e\n', ";"],
  ['"say ""x,y"",z";b;c', ";"],
])("the first line %j is parted by %j", (head, sign) => {
  expect(sniffDelimiter(head)).toBe(sign)
})
