import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { type TemporaryFolder, temporaryFolder, waitFor } from "@flatbed/testing"
import { expect, it, onTestFinished } from "vitest"
import { findCommandLine, isAlive } from "./command-line.ts"
import { createStartedServices } from "./left-behind.ts"
import { type Service, startService } from "./service.ts"

type Bundle = { folder: TemporaryFolder; script: string; start: () => Service; isUp: () => Promise<boolean> }

async function setup(program: string): Promise<Bundle> {
  const folder = await temporaryFolder()
  onTestFinished(folder.remove)
  const script = await folder.write("program.mjs", program)
  const start = () => {
    const env = { ...process.env, UP_FILE: join(folder.path, "up") }
    const service = startService({
      name: "program",
      script,
      args: [],
      cwd: folder.path,
      env,
      showsResult: false,
    })
    onTestFinished(service.stop)
    return service
  }
  const isUp = async () => (await readFile(join(folder.path, "up"), "utf8").catch(() => "")) === "yes"
  return { folder, script, start, isUp }
}

const stays = `
  import { writeFileSync } from "node:fs"
  process.on("SIGTERM", () => process.exit(0))
  setInterval(() => {}, 1000)
  writeFileSync(process.env.UP_FILE, "yes")
`

it("answers the exit code of a service that ends by itself", async () => {
  const { start } = await setup("process.exit(5)")
  expect(await start().ended).toBe(5)
})

it("stops a service with SIGTERM, and lets it end in its own way", async () => {
  const { start, isUp } = await setup(stays)
  const service = start()
  await waitFor(isUp)
  await service.stop()
  expect(await service.ended).toBe(0)
  await service.stop()
})

it("ends services that an earlier start left behind, and nobody else's", async () => {
  const { folder, script, start, isUp } = await setup(stays)
  const service = start()
  await waitFor(isUp)
  const file = join(folder.path, "services.json")
  const killed = createStartedServices(file)
  await killed.record(service.pid, script)
  // This process's number stands for one that the system has given to another program since.
  await killed.record(process.pid, join(folder.path, "another.mjs"))
  expect(await createStartedServices(file).endLeftBehind()).toBe(1)
  expect(await service.ended).toBe(0)
  expect(isAlive(process.pid)).toBe(true)
})

it("finds nothing left behind when the list is missing, cleared or was cut off", async () => {
  const { folder } = await setup("")
  const services = createStartedServices(join(folder.path, "services.json"))
  expect(await services.endLeftBehind()).toBe(0)
  await folder.write("services.json", '[{"pid":')
  expect(await services.endLeftBehind()).toBe(0)
  await services.clear()
  expect(await services.endLeftBehind()).toBe(0)
})

it("knows what a process was started with", async () => {
  expect(await findCommandLine(process.pid)).toContain("node")
  expect(await findCommandLine(4_194_304)).toBeUndefined()
})
