import { createHash } from "node:crypto"
import { expect, it } from "vitest"
import { parse } from "yaml"
import { runCommand } from "./command.test-kit.ts"
import { openTestFolder } from "./source.test-kit.ts"
import { tokenNewCommand } from "./token.ts"

type Made = { readonly name: string; readonly token: string; readonly sha256: string }

it("makes another token each time, of 256 bits, that scanners of secrets can find", async () => {
  const made = await Promise.all([1, 2, 3].map(() => runCommand<Made>(tokenNewCommand, {})))
  const tokens = made.map(({ value }) => value.token)
  expect(new Set(tokens).size).toBe(3)
  for (const token of tokens) {
    expect(token).toMatch(/^flatbed_[A-Za-z0-9_-]{43}$/)
    expect(Buffer.from(token.slice("flatbed_".length), "base64url")).toHaveLength(32)
  }
})

it("prints the token once, and a line that lets it in where it is put", async () => {
  const { text, value, notes } = await runCommand<Made>(tokenNewCommand, { options: { name: "warehouse" } })
  const [token = "", line = ""] = text.split("\n")
  expect(token).toBe(value.token)
  expect(line).not.toContain(token)
  expect(notes.join("\n")).not.toContain(token)
  const [entry] = parse(line)
  expect(entry).toEqual({
    name: "warehouse",
    sha256: createHash("sha256").update(token).digest("hex"),
    datasets: ["*"],
  })
  const folder = await openTestFolder("id\n1\n")
  try {
    const { get } = await folder.open({ auth: { tokens: [entry] } })
    expect((await get("/v1/datasets", { authorization: `Bearer ${token}` })).statusCode).toBe(200)
    expect((await get("/v1/datasets")).statusCode).toBe(401)
  } finally {
    await folder.close()
  }
})

it.each(["", "a b", "-x", "x\ny", "é"])("refuses %j as a name", async (name) => {
  await expect(runCommand(tokenNewCommand, { options: { name } })).rejects.toMatchObject({
    code: "usage-invalid",
  })
})
