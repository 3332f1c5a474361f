// If this file fails, a token reaches somebody who is not the source, or nobody can tell why the source is refused.

import { X509Certificate } from "node:crypto"
import { createServer as createPlainServer } from "node:net"
import {
  makeCertificate,
  problemAnswer,
  type ScriptedSource,
  startScriptedSource,
  startTlsFront,
  temporaryFolder,
} from "@flatbed/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { people } from "../loader.test-kit.ts"
import { readAuthorities } from "./certificates.ts"
import { createSourceClient, type SourceSettings } from "./source-client.ts"

const token = "flatbed_0123456789abcdef"
const authority = makeCertificate()
const stranger = makeCertificate()
const hour = 60 * 60 * 1000

let source: ScriptedSource
let closing: (() => Promise<unknown>)[]

beforeEach(async () => {
  source = await startScriptedSource(people(3, 3))
  closing = [source.close]
})

afterEach(async () => {
  for (const close of closing.reverse()) await close()
})

function open(url: string, more: Partial<SourceSettings> = {}) {
  const limits = {
    maxBodyBytes: 2 ** 20,
    compression: "none" as const,
    connectMs: 2000,
    idleMs: 500,
    requestMs: 1500,
  }
  const client = createSourceClient({ url, token, ...limits, ...more }, 2)
  closing.push(client.close)
  return client
}

async function front(shown: Parameters<typeof makeCertificate>[0]) {
  const started = await startTlsFront(makeCertificate(shown), source.url)
  closing.push(started.close)
  return started
}

test("a source with a certificate of the trusted authority gets the token, and answers", async () => {
  const { url, received } = await front({ names: ["localhost"], signedBy: authority })
  const client = open(url, { ca: authority.certificate })
  expect(await client.getDataset("people")).toMatchObject({ name: "people" })
  expect(received()).toContain(`authorization: Bearer ${token}`)
})

test("a certificate that is itself what source.ca names is trusted", async () => {
  const shown = makeCertificate({ names: ["localhost"] })
  const started = await startTlsFront(shown, source.url)
  closing.push(started.close)
  expect(await open(started.url, { ca: shown.certificate }).getDataset("people")).toBeDefined()
})

describe("nothing is sent, and the reason is told, when the certificate", () => {
  const expiry = new Date(Date.now() - hour)
  const begin = new Date(Date.now() + hour)
  const inCertificate = (time: Date) =>
    new X509Certificate(makeCertificate({ names: ["x"], from: time, until: time }).certificate).validTo
  test.each([
    ["is signed by another authority", { signedBy: stranger }, "ca", [stranger.subject, "source.ca"]],
    [
      "is signed by an authority of one's own, without source.ca",
      { signedBy: authority },
      "",
      [authority.subject, "public authority"],
    ],
    ["is signed by itself", {}, "", ["signed by itself", "public authority"]],
    ["is signed by itself, with source.ca", {}, "ca", ["signed by itself", "source.ca"]],
    ["has expired", { signedBy: authority, until: expiry }, "ca", ["expired", inCertificate(expiry)]],
    ["holds only later", { signedBy: authority, from: begin }, "ca", ["holds only", inCertificate(begin)]],
    [
      "is for another host",
      { signedBy: authority, names: ["files.example", "10.0.0.7"] },
      "ca",
      ["files.example, 10.0.0.7", "localhost"],
    ],
  ] as const)("%s", async (_name, shown, ca, words) => {
    const { url, received } = await front({ names: ["localhost"], ...shown })
    const client = open(url, ca === "" ? {} : { ca: authority.certificate })
    const signal = AbortSignal.timeout(5000)
    for (const ask of [() => client.getDataset("people"), () => client.openEvents(1000, signal)]) {
      const problem = await ask().then(
        () => Promise.reject(new Error("it was trusted")),
        (error) => error,
      )
      expect(problem).toMatchObject({ code: "source-untrusted", retryable: false, exitCode: 3 })
      for (const word of words) expect(problem.message).toContain(word)
      expect(problem.message).not.toContain(token)
      expect(problem.hint).toMatch(/\.$/)
    }
    expect(received()).toBe("")
    expect(source.requests()).toEqual([])
  })

  test("is none, because the port speaks plain HTTP", async () => {
    const client = open(source.url.replace("http://", "https://"))
    await expect(client.getDataset("people")).rejects.toMatchObject({
      code: "source-untrusted",
      message: expect.stringContaining("without TLS"),
      hint: expect.stringContaining("http://"),
    })
  })

  test("holds for nobody, whatever NODE_TLS_REJECT_UNAUTHORIZED says", async () => {
    const { url, received } = await front({ names: ["localhost"] })
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"
    try {
      await expect(open(url).getDataset("people")).rejects.toMatchObject({ code: "source-untrusted" })
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    }
    expect(received()).toBe("")
  })
})

test("plain HTTP to a port that speaks TLS is told as such", async () => {
  const { url } = await front({ names: ["localhost"], signedBy: authority })
  const client = open(url.replace("https://", "http://"))
  await expect(client.getDataset("people")).rejects.toMatchObject({
    code: "source-refused",
    message: expect.stringContaining("speaks TLS"),
    hint: expect.stringContaining("https://"),
  })
})

test("a source that hangs up, or speaks no known TLS, is not taken for an untrusted one", async () => {
  const server = createPlainServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  closing.push(() => new Promise((resolve) => server.close(resolve)))
  const port = (server.address() as { port: number }).port
  for (const scheme of ["http", "https"]) {
    await expect(open(`${scheme}://127.0.0.1:${port}`).getDataset("people")).rejects.toMatchObject({
      code: "source-unreachable",
    })
  }
  await expect(open("https://127.0.0.1:1").getDataset("people")).rejects.toMatchObject({
    code: "source-unreachable",
  })
})

describe("a refusal says which setting to mend", () => {
  const answer = (code: "unauthorized" | "dataset-not-found") =>
    source.fault(/datasets/, { kind: "answer", answer: problemAnswer(code, "No such thing.") })

  test("when the token is not known", async () => {
    answer("unauthorized")
    await expect(open(source.url).getDataset("people")).rejects.toMatchObject({
      code: "unauthorized",
      exitCode: 3,
      retryable: false,
      message: expect.stringContaining("does not know the token in source.token"),
      hint: expect.stringContaining("flatbed-source token new"),
    })
  })

  test("when there is no token", async () => {
    answer("unauthorized")
    await expect(open(source.url, { token: undefined }).getDataset("people")).rejects.toMatchObject({
      message: expect.stringContaining("source.token is not set"),
    })
  })

  test("when the dataset is out of the token's scope", async () => {
    answer("dataset-not-found")
    await expect(open(source.url).getDataset("people")).rejects.toMatchObject({
      code: "dataset-not-found",
      message: "No such thing.",
      hint: expect.stringContaining("auth.tokens"),
    })
  })
})

describe("the file that source.ca names", () => {
  test("may hold several authorities, with words between them", async () => {
    const folder = await temporaryFolder()
    closing.push(folder.remove)
    const text = `one\n${stranger.certificate}two\n${authority.certificate}`
    const ca = await readAuthorities(await folder.write("ca.pem", text))
    const { url } = await front({ names: ["localhost"], signedBy: authority })
    expect(await open(url, { ca }).getDataset("people")).toBeDefined()
  })

  test.each([
    ["is not there", undefined, "ENOENT"],
    [
      "holds no certificate",
      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
      "no certificate",
    ],
    ["is garbled", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"],
  ])("is a problem of the settings when it %s", async (_name, text, words) => {
    const folder = await temporaryFolder()
    closing.push(folder.remove)
    const file = text === undefined ? `${folder.path}/none.pem` : await folder.write("ca.pem", text)
    await expect(readAuthorities(file)).rejects.toMatchObject({
      code: "settings-invalid",
      exitCode: 2,
      message: expect.stringMatching(new RegExp(`^source.ca: .*${words}`)),
    })
  })
})
