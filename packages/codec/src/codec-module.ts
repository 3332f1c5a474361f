/** The WebAssembly module and its memory: one instance, since each call ends before the next begins. */
import { readFileSync } from "node:fs"

type Memory = { readonly buffer: ArrayBuffer; grow(pages: number): number }
type Global = { readonly value: number }

type Exports = {
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
}

// Node has it; the types of Node and of ES2023 do not.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

const pageBytes = 65_536
/** The module keeps nothing in memory itself; address 0 is left alone all the same. */
export const inputAt = 16
/** Readable behind the input: the widest load, from the last byte on. */
export const behindInput = 32

let opened: Exports | undefined

/** The module's functions. Compiled on the first call, in a millisecond or two. */
export function codecModule(): Exports {
  opened ??= instantiate()
  return opened
}

function instantiate(): Exports {
  // From the sources and from the output, the way is the same.
  const bytes = readFileSync(new URL("../dist/codec.wasm", import.meta.url))
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes))
  return exports as Exports
}

/** The module's memory with at least so many bytes. Views taken before are void. */
export function memoryOf({ memory }: Exports, bytes: number): Buffer {
  const missing = bytes - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / pageBytes))
  return Buffer.from(memory.buffer)
}
