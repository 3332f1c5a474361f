/** What the module exports. */
export {
  encodeCopyText,
  readTo as copyReadTo,
  rows as copyRows,
  wroteTo as copyWroteTo,
} from "./copy-text"
export {
  encodeJsonLines,
  isFull as jsonIsFull,
  readTo as jsonReadTo,
  rows as jsonRows,
  wroteTo as jsonWroteTo,
} from "./json-rows"
export {
  lines as jsonLines,
  notes as jsonNotes,
  openJsonScan,
  scanJsonLines,
  stoppedAt as jsonStoppedAt,
} from "./json-scan"
export { openShapes, pathLength as jsonPathLength } from "./json-shapes"
export {
  encodeRowLines,
  readTo as linesReadTo,
  rows as linesRows,
  wroteTo as linesWroteTo,
} from "./row-lines"
export {
  allowedAt,
  columnBytes,
  countRow,
  countsAt,
  fieldBytes,
  hadAt,
  mostDigitsAt,
  mostScaleAt,
  noteBytes,
  notes,
  openScan,
  recordBytes,
  records,
  scanRecords,
  stoppedAt,
} from "./scan"
