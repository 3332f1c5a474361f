/** Whether files are what the checksums beside them say. */
import { Problem } from "@flatbed/contract"
import type { ChosenFiles } from "./await-files.ts"
import { nameOf } from "./file-patterns.ts"
import { nameContent } from "./known-files.ts"
import { besideFile } from "./list-files.ts"
import type { MakeRequest } from "./make-version.ts"
import { openFile } from "./open-file.ts"
import { findDigest, sidecarOf } from "./sidecars.ts"

const maxSidecarBytes = 1024 * 1024

/** Whether every file is what its sidecar says; false when a sidecar went away. Raises checksum-mismatch. */
export async function areAsSummed(
  { known, reading, proven }: MakeRequest,
  { files, listing }: ChosenFiles,
): Promise<boolean> {
  if (reading.checksum === undefined) return true
  const nameFor = sidecarOf(reading.checksum)
  for (const one of files) {
    const sidecar = besideFile(one.file, nameFor)
    const identity = listing.beside.get(sidecar)
    const part = known.find(one)
    if (identity === undefined || part === undefined) return false
    const proof = nameContent(one.file, one.identity, identity)
    if (proven.get(one.file) === proof) continue
    const told = await readSidecar(reading.root, sidecar)
    if (told === undefined) return false
    const expected = findDigest(told, nameOf(one.file))
    const { sha256 } = part.index.manifest.files[0] ?? {}
    if (expected !== sha256) throw mismatch(one.file, sidecar, expected, sha256)
    proven.set(one.file, proof)
  }
  return true
}

async function readSidecar(root: string, sidecar: string): Promise<string | undefined> {
  const open = await openFile(root, sidecar).catch((error) => {
    if (error instanceof Problem && error.code === "file-missing") return undefined
    throw error
  })
  if (open === undefined) return undefined
  try {
    const bytes = Buffer.alloc(Math.min(open.identity.bytes, maxSidecarBytes))
    return bytes.toString("latin1", 0, await open.read(bytes, 0))
  } finally {
    await open.close()
  }
}

function mismatch(
  file: string,
  sidecar: string,
  expected: string | undefined,
  found: string | undefined,
): Problem {
  const said =
    expected === undefined
      ? `${sidecar} names no SHA-256 of it`
      : `${sidecar} says ${expected}, it is ${found}`
  return new Problem("checksum-mismatch", `${file} is not what its checksum says: ${said}.`, {
    hint: "Send the file again, or its checksum if that is the older one.",
    facts: { file, sidecar },
  })
}
