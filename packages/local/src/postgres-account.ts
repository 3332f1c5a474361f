/** Which account Postgres runs as. It refuses to run as root, so root needs somebody else. */
import { existsSync } from "node:fs"
import { readFile, stat } from "node:fs/promises"
import { Problem } from "@flatbed/contract"
import { type Account, runCommand } from "./run-command.ts"

const accountName = "postgres"

/**
 * The account for a server whose files lie in `folder`; undefined means "as we are". As root: the owner of files
 * that are there already, otherwise the system account `postgres`, which is created when the system has none.
 */
export async function findAccount(folder: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const found = await stat(folder).catch(() => undefined)
  if (found !== undefined && found.uid !== 0) {
    return { uid: found.uid, gid: found.gid, name: await nameOf(found.uid) }
  }
  return (await findByName(accountName)) ?? (await createAccount())
}

async function findByName(name: string): Promise<Account | undefined> {
  const line = (await readPasswd()).find((fields) => fields[0] === name)
  if (line !== undefined) return { uid: Number(line[2]), gid: Number(line[3]), name }
  // macOS and directory services keep accounts elsewhere than in /etc/passwd.
  const [uid, gid] = await Promise.all([askId("-u", name), askId("-g", name)])
  return uid === undefined || gid === undefined ? undefined : { uid, gid, name }
}

async function createAccount(): Promise<Account> {
  const commands = [
    [
      "/usr/sbin/useradd",
      "--system",
      "--user-group",
      "--no-create-home",
      "--shell",
      "/bin/false",
      accountName,
    ],
    ["/usr/sbin/adduser", "-S", "-D", "-H", "-s", "/bin/false", accountName],
  ]
  const tried: string[] = []
  for (const [command = "", ...args] of commands) {
    if (!existsSync(command)) continue
    const result = await runCommand({ command, args, cwd: "/", timeoutMs: 20_000 })
    const account = await findByName(accountName)
    if (account !== undefined) return account
    tried.push(`${command}: ${result.output.trim()}`)
  }
  throw new Problem(
    "database-refused",
    `Postgres does not run as root, and there is no account "${accountName}" to run it as.` +
      (tried.length === 0 ? "" : ` Creating it failed: ${tried.join("; ")}`),
    { hint: `Create a system account called ${accountName}, or run the command as an ordinary user.` },
  )
}

async function readPasswd(): Promise<string[][]> {
  const text = await readFile("/etc/passwd", "utf8").catch(() => "")
  return text.split("\n").map((line) => line.split(":"))
}

async function nameOf(uid: number): Promise<string> {
  return (await readPasswd()).find((fields) => fields[2] === String(uid))?.[0] ?? String(uid)
}

async function askId(flag: "-u" | "-g", name: string): Promise<number | undefined> {
  const result = await runCommand({ command: "id", args: [flag, name], cwd: "/", timeoutMs: 5000 })
  return result.code === 0 ? Number(result.output.trim()) : undefined
}
