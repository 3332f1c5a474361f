/**
 * Two servers in one machine: each a network and a mount namespace of its own, joined by a cable (veth). They are
 * held by a process each, so nothing of them is left when those end, however that happens. Linux and root only.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process"
import { cp, mkdir, readlink } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { waitFor } from "@flatbed/testing"

export type Server = {
  readonly name: string
  readonly address: string
  /** What stands before a command so that it runs on this server. */
  readonly under: readonly string[]
  /** Where the folders that are the server's own really lie: `/etc` is `<disk>/etc`. */
  readonly disk: string
  /** Runs a shell script to its end; answers what it printed, and fails with that when it fails. */
  run(script: string): Promise<string>
}

/** What a server has of its own; everything else of the machine it sees too. */
const ownFolders = ["/etc", "/opt", "/srv", "/var/cache"]

/** Why this machine cannot have such servers; undefined when it can. */
export function findObstacle(): string | undefined {
  if (process.platform !== "linux") return `network namespaces are Linux's, and this is ${process.platform}`
  if (process.getuid?.() !== 0) return "only root may make network namespaces"
  for (const [program, its] of [
    ["ip", "iproute2"],
    ["openssl", "openssl"],
    ["curl", "curl"],
  ] as const) {
    if (!canRun("sh", ["-c", `command -v ${program}`])) return `${program} is not installed (package ${its})`
  }
  if (!canRun("unshare", ["--net", "--mount", "--propagation", "private", "true"])) {
    return "this root may not make network namespaces, as in a container without CAP_SYS_ADMIN"
  }
  if (
    !canRun("unshare", ["--net", "ip", "link", "add", "name", "one", "type", "veth", "peer", "name", "other"])
  ) {
    return "this kernel has no veth devices"
  }
  return undefined
}

function canRun(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore", timeout: 10_000 })
    return true
  } catch {
    return false
  }
}

/** Makes a server per name, in one network in which each reaches the others under that name. */
export async function createServers<Name extends string>(
  names: readonly [Name, Name],
  folder: string,
): Promise<{ servers: Readonly<Record<Name, Server>>; close(): Promise<void> }> {
  const holders: ChildProcess[] = []
  const close = async () => {
    for (const holder of holders) {
      const ended = new Promise((resolve) => holder.once("exit", resolve))
      holder.kill("SIGKILL")
      await ended
    }
  }
  try {
    for (const _ of names) holders.push(await holdNamespaces())
    const [first, second] = holders.map(({ pid }) => String(pid))
    await ip(
      "link",
      "add",
      "name",
      "lan",
      "netns",
      first,
      "type",
      "veth",
      "peer",
      "name",
      "lan",
      "netns",
      second,
    )
    const hosts = names.map((name, i) => `${addressOf(i)} ${name}`).join("\n")
    const made = names.map(async (name, i) => [
      name,
      await furnish({
        name,
        address: addressOf(i),
        pid: String(holders[i]?.pid),
        hosts,
        disk: join(folder, name),
      }),
    ])
    return { servers: Object.fromEntries(await Promise.all(made)), close }
  } catch (error) {
    await close()
    throw error
  }
}

// RFC 5737: addresses for documentation, which nobody has.
const addressOf = (i: number) => `192.0.2.${i + 1}`

async function ip(...args: (string | undefined)[]): Promise<void> {
  await promisify(execFile)("ip", args.map(String))
}

async function holdNamespaces(): Promise<ChildProcess> {
  const args = ["--net", "--mount", "--propagation", "private", "sleep", "infinity"]
  const holder = spawn("unshare", args, { stdio: "ignore" })
  const ours = await readlink("/proc/self/ns/mnt")
  await waitFor(async () => (await readlink(`/proc/${holder.pid}/ns/mnt`)) !== ours)
  return holder
}

async function furnish(input: {
  name: string
  address: string
  pid: string
  hosts: string
  disk: string
}): Promise<Server> {
  const { name, address, pid, hosts, disk } = input
  for (const own of ownFolders) await mkdir(join(disk, own), { recursive: true })
  await cp("/etc", join(disk, "etc"), { recursive: true, verbatimSymlinks: true, force: true })
  const under = ["nsenter", "--target", pid, "--net", "--mount", "--wd=/", "--"]
  const run = async (script: string) => {
    const [command = "", ...args] = [...under, "sh", "-euc", script]
    const { stdout, stderr } = await promisify(execFile)(command, args, { timeout: 60_000 })
    return `${stdout}${stderr}`
  }
  const mounts = ownFolders.map((own) => `mount --bind "${join(disk, own)}" ${own}`)
  const network = ["ip link set lo up", `ip addr add ${address}/24 dev lan`, "ip link set lan up"]
  await run([...mounts, ...network, `printf '127.0.0.1 localhost\\n%s\\n' '${hosts}' >/etc/hosts`].join("\n"))
  return { name, address, under, disk, run }
}
