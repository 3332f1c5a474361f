import { once } from "node:events"
import { createServer } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { findFreePort } from "./free-port.ts"

test("a port can be listened on, is no other's, and is none that the system gives away", async () => {
  const ports = [await findFreePort(), await findFreePort(), await findFreePort()]
  expect(new Set(ports).size).toBe(3)
  for (const port of ports) {
    expect(port).toBeLessThan(32_768)
    const server = createServer().listen(port, "127.0.0.1")
    onTestFinished(() => void server.close())
    await once(server, "listening")
  }
})

test("a port that is taken is passed over", async () => {
  const taken = (await findFreePort()) + 1
  const server = createServer().listen(taken, "127.0.0.1")
  onTestFinished(() => void server.close())
  await once(server, "listening")
  expect(await findFreePort()).toBeGreaterThan(taken)
})
