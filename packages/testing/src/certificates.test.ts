// If this file fails, tests of TLS prove nothing: their certificates are not what they say.
import { X509Certificate } from "node:crypto"
import { connect } from "node:tls"
import { expect, test } from "vitest"
import { makeCertificate } from "./certificates.ts"
import { startScriptedSource } from "./scripted-source.ts"
import { startTlsFront } from "./tls-front.ts"

test("a certificate names its hosts, its issuer and its time", () => {
  const authority = makeCertificate()
  const until = new Date("2031-02-03T04:05:06Z")
  const made = makeCertificate({ names: ["files.example", "10.0.0.7"], signedBy: authority, until })
  const read = new X509Certificate(made.certificate)
  const issuer = new X509Certificate(authority.certificate)
  expect(issuer.ca).toBe(true)
  expect(read.ca).toBe(false)
  expect(read.verify(issuer.publicKey)).toBe(true)
  expect(read.checkIssued(issuer)).toBe(true)
  expect(read.checkHost("files.example")).toBe("files.example")
  expect(read.checkHost("other.example")).toBeUndefined()
  expect(read.checkIP("10.0.0.7")).toBe("10.0.0.7")
  expect(new Date(read.validTo)).toEqual(until)
})

test("a TLS front passes on what comes from a client that trusts it, and remembers it", async () => {
  const authority = makeCertificate()
  const source = await startScriptedSource()
  const front = await startTlsFront(
    makeCertificate({ names: ["localhost"], signedBy: authority }),
    source.url,
  )
  const answer = await new Promise<string>((resolve, reject) => {
    const ca = authority.certificate
    const socket = connect({ port: front.port, host: "127.0.0.1", servername: "localhost", ca })
    socket.on("error", reject)
    socket.on("data", (bytes) => {
      socket.destroy()
      resolve(bytes.toString())
    })
    socket.write("GET /v1/datasets HTTP/1.1\r\nhost: localhost\r\n\r\n")
  })
  expect(answer).toMatch(/^HTTP\/1.1 200/)
  expect(front.received()).toContain("GET /v1/datasets")
  await front.close()
  await source.close()
})
