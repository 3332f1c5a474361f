import { rename, writeFile } from "node:fs/promises"
import { request as requestPlain } from "node:http"
import { request } from "node:https"
import { join } from "node:path"
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls"
import { makeCertificate, type TestCertificate, waitFor } from "@flatbed/testing"
import { afterEach, describe, expect, it } from "vitest"
import { openTestFolder } from "./source.test-kit.ts"
import { type RunningSource, startSource } from "./start-source.ts"

const ends: (() => Promise<void>)[] = []
const authority = makeCertificate()

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const forLocalhost = (input: { until?: Date } = {}) =>
  makeCertificate({ names: ["localhost", "127.0.0.1"], signedBy: authority, ...input })

async function setup(
  pair: Pick<TestCertificate, "certificate" | "key">,
  written: Record<string, unknown> = {},
) {
  const folder = await openTestFolder("id\n1\n")
  ends.push(folder.close)
  const { path } = folder.folder
  await folder.folder.write("tls/cert.pem", pair.certificate)
  await folder.folder.write("tls/key.pem", pair.key)
  const settings = await folder.settings({
    tls: { certificate: "tls/cert.pem", key: "tls/key.pem" },
    scan_interval: "1h",
    ...written,
  })
  const start = async () => {
    const source = await startSource(settings, folder)
    ends.push(source.close)
    return source
  }
  const replace = async (next: TestCertificate) => {
    for (const [name, text] of [
      ["cert.pem", next.certificate],
      ["key.pem", next.key],
    ] as const) {
      await writeFile(join(path, "tls", `${name}.new`), text)
      await rename(join(path, "tls", `${name}.new`), join(path, "tls", name))
    }
  }
  return { folder, start, replace, settings }
}

/** Asks over TLS, trusting the authority alone. */
function ask(url: string): Promise<{ status: number; peer: DetailedPeerCertificate; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ca: authority.certificate, agent: false }, (answer) => {
      const peer = (answer.socket as TLSSocket).getPeerCertificate(true)
      let body = ""
      answer.on("data", (part) => {
        body += part
      })
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, peer, body }))
    })
    sent.on("error", reject).end()
  })
}

const serial = (peer: DetailedPeerCertificate) => peer.serialNumber

function handshake({ url }: RunningSource, version: "TLSv1.1" | "TLSv1.2" | "TLSv1.3"): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({
      port: Number(new URL(url).port),
      host: "127.0.0.1",
      ca: authority.certificate,
      minVersion: version,
      maxVersion: version,
      // OpenSSL 3 speaks the old versions only at this level.
      ciphers: "DEFAULT@SECLEVEL=0",
    })
    socket.on("secureConnect", () => {
      resolve(socket.getProtocol() ?? "none")
      socket.destroy()
    })
    socket.on("error", () => resolve("refused"))
  })
}

describe("a source with a certificate", () => {
  it.each(["127.0.0.1", "localhost"])("answers over TLS on %s, and says so in its address", async (host) => {
    const { start, folder } = await setup(forLocalhost(), { listen: { port: 0, host } })
    const { url } = await start()
    expect(url).toMatch(/^https:/)
    await waitFor(async () => (await ask(`${url}/v1/datasets/t/chunks/1`)).status === 200)
    expect(JSON.parse((await ask(`${url}/v1/datasets/t/chunks/1`)).body)).toEqual([{ id: 1 }])
    expect(folder.logged).toContainEqual(expect.objectContaining({ event: "certificate.loaded", level: 30 }))
  })

  it("does not speak plain HTTP on that port", async () => {
    const { start } = await setup(forLocalhost())
    const { url } = await start()
    const failure = await new Promise((resolve) =>
      requestPlain(url.replace("https:", "http:"), () => resolve(undefined))
        .on("error", resolve)
        .end(),
    )
    expect(failure).toBeInstanceOf(Error)
  })

  it("speaks TLS 1.2 and 1.3, and with minimum only the newer", async () => {
    const both = await setup(forLocalhost())
    const source = await both.start()
    expect(await handshake(source, "TLSv1.1")).toBe("refused")
    expect(await handshake(source, "TLSv1.2")).toBe("TLSv1.2")
    expect(await handshake(source, "TLSv1.3")).toBe("TLSv1.3")
    const tls = { certificate: "tls/cert.pem", key: "tls/key.pem", minimum: "TLSv1.3" }
    const newer = await (await setup(forLocalhost(), { tls })).start()
    expect(await handshake(newer, "TLSv1.2")).toBe("refused")
    expect(await handshake(newer, "TLSv1.3")).toBe("TLSv1.3")
  })

  it.each(["127.0.0.1", "localhost"])("shows a renewed certificate on %s without a restart", async (host) => {
    const { start, replace, folder } = await setup(forLocalhost(), { listen: { port: 0, host } })
    const { url } = await start()
    const before = serial((await ask(url)).peer)
    await replace(forLocalhost())
    await waitFor(async () => serial((await ask(url)).peer) !== before)
    await waitFor(() => folder.logged.filter(({ event }) => event === "certificate.loaded").length === 2)
  })

  it("reads it again when told to", async () => {
    const { start, replace } = await setup(forLocalhost())
    const source = await start()
    const before = serial((await ask(source.url)).peer)
    await replace(forLocalhost())
    await source.reload()
    expect(serial((await ask(source.url)).peer)).not.toBe(before)
  })

  it("keeps the one before when the renewed one cannot be used, and says why", async () => {
    const { start, folder } = await setup(forLocalhost())
    const source = await start()
    const before = serial((await ask(source.url)).peer)
    await folder.folder.write("tls/key.pem", forLocalhost().key)
    await source.reload()
    expect(serial((await ask(source.url)).peer)).toBe(before)
    expect(folder.logged.find(({ event }) => event === "certificate.failed")).toMatchObject({
      detail: expect.stringMatching(/^tls\.key: .*key\.pem is not the key of the certificate in .*cert\.pem/),
    })
  })

  it.each([
    ["expires soon", 3, 40, /expires in [23] days/],
    ["has expired", -1, 50, /has expired/],
  ])("says so when its certificate %s", async (_, days, level, message) => {
    const until = new Date(Date.now() + days * 24 * 60 * 60 * 1000 + 60_000)
    const from = new Date(Date.now() - 9 * 24 * 60 * 60 * 1000)
    const pair = makeCertificate({ names: ["localhost"], signedBy: authority, from, until })
    const { start, folder } = await setup(pair)
    await start()
    expect(folder.logged.find(({ event }) => event === "certificate.loaded")).toMatchObject({
      level,
      msg: expect.stringMatching(message),
    })
  })

  it.each([
    ["tls.certificate", "is no PEM", { ...forLocalhost(), certificate: "nonsense" }],
    ["tls.key", "is no PEM", { ...forLocalhost(), key: "nonsense" }],
    ["tls.key", "is another certificate's", { ...forLocalhost(), key: forLocalhost().key }],
    ["tls.key", "is no key at all", { ...forLocalhost(), key: forLocalhost().certificate }],
  ])("names %s when it %s", async (setting, _, pair) => {
    const { start } = await setup(pair)
    const failure = await start().catch((error) => error)
    expect(failure).toMatchObject({ code: "settings-invalid", exitCode: 2, facts: { setting } })
    expect(failure.message.startsWith(`${setting}: `)).toBe(true)
    expect(failure.message).not.toContain("nonsense")
  })

  it.each(["certificate", "key"])("names tls.%s when the file is not there", async (which) => {
    const tls = { certificate: "tls/cert.pem", key: "tls/key.pem", [which]: "tls/none.pem" }
    const { start } = await setup(forLocalhost(), { tls })
    await expect(start()).rejects.toMatchObject({
      code: "settings-invalid",
      message: expect.stringMatching(new RegExp(`^tls\\.${which}: .*none\\.pem cannot be read \\(ENOENT\\)`)),
    })
  })
})

describe("a source beyond loopback", () => {
  const auth = { tokens: [{ name: "x", sha256: "0".repeat(64), datasets: ["*"] }] }
  const listen = { host: "0.0.0.0", port: 0 }

  it("says that tokens and rows travel unencrypted without TLS", async () => {
    const folder = await openTestFolder("id\n1\n")
    ends.push(folder.close)
    const source = await startSource(await folder.settings({ auth, listen }), folder)
    ends.push(source.close)
    expect(folder.logged.find(({ event }) => event === "source.plain_http")).toMatchObject({ level: 40 })
  })

  it("says nothing of the kind with TLS", async () => {
    const { start, folder } = await setup(forLocalhost(), { auth, listen })
    await start()
    expect(folder.logged.map(({ event }) => event)).not.toContain("source.plain_http")
  })
})
