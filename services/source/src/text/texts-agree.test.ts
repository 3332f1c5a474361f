// If this fails, packing a file, or spelling it in another encoding, changes what it says.
import { gzipSync } from "node:zlib"
import { Problem } from "@flatbed/contract"
import fc from "fast-check"
import { expect, test } from "vitest"
import { encodeRecords } from "../chunk-body.ts"
import { createRandomFile, type RandomFile } from "../formats/random-file.test-kit.ts"
import { readers } from "../formats/readers.ts"
import { noIndexes } from "../index-folder.ts"
import { readFile } from "../read-file.ts"
import type { Encoding } from "./encodings.ts"

const cases = Number(process.env.FLATBED_TEST_CASES ?? 300)
const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)

type Spelled = { readonly bytes: Buffer; readonly encoding?: Encoding }

/** What a file says through a reader: its columns, evidence and chunks, or why it is refused. */
async function say(file: RandomFile, { bytes, encoding = "utf-8" }: Spelled, reader: keyof typeof readers) {
  const identity = { dev: "1", ino: "1", bytes: bytes.length, mtimeNs: "0", ctimeNs: "0" }
  const read = async (into: Buffer, offset: number) =>
    bytes.copy(into, 0, offset, Math.min(bytes.length, offset + file.step))
  try {
    const { index, text } = await readFile({
      dataset: "d",
      file: "f.csv",
      open: { identity, read },
      reader: readers[reader],
      shape: {
        ...{ dialect: file.dialect, chunk: { rows: 3 }, encoding },
        columns: { drop: [], rename: {}, types: file.types, ...file.rules },
      },
      maxRecordBytes: 1 << 20,
      maxTextBytes: 1 << 20,
      indexes: noIndexes,
      signal: new AbortController().signal,
      onProgress: () => {},
    })
    const { read: readText } = text ?? { read }
    const bodies: string[] = []
    for (const chunk of index.manifest.chunks) {
      const inText = Buffer.alloc(chunk.byte_to - chunk.byte_from)
      for (let at = 0; at < inText.length; ) at += await readText(inText.subarray(at), chunk.byte_from + at)
      bodies.push(encodeRecords(readers[reader], index, chunk, inText, "ndjson").body.toString())
    }
    await text?.close()
    const { files, version, chunks, ...manifest } = index.manifest
    return { manifest, chunks, evidence: index.evidence, bodies }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const { code, message, facts } = error
    return { code, message, facts: { ...facts, value: null } }
  }
}

test(`${cases} files, well-formed and not, say the same packed or plain, in UTF-8 or UTF-16 (seed ${seed})`, async () => {
  const seen = { refused: 0, rejects: 0, wide: 0 }
  await fc.assert(
    fc.asyncProperty(createRandomFile(), async (file) => {
      for (const reader of ["bytes", "csv-parse"] as const) {
        const plain = await say(file, file, reader)
        if (file.bytes.length === 0) continue
        const middle = file.bytes.length >> 1
        const packed = Buffer.concat(
          [file.bytes.subarray(0, middle), file.bytes.subarray(middle)].map((one) => gzipSync(one)),
        )
        expect(await say(file, { bytes: packed }, reader)).toEqual(plain)
        if ("code" in plain) seen.refused += 1
        else if (plain.manifest.rejects > 0) seen.rejects += 1
        // What is no text in UTF-8 has no spelling in UTF-16.
        const text = file.bytes.toString()
        if (!Buffer.from(text).equals(file.bytes)) continue
        seen.wide += 1
        const wide = await say(file, { bytes: Buffer.from(text, "utf16le"), encoding: "utf-16le" }, reader)
        if ("code" in plain || "code" in wide) {
          expect("code" in wide && [wide.code, wide.message]).toEqual(
            "code" in plain && [plain.code, plain.message],
          )
          continue
        }
        expect(wide.chunks.map(({ origin_from, origin_to, ...chunk }) => chunk)).toEqual(plain.chunks)
        expect({ ...wide, chunks: [], bodies: [] }).toEqual({ ...plain, chunks: [], bodies: [] })
        // Two bytes for each UTF-16 unit before the border.
        const unitsTo = (byte: number) => 2 * file.bytes.toString("utf8", 0, byte).length
        expect(wide.chunks.map(({ origin_from: from, origin_to: to }) => [from, to])).toEqual(
          plain.chunks.map(({ byte_from: from, byte_to: to }) => [unitsTo(from), unitsTo(to)]),
        )
        expect(wide.bodies.map(toUtf8)).toEqual(plain.bodies)
        function toUtf8(body: string): string {
          return body.replace(/^\{"reject".*$/gm, (line) => {
            const { reject } = JSON.parse(line)
            const byte = Buffer.byteLength(Buffer.from(text, "utf16le").toString("utf16le", 0, reject.byte))
            const raw = Buffer.from(Buffer.from(reject.raw, "base64").toString("utf16le")).toString("base64")
            return JSON.stringify({ reject: { ...reject, byte, raw } })
          })
        }
      }
    }),
    { numRuns: cases, seed },
  )
  process.stdout.write(`files through both readers: ${JSON.stringify(seen)}\n`)
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(cases / 20)
}, 600_000)
