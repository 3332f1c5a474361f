import type { Manifest } from "@flatbed/contract"
import { expect, it } from "vitest"
import { createAnnouncements } from "./announcements.ts"

const manifest = (dataset: string, version: string): Manifest => ({
  dataset,
  version,
  columns: [],
  files: [],
  rows: 1,
  rejects: 0,
  filtered: 0,
  chunks: [],
})

it("tells the latest version of each dataset, the newest last", () => {
  const announcements = createAnnouncements()
  for (const [dataset, version] of [
    ["a", "1"],
    ["b", "1"],
    ["a", "2"],
  ] as const) {
    announcements.announce(manifest(dataset, version))
  }
  expect(
    announcements.latest().map(({ id, published }) => [id, published.dataset, published.version]),
  ).toEqual([
    [2, "b", "1"],
    [3, "a", "2"],
  ])
})

it("calls each listener until it leaves", () => {
  const announcements = createAnnouncements()
  const heard: string[] = []
  const leave = announcements.subscribe(({ published }) => void heard.push(published.version))
  announcements.announce(manifest("a", "1"))
  leave()
  announcements.announce(manifest("a", "2"))
  expect(heard).toEqual(["1"])
})
