// If this fails, a curl user who follows the contract's README gets another answer than the page shows.
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { temporaryFolder, waitFor } from "@flatbed/testing"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { runConsoleCommand } from "./console.ts"
import { startSourceFrom } from "./front-doors.ts"
import { agrees, readConsoleExamples, readHttpExamples } from "./transcript.ts"

const root = resolve(import.meta.dirname, "..")
const contract = readFileSync(resolve(root, "packages/contract/README.md"), "utf8")
const readme = readFileSync(resolve(root, "README.md"), "utf8")
const closers: (() => Promise<void>)[] = []
let url: string
let version: string

beforeAll(async () => {
  const cache = await temporaryFolder()
  closers.push(() => cache.remove())
  const source = await startSourceFrom(resolve(root, "data/source.yaml"), {
    FLATBED_SOURCE__LISTEN__PORT: "0",
    FLATBED_SOURCE__ADMIN__PORT: "0",
    FLATBED_SOURCE__CACHE: cache.path,
    FLATBED_SOURCE__SETTLE: "0ms",
  })
  closers.push(() => source.close())
  url = source.url
  await waitFor(async () => (await stateOfTelecom()) === "ready")
})

afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

async function stateOfTelecom(): Promise<string> {
  const answer = await fetch(`${url}/v1/datasets/telecom`)
  const dataset = (await answer.json()) as { state: string; version: string }
  version = dataset.version
  return dataset.state
}

const httpExamples = readHttpExamples(contract)

test("the contract's README has examples", () => {
  expect(httpExamples.length).toBeGreaterThanOrEqual(9)
  expect(readConsoleExamples(readme).length).toBeGreaterThanOrEqual(4)
})

describe("the contract's README", () => {
  test.each(
    httpExamples.map((example) => [`${example.title}: ${example.method} ${example.path}`, example] as const),
  )("%s", async (_title, example) => {
    const path = example.path.replace("{version}", version)
    const first = await fetch(url + path, {
      headers: example.requestHeaders["if-none-match"] ? {} : example.requestHeaders,
    })
    const etag = first.headers.get("etag") ?? ""
    const wants = (text: string) => text.replace("{etag}", etag)
    const answer =
      example.requestHeaders["if-none-match"] === undefined
        ? first
        : await fetch(url + path, {
            headers: { "if-none-match": wants(example.requestHeaders["if-none-match"]) },
          })
    expect(answer.status).toBe(example.status)
    for (const [name, value] of Object.entries(example.answerHeaders)) {
      const sent = answer.headers.get(name) ?? ""
      expect(agrees(wants(value), sent), `${name}: ${sent}, shown as ${value}`).toBe(true)
    }
    const body = await answer.text()
    expect(agrees(example.body, body), `shown:\n${example.body}\nanswered:\n${body.slice(0, 3000)}`).toBe(
      true,
    )
  })
})

describe("the README's curl lines", () => {
  test.each(
    readConsoleExamples(readme)
      .filter(({ command }) => command.startsWith("curl"))
      .map((example) => [example.command, example] as const),
  )("%s", async (_command, example) => {
    const output = await runConsoleCommand(example.command.replaceAll("localhost:4000", new URL(url).host))
    expect(agrees(example.output, output), `shown:\n${example.output}\nanswered:\n${output}`).toBe(true)
  })
})
