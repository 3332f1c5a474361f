/** The bench's files: made once, under a name that says what is in them, and found again. */
import { mkdir, open, rename, rm, stat, statfs } from "node:fs/promises"
import { join } from "node:path"
import { createRecords, type Form, type Rows, writeHeader } from "./data-sets.ts"

export type DataFile = { readonly path: string; readonly rows: number; readonly bytes: number }

type Making = {
  readonly folder: string
  readonly note: (text: string) => void
  readonly signal: AbortSignal
}

// To be raised when the rows change: files of another generation are not the same data.
const generation = 1
const blockBytes = 1024 * 1024

/** A file of so many rows. */
export async function findDataFile(
  rows: Rows,
  count: number,
  making: Making,
  form: Form = "csv",
): Promise<DataFile> {
  const path = join(making.folder, `${rows.name}-${count}.v${generation}.${form}`)
  return await findOrMake(path, count, making, async (write) => {
    const next = createRecords(rows, form)
    await write(writeHeader(rows, form))
    let block = ""
    for (let left = count; left > 0; left--) {
      block += next()
      if (block.length < blockBytes) continue
      await write(block)
      block = ""
    }
    await write(block)
  })
}

/** A file of at least so many bytes: the records of `base`, which is of this form, over and over below one header. */
export async function findRepeatedFile(
  base: DataFile & { readonly rowSet: Rows },
  bytes: number,
  making: Making,
  form: Form = "csv",
): Promise<DataFile> {
  const header = Buffer.byteLength(writeHeader(base.rowSet, form))
  const times = Math.ceil((bytes - header) / (base.bytes - header))
  const path = join(making.folder, `${base.rowSet.name}-${base.rows}x${times}.v${generation}.${form}`)
  return await findOrMake(path, base.rows * times, making, async (write) => {
    await write(writeHeader(base.rowSet, form))
    const source = await open(base.path)
    try {
      const buffer = Buffer.allocUnsafe(blockBytes)
      for (let round = 0; round < times; round++) {
        for (let at = header; at < base.bytes; ) {
          const { bytesRead } = await source.read(buffer, 0, blockBytes, at)
          await write(buffer.subarray(0, bytesRead))
          at += bytesRead
        }
      }
    } finally {
      await source.close()
    }
  })
}

/** @throws Error naming what is free, when that is less than what is needed. */
export async function requireSpace(folder: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= bytes) return
  const gigabytes = (count: number) => `${(count / 1e9).toFixed(1)} GB`
  throw new Error(
    `${what} needs ${gigabytes(bytes)} on the disk of ${folder}, and ${gigabytes(free)} are free: free some, or name a smaller size.`,
  )
}

async function findOrMake(
  path: string,
  rows: number,
  { folder, note, signal }: Making,
  make: (write: (part: string | Buffer) => Promise<void>) => Promise<void>,
): Promise<DataFile> {
  const found = await stat(path).catch(() => undefined)
  if (found !== undefined) return { path, rows, bytes: found.size }
  const started = performance.now()
  await mkdir(folder, { recursive: true })
  // A file that has its name is complete.
  const half = `${path}.half`
  const file = await open(half, "w")
  try {
    await make(async (part) => {
      signal.throwIfAborted()
      await file.appendFile(part)
    })
  } catch (error) {
    await rm(half, { force: true })
    throw error
  } finally {
    await file.close()
  }
  await rename(half, path)
  const { size } = await stat(path)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  note(`made ${path}: ${rows} rows, ${(size / 1e6).toFixed(1)} MB, in ${seconds} s`)
  return { path, rows, bytes: size }
}
