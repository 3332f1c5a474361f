// If this fails, a token or a certificate that is wrong lets somebody in, or the one who is right is kept out.
import { createHash } from "node:crypto"
import { join } from "node:path"
import {
  createTestDatabase,
  findFreePort,
  makeCertificate,
  startProcess,
  type TemporaryFolder,
  type TestProcess,
  temporaryFolder,
} from "@flatbed/testing"
import { afterAll, beforeAll, expect, test } from "vitest"
import { bins } from "./installation.ts"

const tokens = { all: "flatbed_all-0123456789", some: "flatbed_some-0123456789" }
const sha256 = (token: string) => createHash("sha256").update(token).digest("hex")

let folder: TemporaryFolder
let database: Awaited<ReturnType<typeof createTestDatabase>>
let source: TestProcess
let port: number

beforeAll(async () => {
  folder = await temporaryFolder()
  database = await createTestDatabase()
  port = await findFreePort()
  const authority = makeCertificate()
  const shown = makeCertificate({ names: ["localhost"], signedBy: authority })
  await folder.write("ca.pem", authority.certificate)
  await folder.write("stranger.pem", makeCertificate().certificate)
  await folder.write("cert.pem", shown.certificate)
  await folder.write("key.pem", shown.key)
  await folder.write("files/shops.csv", "id,name\n1,Ada\n")
  await folder.write("files/secrets.csv", "id\n1\n")
  await folder.write(
    "source.yaml",
    `root: ./files
listen: { port: ${port} }
admin: { port: 0 }
settle: 0ms
tls: { certificate: cert.pem, key: key.pem }
auth:
  tokens:
    - { name: all, sha256: "${sha256(tokens.all)}", datasets: ["*"] }
    - { name: some, sha256: "${sha256(tokens.some)}", datasets: [shops] }
datasets:
  shops: { files: shops.csv }
  secrets: { files: secrets.csv }
`,
  )
  source = startProcess({ script: bins.source, args: ["serve"], cwd: folder.path })
  await source.waitForEvent("source.started")
})

afterAll(async () => {
  await source.close()
  await database.drop()
  await folder.remove()
})

async function load(how: {
  pipeline?: string
  scheme?: string
  host?: string
  ca?: string | null
  token?: string | null
}) {
  const { pipeline = "shops", scheme = "https", host = "localhost", ca = "ca.pem", token = tokens.all } = how
  const settings = [
    `url: "${scheme}://${host}:${port}"`,
    ...(ca === null ? [] : [`ca: ${ca}`]),
    ...(token === null ? [] : [`token: "${token}"`]),
  ]
  await folder.write(
    "loader.yaml",
    `source: { ${settings.join(", ")} }
database: { url: "\${DATABASE_URL}" }
retries: { attempts: 2, cap: 10ms }
pipelines:
  shops: { dataset: shops, table: shops }
  secrets: { dataset: secrets, table: secrets }
  none: { dataset: none, table: none }
`,
  )
  const loader = startProcess({
    script: bins.loader,
    args: ["load", pipeline, "--config", join(folder.path, "loader.yaml")],
    cwd: folder.path,
    env: { DATABASE_URL: database.url },
  })
  const { code } = await loader.end()
  return { code, said: `${loader.stdout()}${loader.stderr()}` }
}

test("the right token over a certificate that holds loads, within its scope", async () => {
  expect(await load({ token: tokens.some })).toMatchObject({ code: 0 })
  expect(await load({ pipeline: "secrets" })).toMatchObject({ code: 0 })
})

test.each([
  ["a wrong token", { token: "flatbed_wrong" }, ["unauthorized", "does not know the token in source.token"]],
  ["no token", { token: null }, ["unauthorized", "source.token is not set"]],
  [
    "a dataset out of the token's scope",
    { pipeline: "secrets", token: tokens.some },
    ["dataset-not-found", "auth.tokens"],
  ],
  ["another authority", { ca: "stranger.pem" }, ["source-untrusted", "an authority in source.ca"]],
  ["no authority of one's own", { ca: null }, ["source-untrusted", "a public authority"]],
  [
    "an address that the certificate lacks",
    { host: "127.0.0.1" },
    ["source-untrusted", "expected one for 127.0.0.1"],
  ],
  ["plain http to a port with TLS", { scheme: "http", ca: null }, ["source-refused", "speaks TLS"]],
])("%s is refused with a message of its own", async (_name, how, words) => {
  const { code, said } = await load(how)
  expect(code).toBe(3)
  for (const word of words) expect(said).toContain(word)
  for (const token of [...Object.values(tokens), "flatbed_wrong"]) expect(said).not.toContain(token)
})

test("a dataset out of scope is answered as one that does not exist", async () => {
  const answers = [
    await load({ pipeline: "secrets", token: tokens.some }),
    await load({ pipeline: "none", token: tokens.some }),
  ]
  const [hidden, absent] = answers.map(({ said }) =>
    said.replace(/[0-9.:T-]+Z|"seconds":[^,]*|"pid":[^,]*/g, ""),
  )
  expect(hidden?.replaceAll("secrets", "none")).toBe(absent)
})
