import { expect, it, onTestFinished } from "vitest"
import { temporaryFolder } from "./files.ts"
import { startProcess, type TestProcess } from "./processes.ts"

async function setup(script: string): Promise<TestProcess> {
  const folder = await temporaryFolder()
  onTestFinished(folder.remove)
  const child = startProcess({
    script: await folder.write("program.mjs", script),
    env: { GREETING: "hello" },
  })
  onTestFinished(child.close)
  return child
}

it("finds lines and events as they come, and answers exit code and outputs", async () => {
  const child = await setup(`
    console.log(process.env.GREETING)
    for (const n of [1, 2]) console.error(JSON.stringify({ event: "chunk.loaded", chunk: n }))
    console.error("{ not JSON")
    process.exitCode = 5
  `)
  expect(await child.waitForLine(/^hel+o$/)).toBe("hello")
  expect(await child.waitForEvent("chunk.loaded", { count: 2 })).toEqual({ event: "chunk.loaded", chunk: 2 })
  expect(await child.end()).toEqual({ code: 5, signal: null })
  expect(child.events()).toHaveLength(2)
})

it("kills with the signal it is given", async () => {
  const child = await setup(`setInterval(() => {}, 1000); console.log("up")`)
  await child.waitForLine(/^up$/)
  child.kill("SIGKILL")
  expect(await child.end()).toEqual({ code: null, signal: "SIGKILL" })
})

it("fails with all that was printed when the process ends before the line", async () => {
  const child = await setup(`console.error("port taken"); process.exit(2)`)
  await expect(child.waitForLine(/^listening/)).rejects.toThrow(
    /ended before a line[\s\S]*exit code 2[\s\S]*port taken/,
  )
})
