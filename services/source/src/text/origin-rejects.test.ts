// If this fails, a reject of a file that is not UTF-8 names a place that is not in the file, or breaks its chunk.
import type { Reject } from "@flatbed/contract"
import { expect, it } from "vitest"
import { mapRejects } from "../reject-lines.ts"
import { createOrigin } from "./origin.ts"
import { placeInOrigin } from "./origin-rejects.ts"

const text = Buffer.from('1,é\n2,"€€x\n3,ok\n')
const origin = createOrigin("utf-16be", { bytes: text, textFrom: 10, originFrom: 6 })
const second = text.indexOf("2,")

const rejectOf = (raw: Buffer, reason: string): Reject => ({
  ...{
    row: 2,
    file: "t.csv",
    line: 3,
    byte: 10 + second,
    code: "type-error",
    column: "b",
    value: "€€x",
    reason,
  },
  raw: raw.toString("base64"),
})

function place(reject: Reject): Reject {
  const lines = [
    '{"dataset":"t"}',
    '["1","é"]',
    JSON.stringify({ reject }),
    '["3","{\\"reject\\":"]',
    '{"rows":3}',
  ]
  const placed = mapRejects(Buffer.from(`${lines.join("\n")}\n`), (reject) => placeInOrigin(reject, origin))
    .toString()
    .split("\n")
  expect(placed.toSpliced(2, 1)).toEqual([...lines.toSpliced(2, 1), ""])
  return JSON.parse(placed[2] ?? "").reject
}

it("places a reject in the file, and leaves the lines around it as they are", () => {
  const raw = Buffer.from('2,"€€x')
  expect(place(rejectOf(raw, "No number."))).toEqual({
    ...rejectOf(Buffer.from('2,"€€x', "utf16le").swap16(), "No number."),
    byte: 6 + 2 * "1,é\n".length,
  })
})

it("keeps the whole characters of bytes that were cut inside one", () => {
  const raw = Buffer.from('2,"€€')
  for (const cut of [1, 2]) {
    const placed = place(rejectOf(raw.subarray(0, raw.length - cut), "x"))
    expect(Buffer.from(placed.raw, "base64").swap16().toString("utf16le")).toBe('2,"€')
  }
})

it("says of a reason that counts bytes which ones it counts", () => {
  const { reason } = place(rejectOf(Buffer.from("2"), "Set aside: 12 bytes."))
  expect(reason).toBe("Set aside: 12 bytes. Bytes are counted in the file's text in UTF-8 here.")
})
