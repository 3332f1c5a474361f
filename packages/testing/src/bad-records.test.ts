// If this file fails, the big file's bad records are not where the list says, and recall is measured against nothing.
import { expect, it } from "vitest"
import { type BadRecord, writeBadRecords } from "./bad-records.ts"

async function make(records: number, seed: number): Promise<{ bytes: Buffer; bad: BadRecord[] }> {
  const parts: Buffer[] = []
  const bad = await writeBadRecords(records, seed, async (bytes) => parts.push(bytes))
  return { bytes: Buffer.concat(parts), bad }
}

it("one record in a hundred is bad, each kind as often as any other, and no two stand next to each other", async () => {
  const { bad } = await make(140_000, 1)
  const counts = new Map<string, number>()
  for (const { kind } of bad) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  expect([...counts.values()]).toEqual(Array(14).fill(100))
  for (const [i, { row }] of bad.entries()) expect(row - (bad[i - 1]?.row ?? -1)).toBeGreaterThan(1)
})

it("each bad record's bytes stand at its place, on its line", async () => {
  const { bytes, bad } = await make(3_000, 2)
  for (const { byte, line, raw } of bad) {
    expect(bytes.subarray(byte, byte + raw.length).equals(raw)).toBe(true)
    expect(bytes.subarray(byte - 2, byte).toString()).toBe("\r\n")
    expect(bytes.subarray(0, byte).toString("latin1").split("\n")).toHaveLength(line)
  }
})

it("is the same file for the same seed", async () => {
  const [one, same, other] = [await make(500, 7), await make(500, 7), await make(500, 8)]
  expect(same).toEqual(one)
  expect(other.bytes.equals(one.bytes)).toBe(false)
})
