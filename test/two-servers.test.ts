// If this fails, somebody who follows services/README.md ends without rows, or a token reaches a stranger.
import { createPrivateKey } from "node:crypto"
import { readFile, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { makeCertificate, type TestCertificate, type TestProcess, temporaryFolder } from "@flatbed/testing"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { bins } from "./installation.ts"
import { findObstacle, type Server } from "./namespaces.ts"
import { createSite, type Site } from "./two-servers.test-kit.ts"

const obstacle = findObstacle()
const script = (name: string) => join(import.meta.dirname, name)

if (obstacle !== undefined) {
  test(`two servers cannot be tried on this machine: ${obstacle}`, () => {
    console.warn(`services/README.md was not followed: ${obstacle}`)
    expect(findObstacle()).toBe(obstacle)
  })
} else {
  describe("the page followed word by word, with systemd", () => onTwoServers())
}

function onTwoServers() {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let site: Site
  let postgres: TestProcess
  let superuserUrl = ""
  let databaseUrl = ""

  beforeAll(async () => {
    folder = await temporaryFolder()
    site = await createSite(folder.path, () => databaseUrl)
    postgres = site.start(site.warehouse, script("postgres-server.mjs"), [join(folder.path, "postgres")])
    const up = await postgres.waitForEvent("up")
    superuserUrl = String(up.url)
    const page = await readFile(script("../services/README.md"), "utf8")
    const example = /`DATABASE_URL=(postgres:[^`]+)`/.exec(page)?.[1] ?? ""
    databaseUrl = example.replace(":5432/", `:${up.port}/`)
    const statements = /^```sql\n([\s\S]*?)^```/m.exec(page)?.[1]?.trim().split("\n") ?? []
    await ask(superuserUrl, ...statements)

    await site.follow(site.files, "On files.example.net, with systemd")
    await site.unit("flatbed-source").waitForEvent("source.started")
    await site.follow(site.warehouse, "On warehouse, with systemd")
  }, 120_000)

  afterAll(async () => {
    postgres?.kill("SIGTERM")
    const end = await postgres?.end()
    await site?.close()
    await folder?.remove()
    // One that ended before it was told to has left its server running.
    expect(end?.code, postgres?.stderr()).toBe(0)
  }, 60_000)

  async function ask(url: string, ...statements: string[]): Promise<unknown> {
    const asking = site.start(site.warehouse, script("ask-postgres.mjs"), [url, ...statements])
    return (await asking.waitForEvent("rows")).rows
  }

  /** One load on `warehouse`, with the unit's environment and loader.yaml but for these changes. */
  async function load(change: { env?: Record<string, string>; yaml?: (text: string) => string }) {
    const text = await readFile(join(site.warehouse.disk, "etc/flatbed/loader.yaml"), "utf8")
    const file = await folder.write("changed.yaml", change.yaml?.(text) ?? text)
    const env = { ...(await site.environmentOf(site.warehouse, "flatbed-loader")), ...change.env }
    const loader = site.start(site.warehouse, bins.loader, ["load", "--config", file], env)
    const { code } = await loader.end(60_000)
    return { code, said: `${loader.stdout()}${loader.stderr()}` }
  }

  /** A server on `files.example.net` that speaks TLS with this certificate and notes what it is sent. */
  async function startRecorder({ certificate, key }: { certificate: string; key: string }, port: number) {
    const files = [await folder.write(`${port}.crt`, certificate), await folder.write(`${port}.key`, key)]
    const recorder = site.start(site.files, script("raw-tls-server.mjs"), [...files, String(port)])
    await recorder.waitForEvent("listening")
    return {
      url: `https://files.example.net:${port}`,
      connections: () => recorder.events().filter(({ event }) => event === "connected").length,
      received: () =>
        recorder
          .events()
          .filter(({ event }) => event === "received")
          .map(({ text }) => text),
    }
  }

  async function readSecret(server: Server, name: string): Promise<string> {
    return await readFile(join(server.disk, "opt/flatbed/services/secrets", name), "utf8")
  }

  /** The authority that the page made. */
  async function readAuthority(): Promise<TestCertificate> {
    const key = await readSecret(site.files, "ca.key")
    return {
      certificate: await readSecret(site.files, "ca.crt"),
      key,
      subject: "Flatbed authority of files.example.net",
      privateKey: createPrivateKey(key),
    }
  }

  test("ends with rows in Postgres, and a loader that says so", async () => {
    const published = await site.unit("flatbed-loader").waitForEvent("run.published", { limitMs: 60_000 })
    expect(published).toMatchObject({ rows: 3333 })
    expect(await ask(databaseUrl, "select count(*)::int as rows from public.telecom")).toEqual([
      { rows: 3333 },
    ])
  })

  test("leaves secrets to root alone, and settings to the services", async () => {
    const modeOf = async (server: Server, name: string) =>
      ((await stat(join(server.disk, "etc/flatbed", name))).mode & 0o777).toString(8)
    for (const name of ["source.key", "source.env"]) expect(await modeOf(site.files, name)).toBe("600")
    expect(await modeOf(site.warehouse, "loader.env")).toBe("600")
    expect(await modeOf(site.files, "source.yaml")).toBe("644")
    expect(await modeOf(site.warehouse, "loader.yaml")).toBe("644")
  })

  test("the line with curl shows what the token opens", async () => {
    const answer = await site.follow(site.warehouse, "When the loader is refused")
    expect(answer).toContain('"name":"telecom","state":"ready"')
  })

  test("a wrong token is refused by name", async () => {
    const { code, said } = await load({ env: { FLATBED_TOKEN: "flatbed_of-another-server" } })
    expect(code).toBe(3)
    expect(said).toContain("unauthorized")
    expect(said).toContain("does not know the token")
    expect(said).not.toContain("flatbed_of-another-server")
  })

  test("a dataset out of the token's scope is as if it were not there", async () => {
    const all = await readFile(join(site.files.disk, "etc/flatbed/source.yaml"), "utf8")
    const scoped = all
      .replace('datasets: ["*"]', "datasets: [telecom]")
      .replace("port: 4000", "port: 4020\nadmin: { port: 4021 }")
      .replace("cache: /var/cache/flatbed", "cache: /var/cache/scoped")
      .concat("  salaries:\n    files: telecom/telecom.csv\n")
    const file = await folder.write("scoped.yaml", scoped)
    const env = await site.environmentOf(site.files, "flatbed-source")
    const source = site.start(site.files, bins.source, ["serve", "--config", file], env)
    await source.waitForEvent("source.started")
    const ours = { FLATBED_SOURCE_URL: "https://files.example.net:4020" }
    const asking = (dataset: string) => (text: string) =>
      text.replace("dataset: telecom", `dataset: ${dataset}`).replace("public.telecom", "public.other")
    const { code, said } = await load({ env: ours, yaml: asking("salaries") })
    expect(code).toBe(3)
    expect(said).toContain("dataset-not-found")
    const unknown = await load({ env: ours, yaml: asking("holidays") })
    expect(withoutTimes(unknown.said).replaceAll("holidays", "salaries")).toBe(withoutTimes(said))
  })

  test.each([
    ["of another authority", /signed by .*expected one signed by/, () => ({}), 4010],
    [
      "that expired",
      /expired on .*expected one that holds now/,
      () => ({ until: new Date(Date.now() - 3_600_000) }),
      4011,
    ],
    [
      "for another host",
      /for elsewhere\.example\.net.*expected one for files/,
      () => ({ names: ["elsewhere.example.net"] }),
      4012,
    ],
  ])(
    "a certificate %s is refused in its own words, and no token is sent",
    async (what, words, wrong, port) => {
      const signedBy = what === "of another authority" ? makeCertificate() : await readAuthority()
      const recorder = await startRecorder(
        makeCertificate({ names: ["files.example.net"], signedBy, ...wrong() }),
        port,
      )
      const { code, said } = await load({ env: { FLATBED_SOURCE_URL: recorder.url } })
      expect(code).toBe(3)
      expect(said).toContain("source-untrusted")
      expect(said).toMatch(words)
      expect(recorder.connections()).toBeGreaterThan(0)
      expect(recorder.received()).toEqual([])
    },
  )

  test("the recorder does see the token when the certificate holds", async () => {
    const signedBy = await readAuthority()
    const recorder = await startRecorder(makeCertificate({ names: ["files.example.net"], signedBy }), 4013)
    const env = { FLATBED_SOURCE_URL: recorder.url, FLATBED_LOADER__RETRIES__ATTEMPTS: "1" }
    expect((await load({ env })).code).toBe(3)
    expect(recorder.received().join("")).toMatch(/authorization: Bearer flatbed_/i)
  })

  test("a renewed certificate is taken over", async () => {
    const before = await readSecret(site.files, "source/source.crt")
    await site.follow(site.files, "The certificate")
    const renewed = await readSecret(site.files, "source/source.crt")
    expect(renewed).not.toBe(before)
    for (const name of ["source.crt", "source.key"]) {
      await writeFile(
        join(site.files.disk, "etc/flatbed", name),
        await readSecret(site.files, `source/${name}`),
      )
    }
    await site.restart(site.files, "flatbed-source")
    await site.unit("flatbed-source").waitForEvent("source.started")
    expect(await load({})).toMatchObject({ code: 0, said: expect.stringContaining("up to date") })
  })
}

const withoutTimes = (said: string) =>
  said.replace(/"(?:time|duration_ms|run|attempt_ms)":("[^"]*"|[0-9.]+),?/g, "")
