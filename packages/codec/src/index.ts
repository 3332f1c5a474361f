/** The hot loops of both services, compiled to WebAssembly: bytes in, bytes out, no string or object per cell or row. */
export type { TakeBuffer } from "./codec-module.ts"
export { encodeCopyText } from "./copy-text.ts"
export {
  type CellNote,
  cellForms,
  openRecordScanner,
  type RecordScanner,
  type RecordSink,
} from "./record-scan.ts"
export { type CsvShape, encodeRowLines } from "./row-lines.ts"
