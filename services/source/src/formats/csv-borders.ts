/** Pure: the borders of a CSV as they are told. */
import type { BorderSink, RecordFate } from "./format.ts"

/** Comments belong to the record before them, or to the header: a chunk begins with a record. */
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
    record: (at: number, line: number, fate: RecordFate) =>
      settle((to, next) => borders.record(to, next, fate), at, line),
    /** Answers how many bytes of comments follow the record. */
    comment(at: number, line: number): number {
      end = at
      nextLine = line
      return end - recordEnd
    },
    finish: () => settle(undefined, 0, 0),
  }
}
