/** What the module exports. */
export {
  encodeCopyText,
  readTo as copyReadTo,
  rows as copyRows,
  wroteTo as copyWroteTo,
} from "./copy-text"
export {
  encodeRowLines,
  readTo as linesReadTo,
  rows as linesRows,
  wroteTo as linesWroteTo,
} from "./row-lines"
export { countRow, notes, openScan, records, scanRecords, stoppedAt } from "./scan"
