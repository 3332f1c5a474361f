import { once } from "node:events"
import { writeFile } from "node:fs/promises"
import { connect } from "node:net"
import { join } from "node:path"
import { routes } from "@flatbed/contract"
import { waitFor } from "@flatbed/testing"
import { Validator } from "@seriousme/openapi-schema-validator"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { hashToken } from "../http/guard.ts"
import { openTestFolder, type TestFolder, type TestSource } from "../source.test-kit.ts"
import { startSource } from "../start-source.ts"
import { type Answer, createAnswerCheck } from "./check-answers.test-kit.ts"
import { describeApi } from "./document.ts"

// As a client gets it: through JSON.
const document = JSON.parse(JSON.stringify(describeApi({ version: "0.0.0", secured: true })))
const check = createAnswerCheck(document)
const templates = Object.values(routes).map((route) => route.replace(/:([a-z]+)/g, "{$1}"))
const rowsPath = routes.rows.replace(/:([a-z]+)/g, "{$1}")
const beginningsPath = routes.beginnings.replace(/:([a-z]+)/g, "{$1}")
/** What an address needs behind it. */
const queries: Readonly<Record<string, string>> = { [rowsPath]: "?rows=1,3", [beginningsPath]: "?bytes=9,20" }
const tagged = templates.filter((path) => path !== routes.events)
const dataset = { t: { files: "t.csv", chunk: { rows: 2 }, columns: { types: { id: "integer" } } } }
const csv = "id,zip,on,at\n1,02134,True,2024-01-01\n2,,false,2024-01-02\nx,10115,,\n4,1,true,\n"
const folders: TestFolder[] = []

async function open(written: Record<string, unknown> = {}, content: string = csv) {
  const folder = await openTestFolder(content)
  folders.push(folder)
  const source = await folder.open({ datasets: dataset, ...written })
  return { folder, source }
}

const fill = (path: string, values: Record<string, string | number> = {}) => {
  const all: Record<string, string | number> = {
    dataset: "t",
    version: "0".repeat(64),
    chunk: 1,
    row: 1,
    first: 1,
    last: 2,
    file: 1,
    ...values,
  }
  const query = queries[path] ?? ""
  return path.replace(/\{([a-z]+)\}/g, (_, name: string) => String(all[name])) + query
}

/** Asks with GET and HEAD; answers the statuses, after both were held against the document. */
async function ask(
  { app }: Pick<TestSource, "app">,
  path: string,
  {
    values = {},
    query = "",
    headers = {},
  }: { values?: Record<string, string | number>; query?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const url = fill(path, values) + (path in queries ? query.replace("?", "&") : query)
  const answers = []
  for (const method of ["HEAD", "GET"] as const) {
    const answer = await app.inject({ method, url, headers })
    const seen = { status: answer.statusCode, headers: asText(answer.headers), body: answer.body }
    expect(check.faults(method === "GET" ? "get" : "head", path, seen), `${method} ${url}`).toEqual([])
    answers.push(seen)
  }
  const [head, get] = answers as [Answer, Answer]
  expect(head.status).toBe(get.status)
  return get
}

function asText(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

afterAll(async () => {
  for (const folder of folders) await folder.close()
})

describe("the OpenAPI document", () => {
  it("is one, by the schema of OpenAPI 3.1", async () => {
    const validator = new Validator()
    expect(await validator.validate(document)).toEqual({ valid: true })
    expect(validator.version).toBe("3.1")
  })

  it("describes every address of the contract and of the app, and no other", async () => {
    const { source } = await open()
    expect(Object.keys(document.paths).sort()).toEqual([...templates].sort())
    for (const route of Object.values(routes)) {
      for (const method of ["GET", "HEAD"]) expect(source.app.hasRoute({ method, url: route })).toBe(true)
    }
    // What the router prints, its leaves: one line ends in a method for each route.
    const served = source.app.printRoutes({ commonPrefix: false }).match(/\(GET, HEAD\)/g)
    expect(served).toHaveLength(Object.keys(routes).length)
  })

  it("asks for a token where the source does", () => {
    expect(document.security).toEqual([{ token: [] }])
    expect(describeApi({ version: "0", secured: false }).security).toEqual([])
    const open = templates.filter((path) => document.paths[path].get.security?.length === 0)
    expect(open).toEqual([routes.openapi, routes.docs])
  })

  it("is served, and names nothing that lies on this server", async () => {
    const { source } = await open()
    const answer = await ask(source, routes.openapi)
    const { info, security, ...rest } = JSON.parse(answer.body)
    expect(info.version).toBe("0.1.0")
    expect(security).toEqual([])
    const { info: _info, security: _security, ...described } = document
    expect(rest).toEqual(described)
    expect(answer.body).not.toContain("t.csv")
  })
})

describe("real answers are as the document says", () => {
  let source: TestSource
  let version: string

  beforeAll(async () => {
    source = (await open()).source
    version = (await source.manifest()).version
  })

  it.each(tagged)("%s: 200 in every form, 304 for its tag", async (path) => {
    const types = Object.keys(document.paths[path].get.responses["200"].content)
    for (const accept of types) {
      const answer = await ask(source, path, { values: { version }, headers: { accept } })
      expect([answer.status, answer.headers["content-type"]?.split(";")[0]]).toEqual([
        200,
        accept.split(";")[0],
      ])
      const tag = answer.headers.etag ?? ""
      const again = await ask(source, path, {
        values: { version },
        headers: { accept, "if-none-match": tag },
      })
      expect(again.status).toBe(304)
    }
  })

  it("every line of a chunk for the loader is one of the document's parts", async () => {
    const headers = { accept: "application/x-ndjson" }
    const path = "/v1/datasets/{dataset}/versions/{version}/chunks/{chunk}"
    const chunk = await ask(source, path, { values: { version, chunk: 2 }, headers })
    const [head, reject, cells, tail] = chunk.body
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(check.faultsOfPart("ChunkHead", head)).toEqual([])
    expect(check.faultsOfPart("ChunkReject", reject)).toEqual([])
    expect(check.faultsOfPart("ChunkCells", cells)).toEqual([])
    expect(check.faultsOfPart("ChunkTail", tail)).toEqual([])
  })

  it.each(templates)("%s: 400 for a token in the address", async (path) => {
    expect((await ask(source, path, { query: "?access_token=x" })).status).toBe(400)
  })

  it.each(templates)("%s: 406 when nothing fits", async (path) => {
    const headers =
      path === routes.events ? { accept: "image/png" } : { "accept-encoding": "br, identity;q=0" }
    expect((await ask(source, path, { values: { version }, headers })).status).toBe(406)
  })

  it.each<[string, Record<string, string | number>, string]>([
    ["/v1/datasets/{dataset}", { dataset: "none" }, "dataset-not-found"],
    ["/v1/datasets/{dataset}/preview", { dataset: "none" }, "dataset-not-found"],
    ["/v1/datasets/{dataset}/versions", { dataset: "none" }, "dataset-not-found"],
    ["/v1/datasets/{dataset}/versions/{version}", {}, "version-not-found"],
    ["/v1/datasets/{dataset}/versions/{version}/evidence", {}, "version-not-found"],
    ["/v1/datasets/{dataset}/versions/{version}/chunks/{chunk}", {}, "version-not-found"],
    ["/v1/datasets/{dataset}/versions/{version}/chunks/{first}-{last}", {}, "version-not-found"],
    ["/v1/datasets/{dataset}/versions/{version}/rows/{row}", {}, "version-not-found"],
    ["/v1/datasets/{dataset}/versions/{version}/rows", {}, "version-not-found"],
    ["/v1/datasets/{dataset}/versions/{version}/files/{file}/beginnings", {}, "version-not-found"],
    ["/v1/datasets/{dataset}/versions/{version}/digests", {}, "version-not-found"],
    ["/v1/datasets/{dataset}/chunks/{chunk}", { chunk: 99 }, "chunk-out-of-range"],
  ])("%s: 404 for %o", async (path, values, code) => {
    const answer = await ask(source, path, { values })
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([404, code])
  })

  it("404 for a chunk and a row that the version does not have", async () => {
    const base = "/v1/datasets/{dataset}/versions/{version}"
    const chunk = await ask(source, `${base}/chunks/{chunk}`, { values: { version, chunk: 9 } })
    const row = await ask(source, `${base}/rows/{row}`, { values: { version, row: 99 } })
    expect([JSON.parse(chunk.body).code, JSON.parse(row.body).code]).toEqual([
      "chunk-out-of-range",
      "row-out-of-range",
    ])
  })

  it("401 at every address that asks for a token", async () => {
    const auth = { tokens: [{ name: "x", sha256: hashToken("x"), datasets: ["*"] }] }
    const { source: guarded } = await open({ auth })
    for (const path of templates.filter((one) => document.paths[one].get.security === undefined)) {
      for (const headers of [{}, { authorization: "Bearer y" }]) {
        expect((await ask(guarded, path, { headers })).status).toBe(401)
      }
    }
  })

  const ofContent = templates.filter((path) => document.paths[path].get.responses["409"] !== undefined)

  it("409 while the file is refused, and 503 while it is being read", async () => {
    const { source: refused } = await open({}, 'id"\n1\n')
    await refused.settled()
    const { source: waiting } = await open({ settle: "1h" })
    for (const path of ofContent) {
      expect((await ask(refused, path)).status).toBe(409)
      const answer = await ask(waiting, path)
      expect([answer.status, JSON.parse(answer.body).code]).toEqual([503, "indexing"])
    }
  })

  it("410 once the version's bytes are no longer there", async () => {
    const { folder, source: first } = await open()
    const gone = (await first.manifest()).version
    // Its index is known, so it serves at once; the edited file is not looked at for an hour.
    const reopen = async () => {
      await writeFile(join(folder.folder.path, "t.csv"), csv)
      const one = await folder.open({ datasets: dataset })
      await one.settled()
      await one.close()
      const next = await folder.open({ datasets: dataset, settle: "1h" })
      await waitFor(async () => (await next.settled()).version === gone)
      await writeFile(join(folder.folder.path, "t.csv"), csv.replace("02134", "99999"))
      return next
    }
    for (const path of ofContent) {
      const next = await reopen()
      // A manifest needs no bytes of the file: somebody else has to find that they are gone.
      if (/\{version\}(\/evidence)?$/.test(path)) await next.get("/v1/datasets/t/chunks/1")
      const answer = await next.app.inject(fill(path, { version: gone }))
      const seen = { status: answer.statusCode, headers: asText(answer.headers), body: answer.body }
      expect(check.faults("get", path, seen)).toEqual([])
      expect([path, seen.status]).toEqual([path, 410])
    }
  })

  it("events: a stream of VersionPublished, 503 beyond the limit; 503 everywhere while the source stops", async () => {
    const rows = 200
    const folder = await openTestFolder(`id,name\n${`1,${"x".repeat(80_000)}\n`.repeat(rows)}`)
    folders.push(folder)
    const settings = await folder.settings({
      datasets: { t: { files: "t.csv", chunk: { rows } } },
      events: { clients: 1 },
      timeouts: { stop: "20s" },
    })
    const running = await startSource(settings, folder)
    await waitFor(() => folder.logged.some(({ event }) => event === "version.published"))
    const seen = async (path: string, signal?: AbortSignal) => {
      const answer = await fetch(running.url + fill(path), signal === undefined ? {} : { signal })
      return { status: answer.status, headers: Object.fromEntries(answer.headers), answer }
    }
    const leave = new AbortController()
    const stream = await seen(routes.events, leave.signal)
    const reader = stream.answer.body?.getReader()
    const decoder = new TextDecoder()
    let text = ""
    while (!text.includes("data: ")) text += decoder.decode((await reader?.read())?.value, { stream: true })
    expect(check.faults("get", routes.events, { ...stream, body: text })).toEqual([])
    expect(check.faultsOfPart("VersionPublished", JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? ""))).toEqual(
      [],
    )
    const full = await seen(routes.events)
    expect(check.faults("get", routes.events, { ...full, body: await full.answer.text() })).toEqual([])
    expect(full.status).toBe(503)
    leave.abort()

    // An answer that nobody reads keeps the source from ending.
    const socket = connect(Number(new URL(running.url).port), "127.0.0.1").pause()
    socket.on("error", () => {})
    await once(socket, "connect")
    socket.write(`GET ${fill("/v1/datasets/{dataset}/chunks/{chunk}")} HTTP/1.1\r\nhost: x\r\n\r\n`)
    const metrics = async () => (await fetch(`${running.adminUrl}/metrics`)).text()
    await waitFor(async () => !(await metrics()).includes("flatbed_source_in_flight_bytes 0\n"))
    const closed = running.close()
    for (const path of templates) {
      const answer = await seen(path)
      expect(check.faults("get", path, { ...answer, body: await answer.answer.text() })).toEqual([])
      expect([path, answer.status]).toEqual([path, 503])
    }
    socket.destroy()
    await closed
  })

  it("and every answer in the document was met, but for a bug's and those to HEAD while it stops", () => {
    const headToo = check.unmet().filter((one) => !/ 500\b/.test(one))
    expect(
      headToo.filter((one) => !/^head .* (?:503|410)$/.test(one) && one !== "head /v1/events 200"),
    ).toEqual([])
  })
})

describe("the page for people", () => {
  it("shows every address with lines to try, each of which works as it stands", async () => {
    const { source } = await open()
    const { version } = await source.manifest()
    const page = (await source.get(routes.docs, { host: "files.example:4000" })).body
    for (const path of templates) expect(page).toContain(`GET ${path}`)
    const lines = [...page.matchAll(/^(?:<pre>)?curl (.*?)(?:<\/pre>)?$/gm)].map((match) => match[1] ?? "")
    expect(lines.length).toBeGreaterThanOrEqual(templates.length)
    for (const line of lines) {
      const [, flags, accept, path] =
        /^(-sN?)(?: -H &#39;Accept: (.*)&#39;)? (?:&quot;)?http:\/\/files\.example:4000([^\s&]+)(?:&quot;)?$/.exec(
          line,
        ) ?? []
      expect(path, line).toBeDefined()
      if (flags === "-sN") continue
      const headers: Record<string, string> = accept === undefined ? {} : { accept }
      const answer = await source.get((path ?? "").replace("$VERSION", version), headers)
      expect([line, answer.statusCode]).toEqual([line, 200])
    }
  })

  it("says where a version comes from, before the lines that need one", async () => {
    const { source } = await open()
    const { version } = await source.manifest()
    const page = (await source.get(routes.docs, { host: "files.example:4000" })).body
    const blocks = [...page.matchAll(/<pre>(.*?)<\/pre>/gs)].map((match) => match[1] ?? "")
    const needing = blocks.filter((block) => block.includes("$VERSION"))
    expect(needing.length).toBe(templates.filter((path) => path.includes("{version}")).length)
    for (const block of needing) {
      const [, path = ""] =
        /^VERSION=\$\(curl -s http:\/\/files\.example:4000(\S+) \| jq -r \.version\)\n/.exec(block) ?? []
      expect((await source.get(path)).json()).toMatchObject({ version })
    }
  })

  it("loads and runs nothing from anywhere", async () => {
    const { source } = await open()
    const answer = await source.get(routes.docs)
    expect(answer.headers["content-security-policy"]).toMatch(/^default-src 'none'; style-src 'sha256-/)
    expect(answer.body).not.toMatch(/<script|<img|<link|<iframe|\bsrc=|url\(|@import/)
    expect([...answer.body.matchAll(/href="([^"]*)"/g)].map((match) => match[1])).toEqual(["/openapi.json"])
  })

  it("puts no host into its lines that is none, and no dataset that needs a token", async () => {
    const { source } = await open()
    const answer = await source.get(routes.docs, { host: "x;rm -rf<b>" })
    expect(answer.body).not.toContain("rm -rf")
    const auth = { tokens: [{ name: "x", sha256: hashToken("x"), datasets: ["*"] }] }
    const { source: guarded } = await open({ auth })
    const page = (await guarded.get(routes.docs)).body
    expect(page).toContain("/v1/datasets/DATASET/chunks/1")
    expect(page).toContain("Authorization: Bearer $FLATBED_TOKEN")
    expect(page).toMatch(
      /VERSION=\$\(curl -s -H &quot;Authorization: Bearer \$FLATBED_TOKEN&quot; \S+\/DATASET \|/,
    )
  })
})
