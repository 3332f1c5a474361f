/** The hot loops of both services, compiled to WebAssembly: bytes in, bytes out, no string or object per cell or row; and the buffers for them. */
export { type BufferPool, createBufferPool } from "./buffer-pool.ts"
export { encodeCopyText } from "./copy-text.ts"
export { encodeJsonLines, type JsonColumns, type LineRows } from "./json-lines.ts"
export type { LineShape } from "./json-shapes.ts"
export {
  type LineScanner,
  type LineSink,
  type LineSummary,
  openLineScanner,
  type ValueNote,
} from "./line-scan.ts"
export {
  type CellNote,
  cellForms,
  openRecordScanner,
  type RecordScanner,
  type RecordSink,
  type ScanStop,
} from "./record-scan.ts"
export { type CsvShape, encodeRowLines } from "./row-lines.ts"
export { joinBuffers, type TakeBuffer } from "./take-buffer.ts"
