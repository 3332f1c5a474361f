/** A network of its own behind a cable (veth) of limited speed; Linux and root only. */
import { execFile, execFileSync, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { readlink } from "node:fs/promises"
import { promisify } from "node:util"
import { waitFor } from "@flatbed/testing"

export type ShapedLink = {
  /** What stands before a command so that it runs at the far end. */
  readonly under: readonly string[]
  /** The far end's address. */
  readonly host: string
  /** Bytes that have come from the far end so far, frames and headers included. */
  received(): number
  close(): Promise<void>
}

// RFC 5737: addresses for documentation, which nobody has.
const near = "192.0.2.129"
const far = "192.0.2.130"
// As long as the kernel allows an interface's name to be: 15 bytes.
const nearName = `fbench${process.pid}`.slice(0, 15)

/** Why this machine cannot have such a link; undefined when it can. */
export function findObstacle(): string | undefined {
  if (process.platform !== "linux") return `network namespaces are Linux's, and this is ${process.platform}`
  if (process.getuid?.() !== 0) return "only root may make network namespaces"
  for (const program of ["ip", "tc"]) {
    if (!canRun("sh", ["-c", `command -v ${program}`]))
      return `${program} is not installed (package iproute2)`
  }
  const tries = [
    "ip link add name one type veth peer name other",
    "tc qdisc add dev one root tbf rate 1mbit burst 16kb latency 50ms",
  ]
  if (canRun("unshare", ["--net", "sh", "-euc", tries.join("\n")])) return undefined
  return "this root may not make network namespaces with veth and a token bucket, as in a container without CAP_SYS_ADMIN"
}

/** Both directions carry so many megabits a second (tc-tbf(8)); beyond it frames queue. */
export async function openShapedLink(megabits: number): Promise<ShapedLink> {
  // It ends with its standard input, so nothing is left of the namespace however this process ends.
  const holder = spawn("unshare", ["--net", "cat"], { stdio: ["pipe", "ignore", "ignore"] })
  const pid = String(holder.pid)
  const under = ["nsenter", "--target", pid, "--net", "--"]
  const close = async () => {
    const ended = new Promise((resolve) => holder.once("exit", resolve))
    if (holder.exitCode === null) {
      holder.stdin.end()
      await ended
    }
  }
  const shape = (name: string) =>
    `tc qdisc add dev ${name} root tbf rate ${megabits}mbit burst 64kb latency 100ms`
  try {
    const ours = await readlink("/proc/self/ns/net")
    await waitFor(async () => (await readlink(`/proc/${pid}/ns/net`)) !== ours, { what: "a namespace" })
    await shell(
      [],
      [
        `ip link add name ${nearName} type veth peer name lan netns ${pid}`,
        `ip addr add ${near}/30 dev ${nearName}`,
        `ip link set ${nearName} up`,
        shape(nearName),
      ],
    )
    await shell(under, [
      "ip link set lo up",
      `ip addr add ${far}/30 dev lan`,
      "ip link set lan up",
      shape("lan"),
    ])
  } catch (error) {
    await close()
    throw error
  }
  const counter = `/sys/class/net/${nearName}/statistics/rx_bytes`
  return { under, host: far, received: () => Number(readFileSync(counter, "utf8")), close }
}

async function shell(under: readonly string[], lines: readonly string[]): Promise<void> {
  const [command = "", ...args] = [...under, "sh", "-euc", lines.join("\n")]
  await promisify(execFile)(command, args, { timeout: 20_000 })
}

function canRun(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore", timeout: 10_000 })
    return true
  } catch {
    return false
  }
}
