/** The WebAssembly module, its instances and their memory. */
import { readFileSync } from "node:fs"
import type { TakeBuffer } from "./take-buffer.ts"

type Memory = { readonly buffer: ArrayBuffer; grow(pages: number): number }
type Global = { readonly value: number }

export type Codec = {
  readonly memory: Memory
  encodeRowLines(
    at: number,
    end: number,
    width: number,
    delimiter: number,
    quote: number,
    out: number,
    outEnd: number,
  ): void
  readonly linesReadTo: Global
  readonly linesWroteTo: Global
  readonly linesRows: Global
  encodeCopyText(at: number, end: number, width: number, out: number): void
  readonly copyReadTo: Global
  readonly copyWroteTo: Global
  readonly copyRows: Global
  openScan(
    cells: number,
    delimiter: number,
    quote: number,
    maxRecordBytes: number,
    columns: number,
    fields: number,
    noted: number,
    told: number,
    toldAtMost: number,
  ): void
  scanRecords(from: number, end: number, isLast: boolean, everyRow: boolean): number
  countRow(): void
  openShapes(
    shapes: number,
    cells: number,
    path: number,
    nest: number,
    objects: boolean,
    accepted: boolean,
  ): void
  readonly jsonPathLength: Global
  encodeJsonLines(at: number, end: number, columns: number, width: number, out: number, outEnd: number): void
  readonly jsonReadTo: Global
  readonly jsonWroteTo: Global
  readonly jsonRows: Global
  readonly jsonIsFull: Global
  openJsonScan(
    maxLineBytes: number,
    cells: number,
    path: number,
    fields: number,
    noted: number,
    ends: number,
    linesAtMost: number,
  ): void
  scanJsonLines(from: number, end: number, everyRow: boolean): number
  readonly jsonLines: Global
  readonly jsonNotes: Global
  readonly jsonStoppedAt: Global
  readonly records: Global
  readonly notes: Global
  readonly stoppedAt: Global
  readonly columnBytes: Global
  readonly fieldBytes: Global
  readonly mostDigitsAt: Global
  readonly mostScaleAt: Global
  readonly hadAt: Global
  readonly allowedAt: Global
  readonly countsAt: Global
  readonly noteBytes: Global
  readonly recordBytes: Global
}

// Node has it; the types of Node and of ES2023 do not.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

const pageBytes = 65_536
/** The module keeps nothing in memory itself; address 0 is left alone all the same. */
export const inputAt = 16
/** Readable behind the input: the two sentinels of assembly/scan.ts, then the widest load of assembly/, 16 bytes. */
export const behindInput = 32

let compiled: object | undefined
let shared: Codec | undefined

/** The instance that everybody uses whose call ends before another begins. */
export function sharedCodec(): Codec {
  shared ??= openCodec()
  return shared
}

/** An instance with a memory of its own. The module is compiled on the first call, in a millisecond or two. */
export function openCodec(): Codec {
  // From the sources and from the output, the way is the same.
  compiled ??= new WebAssembly.Module(readFileSync(new URL("../dist/codec.wasm", import.meta.url)))
  return new WebAssembly.Instance(compiled).exports as Codec
}

// Whoever gives one up leaves its memory to the next: a new one is a claim on the address space.
const idle: Codec[] = []
const idleAtMost = 4

/** An instance for one reading; `returnCodec` ends it. */
export function borrowCodec(): Codec {
  return idle.pop() ?? openCodec()
}

/** Keeps an instance for the next that borrows one. Its memory should be no larger than any of them needs at first. */
export function returnCodec(codec: Codec): void {
  if (idle.length < idleAtMost) idle.push(codec)
}

/** The module's memory with at least so many bytes. Views taken before are void. */
export function memoryOf({ memory }: Codec, bytes: number): Buffer {
  const missing = bytes - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / pageBytes))
  return Buffer.from(memory.buffer)
}

/** These bytes of the memory in a buffer of their own. */
export function copyOut(memory: Buffer, from: number, to: number, take: TakeBuffer): Buffer {
  const bytes = take(to - from)
  memory.copy(bytes, 0, from, to)
  return bytes
}
