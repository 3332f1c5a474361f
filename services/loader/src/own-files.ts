/** The files that lie beside the program. Here, as the built program is one file in this file's place. */
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

/** The folder of the ledger's migrations. */
export const migrationsFolder = fileURLToPath(new URL("../migrations", import.meta.url))

/** The program's version, from its package. */
export async function readVersion(): Promise<string> {
  return JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")).version
}
