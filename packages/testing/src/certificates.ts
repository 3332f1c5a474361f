/**
 * Certificates for tests of TLS: made on the spot, so that none expires in the repository and no program outside
 * Node is needed. X.509 v3 (RFC 5280) in DER, on P-256 keys, just enough of it for TLS servers.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto"
import { isIP } from "node:net"

export type TestCertificate = {
  /** PEM. */
  readonly certificate: string
  /** PEM, PKCS #8. */
  readonly key: string
  readonly subject: string
  readonly privateKey: KeyObject
}

const day = 24 * 60 * 60 * 1000

/**
 * Makes a certificate for these host names and addresses; without any it is an authority. Signed by `signedBy`,
 * otherwise by itself. It holds from yesterday until in a year, unless told otherwise.
 */
export function makeCertificate(
  input: {
    readonly names?: readonly string[]
    readonly signedBy?: TestCertificate
    readonly from?: Date
    readonly until?: Date
    readonly subject?: string
  } = {},
): TestCertificate {
  const { names = [], signedBy, from = new Date(Date.now() - day) } = input
  const until = input.until ?? new Date(Date.now() + 365 * day)
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const subject = input.subject ?? names[0] ?? `Test authority ${randomBytes(4).toString("hex")}`
  const extensions = names.length === 0 ? [authorityExtension()] : [namesExtension(names)]
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    distinguishedName(signedBy?.subject ?? subject),
    sequence(utcTime(from), utcTime(until)),
    distinguishedName(subject),
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(...extensions)),
  )
  const signature = sign("sha256", body, signedBy?.privateKey ?? privateKey)
  const der = sequence(body, ecdsaWithSha256, bitString(signature))
  const lines = der.toString("base64").match(/.{1,64}/g) ?? []
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    subject,
    privateKey,
  }
}

function tagged(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  // X.690 8.1.3: lengths up to 127 in one byte, longer ones behind a count of their bytes.
  const written = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...written]), content])
}

const sequence = (...contents: Buffer[]) => tagged(0x30, ...contents)
const integer = (bytes: Buffer) => tagged(0x02, bytes)
const bitString = (bytes: Buffer) => tagged(0x03, Buffer.from([0]), bytes)
const octets = (bytes: Buffer) => tagged(0x04, bytes)
const oid = (hex: string) => tagged(0x06, Buffer.from(hex, "hex"))
const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"))

const distinguishedName = (commonName: string) =>
  sequence(tagged(0x31, sequence(oid("550403"), tagged(0x0c, Buffer.from(commonName)))))

// RFC 5280 section 4.1.2.5.1: YYMMDDHHMMSSZ, for years before 2050.
const utcTime = (time: Date) =>
  tagged(0x17, Buffer.from(`${time.toISOString().slice(2, 19).replace(/[-T:]/g, "")}Z`))

function authorityExtension(): Buffer {
  const critical = tagged(0x01, Buffer.from([0xff]))
  return sequence(oid("551d13"), critical, octets(sequence(tagged(0x01, Buffer.from([0xff])))))
}

function namesExtension(names: readonly string[]): Buffer {
  const entries = names.map((name) =>
    isIP(name) === 4
      ? tagged(0x87, Buffer.from(name.split(".").map(Number)))
      : tagged(0x82, Buffer.from(name, "latin1")),
  )
  return sequence(oid("551d11"), octets(sequence(...entries)))
}
