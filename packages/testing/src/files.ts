/** Folders and sample files of a test. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

export type TemporaryFolder = {
  /** Absolute, without symbolic links. */
  readonly path: string
  /** Writes a file, with the folders on its way; answers its absolute path. */
  write(name: string, content: string | Uint8Array): Promise<string>
  remove(): Promise<void>
}

/** A new, empty folder that only this test knows. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(await realpath(tmpdir()), "flatbed-test-"))
  return {
    path,
    write: async (name, content) => {
      const file = join(path, name)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content)
      return file
    },
    remove: () => rm(path, { recursive: true, force: true }),
  }
}
