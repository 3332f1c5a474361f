import { once } from "node:events"
import { rename, writeFile } from "node:fs/promises"
import { type IncomingMessage, request } from "node:http"
import { join } from "node:path"
import { paths, type VersionPublished, versionPublishedSchema } from "@flatbed/contract"
import { waitFor } from "@flatbed/testing"
import { Check } from "@flatbed/typebox"
import { afterEach, describe, expect, it } from "vitest"
import { hashToken } from "../http/guard.ts"
import { openTestFolder } from "../source.test-kit.ts"
import { startSource } from "../start-source.ts"

const ends: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function setup(written: Record<string, unknown> = {}) {
  const folder = await openTestFolder("id\n1\n")
  ends.push(folder.close)
  // Nothing but the watch finds a change in time.
  const source = await startSource(await folder.settings({ scan_interval: "1h", ...written }), folder)
  ends.push(source.close)
  await waitFor(() => folder.logged.some(({ event }) => event === "version.published"))
  return { ...source, folder, file: join(folder.folder.path, "t.csv") }
}

type Heard = { event: string; id: string; data: VersionPublished }

/** A client that reads all it is sent, and takes it apart by the rules of the WHATWG for itself. */
async function listen(url: string, headers: Record<string, string> = {}) {
  const sent = request(`${url}/v1/events`, { headers: { accept: "text/event-stream", ...headers } }).end()
  sent.on("error", () => {})
  const [answer] = (await once(sent, "response")) as [IncomingMessage]
  ends.push(async () => void sent.destroy())
  let text = ""
  answer.setEncoding("utf8").on("data", (part: string) => {
    text += part
  })
  const blocks = () => text.split("\n\n").slice(0, -1)
  const heard = (): Heard[] =>
    blocks().flatMap((block) => {
      const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]))
      const data = fields.get("data")
      if (data === undefined) return []
      return [{ event: fields.get("event") ?? "", id: fields.get("id") ?? "", data: JSON.parse(data) }]
    })
  return { answer, sent, heard, blocks, versions: () => heard().map(({ data }) => data.version) }
}

const currentVersion = async (url: string, name = "t") =>
  ((await (await fetch(url + paths.dataset(name))).json()) as { version: string }).version

describe("events", () => {
  it("begin with the current version of every dataset, and say when to come back", async () => {
    const { url } = await setup()
    const { answer, heard, blocks } = await listen(url)
    expect(answer.statusCode).toBe(200)
    expect(answer.headers).toMatchObject({ "content-type": "text/event-stream", "cache-control": "no-store" })
    const [first] = await waitFor(() => heard().length === 1 && heard())
    expect(blocks()[0]).toBe("retry: 3000")
    expect(first).toMatchObject({
      event: "version.published",
      data: { dataset: "t", version: await currentVersion(url), rows: 1 },
    })
    expect(Check(versionPublishedSchema, first?.data)).toBe(true)
    expect(Date.parse(first?.data.published_at ?? "")).toBeLessThanOrEqual(Date.now())
  })

  it.each<[string, (file: string, csv: string) => Promise<void>]>([
    ["edited in place", (file, csv) => writeFile(file, csv)],
    [
      "replaced by a rename",
      async (file, csv) => {
        await writeFile(`${file}.new`, csv)
        await rename(`${file}.new`, file)
      },
    ],
  ])("announce a file that is %s, without anybody asking, to everyone who listens", async (_, change) => {
    const { url, file } = await setup()
    const clients = [await listen(url), await listen(url, { "last-event-id": "7" })]
    for (const { heard } of clients) await waitFor(() => heard().length === 1)
    await change(file, "id\n1\n2\n")
    for (const { heard, versions } of clients) {
      await waitFor(() => heard().some(({ data }) => data.rows === 2))
      expect(new Set(versions()).size).toBe(versions().length)
      expect(versions().at(-1)).toBe(await currentVersion(url))
    }
  })

  it("announce what is written while the version before is still being made", async () => {
    const { url, file } = await setup({ settle: "300ms" })
    const { heard } = await listen(url)
    await waitFor(() => heard().length === 1)
    for (let rows = 2; rows <= 40; rows++) {
      await writeFile(file, `id\n${"1\n".repeat(rows)}`)
    }
    await waitFor(() => heard().at(-1)?.data.rows === 40)
  })

  it("say nothing when a file is touched, or written again with the same bytes", async () => {
    const { url, folder, file } = await setup()
    const { heard } = await listen(url)
    await waitFor(() => heard().length === 1)
    const published = () => folder.logged.filter(({ event }) => event === "version.published").length
    await writeFile(file, "id\n1\n")
    await waitFor(() => published() === 2)
    await writeFile(file, "id\n2\n")
    await waitFor(() => heard().length > 1)
    expect(heard()).toHaveLength(2)
  })

  it("speak only of the datasets that the token may read", async () => {
    const token = "flatbed_mine"
    const { url, folder } = await setup({
      datasets: { mine: { files: "t.csv" }, hers: { files: "hers.csv" } },
      auth: { tokens: [{ name: "mine", sha256: hashToken(token), datasets: ["mine"] }] },
    })
    await folder.folder.write("hers.csv", "id\n1\n")
    const { heard } = await listen(url, { authorization: `Bearer ${token}` })
    await folder.folder.write("hers.csv", "id\n1\n2\n")
    await waitFor(() =>
      folder.logged.some(
        (line) => line.event === "version.published" && line.dataset === "hers" && line.rows === 2,
      ),
    )
    await folder.folder.write("t.csv", "id\n1\n2\n3\n")
    await waitFor(() => heard().at(-1)?.data.rows === 3)
    expect(new Set(heard().map(({ data }) => data.dataset))).toEqual(new Set(["mine"]))
    expect((await fetch(`${url}/v1/events`)).status).toBe(401)
  })

  it("give a sign of life, so that a dead connection is told from a quiet one", async () => {
    const { url } = await setup({ events: { heartbeat: "20ms" } })
    const { blocks } = await listen(url)
    await waitFor(() => blocks().filter((block) => block.startsWith(":")).length >= 3)
  })

  it("are not cut as late answers are, and end when the source stops", async () => {
    const { url, folder, close } = await setup({
      timeouts: { response: "50ms" },
      events: { heartbeat: "20ms" },
    })
    const { answer, blocks } = await listen(url)
    await waitFor(() => blocks().filter((block) => block.startsWith(":")).length >= 6)
    const ended = once(answer, "end")
    await close()
    await ended
    expect(answer.complete).toBe(true)
    expect(folder.logged.map(({ event }) => event)).not.toContain("response.cut")
  })

  it("have a limit of clients, and take the next one when one has left", async () => {
    const { url, adminUrl } = await setup({ events: { clients: 1 } })
    const first = await listen(url)
    const refused = await fetch(`${url}/v1/events`)
    expect(refused.status).toBe(503)
    expect(refused.headers.get("retry-after")).toBe("10")
    expect(await refused.json()).toMatchObject({ code: "too-busy", facts: { clients: 1 } })
    expect(await (await fetch(`${adminUrl}/metrics`)).text()).toContain("flatbed_source_event_clients 1")
    first.sent.destroy()
    await waitFor(async () => {
      const { answer, sent } = await listen(url)
      if (answer.statusCode !== 200) sent.destroy()
      return answer.statusCode === 200
    })
  })

  it("answer HEAD, and refuse who does not take them", async () => {
    const { url } = await setup()
    const head = await fetch(`${url}/v1/events`, { method: "HEAD" })
    expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/event-stream"])
    const refused = await fetch(`${url}/v1/events`, { headers: { accept: "application/json" } })
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
      406,
      "not-acceptable",
    ])
  })
})
