/** Pure: the borders of a file as they are told: what stands between records belongs to the one before. */
import type { BorderSink, RecordCounts, RecordFate } from "./format.ts"

/** Comments and separators belong to the record before them, or to the header: a chunk begins with a record. */
export function createBorderTeller(borders: BorderSink) {
  let tell: ((end: number, nextLine: number) => void) | undefined
  let recordEnd = 0
  let end = 0
  let nextLine = 1

  function settle(next: typeof tell, at: number, line: number): void {
    tell?.(end, nextLine)
    tell = next
    recordEnd = at
    end = at
    nextLine = line
  }

  return {
    header: (at: number, line: number, names: readonly string[]) =>
      settle((to, next) => borders.header(to, next, names), at, line),
    record: (at: number, line: number, fate: RecordFate, counts?: RecordCounts) =>
      settle((to, next) => borders.record(to, next, fate, counts), at, line),
    /** Answers how many bytes of comments follow the record. */
    comment(at: number, line: number): number {
      end = at
      nextLine = line
      return end - recordEnd
    },
    finish: () => settle(undefined, 0, 0),
  }
}
