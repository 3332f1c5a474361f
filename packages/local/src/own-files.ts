/** The files that `npm start -- a.csv b.csv` names: looked at before anything starts, and what is wrong told at once. */
import { open, realpath, stat } from "node:fs/promises"
import { basename, resolve } from "node:path"
import { Problem } from "@flatbed/contract"
import { type DraftFile, discoverFile, readTextHead } from "@flatbed/source"

const headBytes = 64

/** How files begin that people take for a CSV, or that a program wrote under its name. */
const otherKinds: readonly { readonly begins: readonly number[]; readonly is: string }[] = [
  {
    begins: [0x50, 0x4b, 0x03, 0x04],
    is: "a ZIP archive, as .xlsx and .ods files are; save the sheet as CSV",
  },
  { begins: [0xd0, 0xcf, 0x11, 0xe0], is: "an old Office document such as .xls; save the sheet as CSV" },
  { begins: [0x50, 0x41, 0x52, 0x31], is: "a Parquet file" },
  { begins: [0x25, 0x50, 0x44, 0x46], is: "a PDF" },
]

/**
 * Finds the files, relative to `from`; each once, free of symbolic links, with what discovery proposes for it.
 * What cannot be served is refused, `usage-invalid`, all of it at once.
 */
export async function findOwnFiles(
  names: readonly string[],
  from: string,
  signal: AbortSignal,
): Promise<DraftFile[]> {
  const found = new Map<string, DraftFile>()
  const wrong: string[] = []
  for (const name of names) {
    const file = await lookAt(name, resolve(from, name), signal)
    if ("trouble" in file) wrong.push(`${name} ${file.trouble}`)
    else found.set(file.path, file)
  }
  if (wrong.length === 0) return [...found.values()]
  throw new Problem("usage-invalid", `${wrong.join(".\n  ")}.`, {
    hint: "Name CSV files with a header line, or JSON files: npm start -- path/to/a.csv path/to/b.json",
  })
}

type Trouble = { readonly trouble: string }

async function lookAt(name: string, written: string, signal: AbortSignal): Promise<DraftFile | Trouble> {
  try {
    const path = await realpath(written)
    if ((await stat(path)).isDirectory()) {
      return { trouble: `is a folder; expected the files in it, as in ${name}/*.csv` }
    }
    // Nothing is served whose name begins with a dot.
    if (basename(path).startsWith(".")) return { trouble: "has a name that begins with a dot; rename it" }
    const head = await readHead(path)
    const trouble = judge(head)
    if (trouble !== undefined) return { trouble }
    const { trouble: found, ...file } = await discoverFile(path, signal)
    return found === undefined ? file : { trouble: `cannot be served: ${found.replace(/\.$/, "")}` }
  } catch (error) {
    if (error instanceof Problem)
      return { trouble: error.message.slice(basename(written).length).trim().replace(/\.$/, "") }
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR") return { trouble: `is not there (looked for ${written})` }
    if (code === "EACCES" || code === "EPERM") return { trouble: "may not be read by this user" }
    throw error
  }
}

/** Its first bytes as text: unpacked, and in UTF-8 where a byte order mark says what they are. */
async function readHead(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const read = async (into: Buffer, offset: number) =>
      (await file.read(into, 0, into.length, offset)).bytesRead
    return (await readTextHead(basename(path), read, { bytes: headBytes })).bytes
  } finally {
    await file.close()
  }
}

function judge(head: Buffer): string | undefined {
  if (head.length === 0) return "is empty; expected at least a header line"
  const kind = otherKinds.find(({ begins }) => begins.every((byte, i) => head[i] === byte))
  return kind === undefined ? undefined : `is no CSV but ${kind.is}`
}
