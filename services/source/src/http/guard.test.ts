import { type ProblemDocument, paths, routes } from "@flatbed/contract"
import { createRandom } from "@flatbed/testing"
import { afterEach, describe, expect, it } from "vitest"
import { openTestFolder, type TestFolder } from "../source.test-kit.ts"
import { createGrants, hashToken } from "./guard.ts"

const open: TestFolder[] = []
const tokens = {
  all: "flatbed_all_0000000000000000000000000000000000000",
  mine: "flatbed_mine_000000000000000000000000000000000000",
  next: "flatbed_next_000000000000000000000000000000000000",
} as const
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** Datasets mine1 and hers2; `mine` and `next` see the first only. */
async function setup(written: Record<string, unknown> = {}) {
  const folder = await openTestFolder("id,name\n1,Ann\n")
  open.push(folder)
  folder.log.level = "trace"
  const grant = (name: string, token: string, datasets: string[]) => ({
    name,
    sha256: hashToken(token),
    datasets,
  })
  const source = await folder.open({
    datasets: { mine1: { files: "t.csv" }, hers2: { files: "t.csv" } },
    auth: {
      tokens: [
        grant("all", tokens.all, ["*"]),
        grant("mine", tokens.mine, ["mine1"]),
        grant("mine", tokens.next, ["mine1"]),
      ],
    },
    ...written,
  })
  for (const name of ["mine1", "hers2"]) await source.catalog.datasets.find((d) => d.name === name)?.settled()
  return { ...source, folder }
}

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close()
})

describe("a source with tokens", () => {
  it.each([
    ["no Authorization", {}, undefined],
    ["another scheme", { authorization: "Basic YTpi" }, undefined],
    ["an unknown token", bearer("flatbed_unknown"), "invalid_token"],
    ["no token after the scheme", { authorization: "Bearer" }, undefined],
    ["a token cut short", bearer(tokens.all.slice(0, -1)), "invalid_token"],
    ["a token with more behind it", bearer(`${tokens.all}0`), "invalid_token"],
    ["a token in other letters", bearer(tokens.all.toUpperCase()), "invalid_token"],
    ["two tokens", bearer(`${tokens.all} ${tokens.mine}`), "invalid_token"],
    ["the token's digest instead of it", bearer(hashToken(tokens.all)), "invalid_token"],
  ])("refuses %s", async (_, headers, error) => {
    const { get } = await setup()
    const answer = await get("/v1/datasets", headers as Record<string, string>)
    expect(answer.statusCode).toBe(401)
    expect(answer.json<ProblemDocument>()).toMatchObject({ code: "unauthorized" })
    expect(answer.headers["cache-control"]).toBe("no-store")
    expect(answer.headers["www-authenticate"]).toBe(
      error === undefined ? 'Bearer realm="flatbed"' : `Bearer realm="flatbed", error="${error}"`,
    )
  })

  it("takes a token in any spelling of the scheme, and both while one replaces the other", async () => {
    const { get } = await setup()
    for (const authorization of [
      `Bearer ${tokens.mine}`,
      `bearer ${tokens.mine}`,
      `BEARER   ${tokens.next}`,
    ]) {
      expect((await get(paths.dataset("mine1"), { authorization })).statusCode).toBe(200)
    }
  })

  it("lists only what the token may read", async () => {
    const { get } = await setup()
    const names = async (token: string) =>
      (await get("/v1/datasets", bearer(token))).json().datasets.map(({ name }: { name: string }) => name)
    expect(await names(tokens.all)).toEqual(["mine1", "hers2"])
    expect(await names(tokens.mine)).toEqual(["mine1"])
  })

  it("answers for a dataset out of scope exactly as for one that is not there", async () => {
    const { get } = await setup()
    const current = (await get(paths.dataset("hers2"), bearer(tokens.all))).json()
    const etag = (await get(paths.currentChunk("hers2", 1), bearer(tokens.all))).headers.etag as string
    for (const path of [
      paths.dataset("hers2"),
      paths.version("hers2", current.version),
      paths.chunk("hers2", current.version, 1),
      paths.chunkGroup("hers2", current.version, 1, 1),
      paths.row("hers2", current.version, 1),
      `${paths.rows("hers2", current.version)}?rows=1`,
      `${paths.beginnings("hers2", current.version, 1)}?bytes=1`,
      paths.digests("hers2", current.version),
      paths.currentChunk("hers2", 1),
      paths.currentChunk("hers2", 99),
    ]) {
      const headers = { ...bearer(tokens.mine), "if-none-match": etag }
      const forbidden = await get(path, headers)
      const unknown = await get(path.replace("hers2", "none3"), headers)
      expect(forbidden.statusCode).toBe(404)
      expect(forbidden.body).toBe(unknown.body.replaceAll("none3", "hers2"))
      const withoutDate = ({ date: _, ...rest }: Record<string, unknown>) => rest
      expect(withoutDate(forbidden.headers)).toEqual(withoutDate(unknown.headers))
    }
    // Near to hers2, of which the hint must not speak.
    expect((await get(paths.dataset("hers"), bearer(tokens.mine))).body).not.toContain("hers2")
    expect((await get(paths.dataset("hers"), bearer(tokens.all))).body).toContain("hers2")
  })

  it("asks for a token at every address but the two that describe the source, and names no dataset there", async () => {
    const { app, get } = await setup()
    const isOpen = (route: string) => route === routes.openapi || route === routes.docs
    for (const route of [...Object.values(routes), "/", "/nowhere", "/v1"]) {
      if (!route.includes(":") && !isOpen(route) && !app.hasRoute({ method: "GET", url: route })) {
        expect((await get(route, bearer(tokens.all))).statusCode).toBe(404)
      }
      const answer = await get(route.replaceAll(/:[a-z]+/g, "1"))
      expect([route, answer.statusCode]).toEqual([route, isOpen(route) ? 200 : 401])
      expect(answer.body).not.toMatch(/mine1|hers2/)
    }
  })

  it("refuses a token in the address, whoever sends it", async () => {
    const { get, folder } = await setup()
    for (const name of ["access_token", "token", "Authorization"]) {
      for (const headers of [{}, bearer(tokens.all)]) {
        const answer = await get(`/v1/datasets?${name}=${tokens.all}`, headers as Record<string, string>)
        expect(answer.statusCode).toBe(400)
        expect(answer.json()).toMatchObject({ code: "request-invalid" })
        expect(answer.body).not.toContain(tokens.all)
      }
    }
    expect(JSON.stringify(folder.logged)).not.toContain(tokens.all)
  })

  it("keeps every token out of the log, at its most talkative", async () => {
    const { get, folder } = await setup()
    await get("/v1/datasets", bearer(tokens.all))
    await get("/v1/datasets", bearer("flatbed_unknown_token"))
    await get(`/v1/datasets/${tokens.mine}?x=${tokens.next}`, bearer(tokens.mine))
    await get(`/nowhere/${tokens.mine}`, bearer(tokens.mine))
    const log = JSON.stringify(folder.logged)
    expect(folder.logged.filter(({ event }) => event === "request.finished")).toHaveLength(4)
    for (const token of [...Object.values(tokens), "flatbed_unknown_token"]) expect(log).not.toContain(token)
    for (const token of Object.values(tokens)) expect(log).not.toContain(hashToken(token))
    expect(folder.logged.filter(({ event }) => event === "request.refused")).toMatchObject([
      { from: "127.0.0.1", reason: "unknown token" },
    ])
  })

  it("lets nothing past in 5,000 requests of every kind", { timeout: 60_000 }, async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
    const { get, app } = await setup()
    const version = (await get(paths.dataset("hers2"), bearer(tokens.all))).json().version
    const random = createRandom(seed)
    const damage: ((token: string) => string)[] = [
      () => "",
      (token) => token.slice(0, random.between(0, token.length - 1)),
      (token) => token + random.pick(["0", "=", " x", ","]),
      (token) => token.replace("0", "1"),
      (token) => token.split("").reverse().join(""),
      (token) => hashToken(token),
      (token) => Buffer.from(token).toString("base64"),
      (token) => `${token.slice(0, 20)}\u00e9${token.slice(20)}`,
      (token) => token.toUpperCase(),
    ]
    const schemes = ["Bearer ", "bearer ", "Basic ", "Bearer", "Token ", "", "Bearer\t", "Digest "]
    const passed: string[] = []
    for (let n = 0; n < 5_000; n++) {
      const route = random.pick(
        Object.values(routes).filter((r) => r !== routes.openapi && r !== routes.docs),
      )
      const url = route
        .replace(":dataset", random.pick(["hers2", "mine1", "none3"]))
        .replace(":version", version)
        .replace(/:[a-z]+/, "1")
      // A good token asks for what is hers; a damaged one for anything.
      const good = random.chance(0.2) && url.includes("hers2")
      const token = random.pick(Object.values(tokens))
      const authorization = good ? `Bearer ${tokens.mine}` : random.pick(schemes) + random.pick(damage)(token)
      const method = random.pick(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] as const)
      const answer = await app.inject({
        method,
        url,
        headers: random.chance(0.05) && !good ? {} : { authorization },
      })
      const expected = good || !["GET", "HEAD"].includes(method) ? 404 : 401
      if (answer.statusCode !== expected || answer.body.includes("Ann")) {
        passed.push(`${method} ${url} ${authorization}: ${answer.statusCode}`)
      }
    }
    expect(passed, `seed ${seed}`).toEqual([])
  })
})

describe("a source without tokens", () => {
  it("answers whoever reaches it, also with a token", async () => {
    const { get } = await setup({ auth: "none" })
    expect((await get("/v1/datasets")).statusCode).toBe(200)
    expect((await get("/v1/datasets", bearer("flatbed_old"))).statusCode).toBe(200)
  })
})

describe("grants", () => {
  it("know a token by its SHA-256 alone, in either case of its digits", () => {
    // FIPS 180-2, appendix B.1: the digest of "abc".
    const sha256 = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"
    const find = createGrants([{ name: "abc", sha256, datasets: ["t"] }])
    expect(find("abc")?.name).toBe("abc")
    expect(find("abd")).toBeUndefined()
    expect(find("abc")?.mayRead("t")).toBe(true)
    expect(find("abc")?.mayRead("u")).toBe(false)
  })
})
