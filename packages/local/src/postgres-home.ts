/** The folder of one server: data, password, log, and the programs if their own place cannot be reached. */
import { existsSync } from "node:fs"
import {
  chown,
  cp,
  lchown,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rename,
  rmdir,
  symlink,
} from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Problem } from "@flatbed/contract"
import type { Binaries } from "./postgres-binaries.ts"
import { type Account, runCommand } from "./run-command.ts"

export type Home = {
  /** Absolute and free of symbolic links, so that it can be compared with what Postgres says. */
  readonly folder: string
  readonly binaries: string
  readonly account: Account | undefined
}

type HomeInput = {
  readonly folder: string
  readonly binaries: Binaries
  readonly account: Account | undefined
  readonly note: (text: string) => void
}

/**
 * Opens the server's folder. As root the server runs as another account, and that account may be unable to enter
 * the clone (a clone below /root, say): then the folder lies where it can, and `folder` is a symbolic link to it.
 */
export async function openHome(input: HomeInput): Promise<Home> {
  const { account, binaries } = input
  // Only the last folder is closed to others: the account has to get through the ones above it.
  await mkdir(dirname(input.folder), { recursive: true })
  await mkdir(input.folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error
  })
  let folder = await realpath(input.folder)
  if (account === undefined) return { folder, binaries: binaries.folder, account }

  await chown(folder, account.uid, account.gid)
  if (!(await isReachable(folder, account))) {
    folder = await moveOutside(input.folder, account)
    input.note(`Postgres runs as ${account.name}, who cannot enter this clone; its files are in ${folder}`)
  }
  if (await canRun(binaries.folder, account)) return { folder, binaries: binaries.folder, account }
  return { folder, binaries: await copyBinaries(folder, binaries, account), account }
}

async function moveOutside(path: string, account: Account): Promise<string> {
  for (const parent of ["/var/lib", tmpdir(), "/tmp"]) {
    if (!existsSync(parent)) continue
    // A new name each time: data of a clone that was here before must not turn up in this one.
    const folder = await mkdtemp(join(await realpath(parent), "flatbed-postgres-")).catch(() => undefined)
    if (folder === undefined) continue
    await chown(folder, account.uid, account.gid)
    if (await isReachable(folder, account)) return replaceByLink(path, folder)
    await rmdir(folder)
  }
  throw new Problem(
    "database-refused",
    `${account.name}, who runs Postgres, can enter neither ${path} nor /var/lib.`,
    {
      hint: "Clone into a folder that everybody may enter, or run the command as an ordinary user.",
    },
  )
}

// Of two starts at once the second finds a link in the place of the folder, and uses what it points to.
async function replaceByLink(path: string, folder: string): Promise<string> {
  try {
    await rmdir(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOTEMPTY" || code === "EEXIST") {
      await rmdir(folder)
      throw new Problem("database-refused", `The account that runs Postgres can no longer enter ${path}.`, {
        hint: "Give back the rights on the folders above it, or move that folder away.",
      })
    }
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error
  }
  try {
    await symlink(folder, path)
    return folder
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    await rmdir(folder)
    return realpath(path)
  }
}

async function copyBinaries(home: string, binaries: Binaries, account: Account): Promise<string> {
  const target = join(home, `binaries-${binaries.version}`)
  if (existsSync(target)) return target
  const half = await mkdtemp(join(home, "copying-"))
  await cp(binaries.folder, half, { recursive: true, verbatimSymlinks: true })
  await giveAway(half, account)
  await rename(half, target)
  return target
}

async function giveAway(folder: string, account: Account): Promise<void> {
  await lchown(folder, account.uid, account.gid)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await giveAway(path, account)
    else await lchown(path, account.uid, account.gid)
  }
}

// Modes, access lists and mounts all have a say, so the account itself tries.
async function isReachable(folder: string, account: Account): Promise<boolean> {
  return attempt('cd "$1" && test -w .', folder, account)
}

async function canRun(binaries: string, account: Account): Promise<boolean> {
  return attempt(
    '"$1/bin/postgres" --version && test -r "$1/share/postgresql/postgres.bki"',
    binaries,
    account,
  )
}

async function attempt(script: string, path: string, account: Account): Promise<boolean> {
  const args = ["-c", script, "sh", path]
  return (await runCommand({ command: "/bin/sh", args, cwd: "/", timeoutMs: 10_000, account })).code === 0
}
