/**
 * Reads services/README.md as an operator would, and does what it says on two servers of a test. What a test's
 * server lacks (systemd, ssh, an editor, a registry of packages) is played here; everything else runs as it stands.
 */
import { cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises"
import { basename, join, resolve } from "node:path"
import { startProcess, type TestProcess } from "@flatbed/testing"
import { createServers, type Server } from "./namespaces.ts"

const clone = resolve(import.meta.dirname, "..")

export type Site = {
  readonly files: Server
  readonly warehouse: Server
  /** Does what the `sh` blocks under a heading say; answers what they printed. */
  follow(server: Server, heading: string): Promise<string>
  /** The environment that a unit gives its program. */
  environmentOf(server: Server, unit: string): Promise<Record<string, string>>
  restart(server: Server, unit: string): Promise<void>
  /** What a started unit runs as. */
  unit(name: string): TestProcess
  /** Starts a script of ours on a server. */
  start(server: Server, script: string, args: readonly string[], env?: Record<string, string>): TestProcess
  /** Ends everything that was started, then the servers. */
  close(): Promise<void>
}

/** Two servers with the clone in /opt/flatbed. `databaseUrl` is what the operator types into loader.env. */
export async function createSite(folder: string, databaseUrl: () => string): Promise<Site> {
  const { servers, close: closeServers } = await createServers(["files.example.net", "warehouse"], folder)
  const { "files.example.net": files, warehouse } = servers
  const page = await readFile(join(clone, "services", "README.md"), "utf8")
  const started: TestProcess[] = []
  const units = new Map<string, TestProcess>()
  for (const server of [files, warehouse]) await placeClone(server)

  const start: Site["start"] = (server, script, args, env = {}) => {
    const program = startProcess({ script, args, env, under: server.under })
    started.push(program)
    return program
  }

  const environmentOf: Site["environmentOf"] = async (server, name) => {
    const unit = await readUnit(server, name)
    const credentials = join(server.disk, "credentials", name)
    await mkdir(credentials, { recursive: true })
    for (const line of unit.all("LoadCredential")) {
      const [credential = "", path = ""] = line.split(":")
      await cp(join(server.disk, path), join(credentials, credential))
    }
    const file = await readFile(join(server.disk, unit.one("EnvironmentFile")), "utf8")
    const entries = file.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)
    const fromFile = Object.fromEntries([...entries].map(([, key = "", value = ""]) => [key, value]))
    return { ...fromFile, CREDENTIALS_DIRECTORY: credentials }
  }

  async function startUnit(server: Server, name: string): Promise<void> {
    const [node, script = "", ...args] = (await readUnit(server, name)).one("ExecStart").split(" ")
    if (node !== "/usr/bin/node") throw new Error(`${name} starts ${node}`)
    await units.get(name)?.close()
    // Through the server's own /opt, as the unit says; Node itself is the one that runs this test.
    units.set(name, start(server, script, args, await environmentOf(server, name)))
  }

  const players: readonly [RegExp, (server: Server, words: string[]) => Promise<unknown>][] = [
    // There is no registry in this network, and what runs the test has installed and built already.
    [/^npm run build$/, async () => undefined],
    [/^(systemctl daemon-reload|journalctl -u flatbed-loader)$/, async () => undefined],
    [/^systemctl (enable --now|restart) /, (server, words) => startUnit(server, words.at(-1) ?? "")],
    [/^scp files\.example\.net:/, carryOver],
    [/^\$\{EDITOR:-vi\} /, (server, words) => typeDatabaseUrl(server, words.at(-1) ?? "", databaseUrl())],
  ]

  async function carryOver(server: Server, words: string[]): Promise<void> {
    const [, from = "", to = ""] = words
    await server.run(`cp -r ${from.replace(/^[^:]+:/, files.disk)} ${to}`)
  }

  return {
    files,
    warehouse,
    environmentOf,
    start,
    restart: startUnit,
    unit: (name) => units.get(name) ?? fail(`${name} was never started`),
    async follow(server, heading) {
      let printed = ""
      // A block is one sitting at one shell: cd and variables last to its end, or to a line that is played.
      for (const block of readBlocks(page, heading)) {
        const opening = block.filter((line) => line.startsWith("cd ")).join("\n")
        let said: string[] = []
        const say = async () => {
          if (said.length > 0) printed += await server.run(`${opening}\n${said.join("\n")}`)
          said = []
        }
        for (const line of block) {
          const player = players.find(([pattern]) => pattern.test(line))
          if (player === undefined) said.push(line)
          else {
            await say()
            await player[1](server, line.split(" "))
          }
        }
        await say()
      }
      return printed
    },
    async close() {
      for (const program of started.reverse()) await program.close()
      await closeServers()
    },
  }
}

/** The lines of each `sh` block between a heading and the next one. */
function readBlocks(page: string, heading: string): string[][] {
  const section = page.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`))
  const blocks = [...(section ?? "").matchAll(/^```sh\n([\s\S]*?)^```/gm)]
  if (blocks.length === 0) fail(`services/README.md has no sh block under "${heading}"`)
  return blocks.map(([, text = ""]) => text.trimEnd().split("\n"))
}

// The clone as `git clone` leaves it, apart from services/secrets, which each server makes for itself.
async function placeClone(server: Server): Promise<void> {
  const place = join(server.disk, "opt", "flatbed")
  await mkdir(join(place, "services"), { recursive: true })
  for (const name of await readdir(clone)) {
    if (name !== "services") await symlink(join(clone, name), join(place, name))
  }
  for (const name of ["source", "loader"]) {
    await symlink(join(clone, "services", name), join(place, "services", name))
  }
  await cp(join(clone, "services", "new-secrets.sh"), join(place, "services", "new-secrets.sh"))
  await mkdir(join(server.disk, "etc", "systemd", "system"), { recursive: true })
}

async function readUnit(server: Server, name: string) {
  const text = await readFile(join(server.disk, "etc/systemd/system", `${basename(name)}.service`), "utf8")
  const all = (key: string) =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value)
  return { all, one: (key: string) => all(key)[0] ?? fail(`${name}.service has no ${key}=`) }
}

async function typeDatabaseUrl(server: Server, file: string, url: string): Promise<void> {
  const path = join(server.disk, file)
  const text = await readFile(path, "utf8")
  await writeFile(path, text.replace(/^DATABASE_URL=.*$/m, `DATABASE_URL=${url}`))
}

function fail(message: string): never {
  throw new Error(message)
}
