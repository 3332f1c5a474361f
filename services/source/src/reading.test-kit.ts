/** For tests: how a dataset is read, without settings in between. */
import { csvParseReader } from "./formats/csv-parse.ts"
import type { Reading } from "./reading.ts"

/** Plain CSV with a header, ten rows a chunk, nothing waited for; `change` replaces whole parts of it. */
export function csvReading(change: Pick<Reading, "root" | "files"> & Partial<Reading>): Reading {
  return {
    endings: [".csv"],
    doneMarker: undefined,
    checksum: undefined,
    isUnion: false,
    shape: {
      dialect: { delimiter: ",", quote: '"' },
      columns: { drop: [], rename: {}, types: {} },
      chunk: { rows: 10 },
    },
    reader: csvParseReader,
    settleMs: 0,
    maxRecordBytes: 1000,
    maxTextBytes: 10_000_000,
    ...change,
  }
}
