/**
 * From a fresh clone to a built one. Plain JavaScript with Node's own modules only: nothing is installed yet when
 * this runs. Progress goes to stderr, one line a step; a step's own output is shown only when it fails.
 */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))

/** Installs what changed and builds what changed. Ends the process, with the reason, when that is impossible. */
export async function prepare() {
  requireNode(20, 19)
  if (process.platform === "win32")
    fail("Flatbed's own Postgres runs on Linux and macOS; on Windows use WSL.", 2)
  await install()
  await build()
}

/** Runs a command with its output on ours; resolves with the exit code that a shell would give it. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", ...options })
    // Ctrl-C reaches the child through the terminal; a signal sent to us alone has to be passed on.
    const forward = (signal) => child.kill(signal)
    const leave = () => undefined
    process.on("SIGTERM", forward)
    process.on("SIGINT", leave)
    child.on("error", reject)
    child.on("close", (code, signal) => {
      process.off("SIGTERM", forward)
      process.off("SIGINT", leave)
      resolve(code ?? { SIGINT: 130, SIGTERM: 143 }[signal] ?? 1)
    })
  })
}

function requireNode(major, minor) {
  const [ownMajor = 0, ownMinor = 0] = process.versions.node.split(".").map(Number)
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return
  fail(`Flatbed needs Node ${major}.${minor} or later; this is ${process.versions.node}.`, 2)
}

async function install() {
  const stamp = join(root, "node_modules", ".flatbed-installed")
  const wanted = digest()
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  // No terminal is there to answer whether node_modules of another pnpm may be replaced.
  const args = [
    "-y",
    packageManager,
    "install",
    "--frozen-lockfile",
    "--prod=false",
    "--config.confirmModulesPurge=false",
  ]
  await step(`Installed with ${packageManager}`, "npx", args)
  writeFileSync(stamp, wanted)
}

async function build() {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc")
  // tsc looks at its notes, not at its output, so output that somebody deleted must be asked for.
  const force = workspaces().some(
    (folder) => existsSync(join(folder, "src")) && !existsSync(join(folder, "dist")),
  )
  const rooms = ["codec", "typebox"].map((room) => [join(root, "packages", room, "bin", "build.mjs")])
  const services = ["source", "loader"].map((name) => join(root, "services", name))
  const programs = [join(root, "packages", "bundle", "bin", "service.mjs"), ...services]
  await step("Built", process.execPath, [tsc, "-b", ...(force ? ["--force"] : [])], ...rooms, programs)
}

// What decides the content of node_modules: the lock file, every manifest, pnpm's settings and the platform.
function digest() {
  const files = ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"].map((name) => join(root, name))
  for (const folder of workspaces()) files.push(join(folder, "package.json"))
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`)
  for (const file of files.filter(existsSync)) hash.update(readFileSync(file)).update("\0")
  return hash.digest("hex")
}

function workspaces() {
  const below = (name) => {
    const folder = join(root, name)
    return existsSync(folder) ? readdirSync(folder).map((child) => join(folder, child)) : []
  }
  return [...below("packages"), ...below("services"), join(root, "test")]
}

/** Runs the command with each list of arguments, one after the other. */
async function step(done, command, ...argLists) {
  const started = Date.now()
  for (const args of argLists) await runQuietly(command, args)
  process.stderr.write(`${done} in ${secondsSince(started)} s\n`)
}

async function runQuietly(command, args) {
  const started = Date.now()
  const output = []
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: withoutNodeEnv() })
  const forward = (signal) => child.kill(signal)
  process.on("SIGTERM", forward)
  child.stdout.on("data", (bytes) => output.push(bytes))
  child.stderr.on("data", (bytes) => output.push(bytes))
  const code = await new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message))
    child.on("close", (status, signal) => resolve(signal ?? status))
  })
  process.off("SIGTERM", forward)
  if (code !== 0) {
    const failed = `${command} ${args.join(" ")} failed (${code}) after ${secondsSince(started)} s.`
    fail(`${Buffer.concat(output)}\n${failed}`, 1)
  }
}

function secondsSince(started) {
  return ((Date.now() - started) / 1000).toFixed(1)
}

// NODE_ENV=production would leave out what builds and tests the workspace.
function withoutNodeEnv() {
  const { NODE_ENV, ...env } = process.env
  return env
}

function fail(message, code) {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}
