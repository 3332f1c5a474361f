// If this fails, somebody who reads a log, an error, the output of `config show`, a metric or the ledger reads a password,
// a token or a key: of the service itself, or one that a person put in the wrong place.
import { createHash, randomBytes } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import {
  createTestDatabase,
  type ScriptedSource,
  startProcess,
  startScriptedSource,
  type TemporaryFolder,
  type TestDatabase,
  temporaryFolder,
  testLedger,
} from "@flatbed/testing"
import pg from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { bins } from "./installation.ts"
import { quoteName } from "./quote-name.ts"

/** A kind of secret, and what tells that its occasion came: without that, its absence would prove nothing. */
type Kind = { readonly name: string; readonly secret: string; readonly occasion: RegExp }

const kinds: Kind[] = []
const random = () => randomBytes(6).toString("hex")
/** A secret of its own for a kind; `form` wraps what makes it one of a kind. */
function plant(name: string, occasion: RegExp, form = (canary: string) => `canary-${canary}`): string {
  const secret = form(random())
  kinds.push({ name, secret, occasion })
  return secret
}

/** All that anybody can read: outputs, log files, answers, the ledger. */
const told: string[] = []
let folder: TemporaryFolder
let database: TestDatabase
let admin: pg.Client
let source: ScriptedSource
let role: string

beforeAll(async () => {
  folder = await temporaryFolder()
  database = await createTestDatabase({ template: false })
  admin = new pg.Client({ connectionString: database.url })
  await admin.connect()
  source = await startScriptedSource({
    name: "people",
    columns: [{ name: "id", type: "integer", nullable: true }],
    rows: [["1"], ["2"], ["3"]],
    rowsPerChunk: 1,
  })
})

afterAll(async () => {
  await admin.end()
  await database.drop()
  if (role !== undefined) await dropRole()
  await source.close()
  await folder.remove()
})

async function dropRole(): Promise<void> {
  const server = new URL(database.url)
  server.pathname = "/postgres"
  const client = new pg.Client({ connectionString: server.href })
  await client.connect()
  await client.query(`drop role ${role}`)
  await client.end()
}

/** Runs one of our programs to its end, and keeps what it said. */
async function run(bin: keyof typeof bins, args: string[], env: Record<string, string> = {}): Promise<void> {
  const program = startProcess({ script: bins[bin], args, cwd: folder.path, env })
  await program.end(30_000)
  told.push(program.stdout(), program.stderr())
}

test("mistakes in settings are told without the secrets in them", async () => {
  const tokn = plant(
    "a secret under a key that is none, beside the right one",
    /source\.tokn is not a setting/,
  )
  const map = plant("a map where a secret belongs", /source\.token is a map/)
  const list = plant(
    "a list where a secret belongs, in an included file",
    /more\.yaml:1: database\.url is a list/,
  )
  const login = plant("a login in an address without a scheme", /source\.url is "\*\*\*@files/)
  const standard = plant("a shell's default behind a variable's name", /has \$\{LEVEL…, expected/)
  const braces = plant("a password with braces", /timezone has \$\{…, expected/, (c) => `canary!${c}`)
  const include = plant("a login in an included address", /there is no settings file .*\*\*\*@h/)
  const file = plant("the secret itself in a _FILE variable", /URL_FILE: .*cannot be read from its file/)
  const stray = plant("a variable that names no setting", /FLATBED_LOADER__TOKEN: names no setting/)
  await folder.write(
    "mistakes.yaml",
    `include: [more.yaml, "https://ann:${include}@h/x.yaml"]
source: { url: "http://localhost:4000", tokn: ${tokn}, token: { ${map}: 1 } }
log: { level: "\${LEVEL:-${standard}}" }
timezone: "pa\${${braces}}ss"
pipelines: {}
`,
  )
  await folder.write("more.yaml", `database: { url: [${list}] }\n`)
  await folder.write(
    "login.yaml",
    `source: { url: "ann:${login}@files:4000" }\ndatabase: { url: x }\npipelines: {}\n`,
  )
  const env = { FLATBED_LOADER__TOKEN: stray }
  await run("loader", ["config", "validate", "--config", "mistakes.yaml"], env)
  await run("loader", ["config", "validate", "--config", "mistakes.yaml", "--json"], env)
  await run("loader", ["load", "--config", "login.yaml"], { FLATBED_LOADER__DATABASE__URL_FILE: file })

  const userinfo = plant("a password in the source's address", /source\.url holds a user or a password/)
  const query = plant(
    "a secret in the query of the source's address",
    /source\.url has the path \/x and a query/,
  )
  const letters = plant(
    "a token with a letter that none has",
    /source\.token holds a character/,
    (c) => `canary ${c}`,
  )
  const keywords = plant(
    "a password in an address of another form",
    /database\.url is no address of a Postgres/,
  )
  await folder.write(
    "address.yaml",
    `source: { url: "https://ann:${userinfo}@files/x?sig=${query}", token: "${letters}" }
database: { url: "host=db password=${keywords}" }
pipelines: {}
`,
  )
  await run("loader", ["status", "--config", "address.yaml"])

  const alias = plant(
    "a secret that begins with an asterisk, without quotes",
    /refers to an anchor|Unresolved alias/,
  )
  await folder.write("alias.yaml", `source: { url: "http://h", token: *${alias} }\n`)
  const tag = plant("a secret that begins with an exclamation mark, without quotes", /Unresolved tag;/)
  await folder.write("tag.yaml", `source: { url: "http://h", token: !${tag} }\n`)
  for (const name of ["alias.yaml", "tag.yaml"]) await run("loader", ["config", "show", "--config", name])

  const option = plant("a token on the command line", /unknown option '--token'/)
  await run("loader", ["load", `--token=${option}`])
  const config = plant(
    "a database's address where the settings file's belongs",
    /no settings file postgres:.*\*\*\*@h/,
  )
  await run("loader", ["load", "--config", `postgres://ann:${config}@h/d`])
  const positional = plant(
    "a token where a pipeline's name belongs",
    /There is no pipeline flatbed_\*\*\*/,
    () => `flatbed_${randomBytes(32).toString("base64url")}`,
  )
  await folder.write(
    "plain.yaml",
    'source: { url: "http://127.0.0.1:1" }\ndatabase: { url: "postgres://u@127.0.0.1:1/d" }\npipelines: {}\n',
  )
  await run("loader", ["load", positional, "--config", "plain.yaml"])
})

test("a source at its most talkative tells none of its secrets, and none that it is sent", async () => {
  const key = plant("a private key where its file's path belongs", /tls\.key.*\*\*\*/s)
  const pem = `-----BEGIN PRIVATE KEY-----\\n${key}\\n-----END PRIVATE KEY-----`
  await folder.write("people.csv", "id,mail\n1,a@b.c\n")
  await folder.write("ca.pem", "no certificate\n")
  await folder.write(
    "tls.yaml",
    `tls: { certificate: ca.pem, key: "${pem}" }\ndatasets: { people: { files: people.csv } }\n`,
  )
  await run("source", ["serve", "--config", "tls.yaml"], { FLATBED_SOURCE__LOG__LEVEL: "trace" })

  const pasted = plant(
    "a token where its digest belongs",
    /auth\.tokens\.1\.sha256 is a value not shown here/,
  )
  const listed = plant("a key of the wrong kind", /hash_key is a list/)
  await folder.write(
    "digest.yaml",
    `auth: { tokens: [{ name: a, sha256: ${pasted}, datasets: ["*"] }] }\nhash_key: [${listed}]\ndatasets: {}\n`,
  )
  await run("source", ["check", "--config", "digest.yaml"])

  const hashKey = plant("the key of hashed columns", /hash_key: +"\*\*\*"/)
  const token = plant("a token that may read", /"event":"request.finished"/)
  const stranger = plant("a stranger's token", /sent unknown token/)
  const basic = plant("a password in the wrong scheme", /sent no token/)
  const inQuery = plant("a token in a query", /"event":"source.started"/)
  const digest = createHash("sha256").update(token).digest("hex")
  await folder.write(
    "source.yaml",
    `listen: { port: 0 }
admin: { port: 0 }
settle: 0ms
log: { level: trace }
auth: { tokens: [{ name: a, sha256: "${digest}", datasets: ["*"] }] }
datasets: { people: { files: people.csv, columns: { clean: { mail: [{ hash: hmac }] } } } }
`,
  )
  const env = { FLATBED_SOURCE__HASH_KEY: hashKey }
  await run("source", ["config", "show"], env)
  await run("source", ["config", "show", "--json"], env)
  await run("source", ["check"], env)
  const server = startProcess({ script: bins.source, args: ["serve"], cwd: folder.path, env })
  const { url, admin_url: adminUrl } = await server.waitForEvent("source.started")
  await server.waitForEvent("version.published")
  for (const [path, authorization] of [
    ["/v1/datasets", `Bearer ${token}`],
    ["/v1/datasets/people/chunks/1", `Bearer ${token}`],
    ["/v1/datasets/none", `Bearer ${token}`],
    ["/v1/datasets", `Bearer ${stranger}`],
    ["/v1/datasets", `Basic ${Buffer.from(`ann:${basic}`).toString("base64")}`],
    [`/v1/datasets?access_token=${inQuery}`, `Bearer ${token}`],
    [`/v1/nowhere?token=${inQuery}`, `Bearer ${token}`],
  ] as const) {
    told.push(await (await fetch(`${url}${path}`, { headers: { authorization } })).text())
  }
  for (const path of ["/livez", "/readyz", "/metrics"])
    told.push(await (await fetch(`${adminUrl}${path}`)).text())
  server.kill("SIGTERM")
  await server.end()
  told.push(server.stdout(), server.stderr())
})

test("a loader at its most talkative tells none of its secrets, whatever answers it", async () => {
  const password = plant(
    "the database's password",
    /config show.*database\.url: +"\*\*\*"/s,
    (c) => `canary p@ss/${c}%`,
  )
  kinds.push({ name: "the same, percent-encoded", secret: encodeURIComponent(password), occasion: /./ })
  role = `role_${random()}`
  await admin.query(
    `create role ${role} login password '${password}'; grant create on database ${database.name} to ${role}`,
  )
  await admin.query(`grant usage, create on schema public to ${role}`)
  const url = new URL(database.url)
  url.username = role
  url.password = encodeURIComponent(password)
  const token = plant(
    "the source's token, from a file of its own",
    /"event":"run\.finished"/,
    (c) => `canary.${c}`,
  )
  const pgPassword = plant("PGPASSWORD", /"event":"run\.finished"/)
  const proxy = plant("a proxy's password", /"event":"run\.finished"/)
  const ssl = plant(
    "a secret in the query of the database's address",
    /database-refused|"event":"run\.finished"/,
  )
  url.searchParams.set("sslpassword", ssl)
  await folder.write("token", `${token}\n`)
  await folder.write(
    "loader.yaml",
    `source: { url: "${source.url}" }
database: { url: "\${DATABASE_URL}" }
admin: { port: 0 }
retries: { attempts: 1, cap: 1ms }
log: { level: trace, file: loader.log }
pipelines: { people: { dataset: people, table: people, mode: upsert, key: [id] } }
`,
  )
  const env = {
    DATABASE_URL: url.href,
    FLATBED_LOADER__SOURCE__TOKEN_FILE: join(folder.path, "token"),
    PGPASSWORD: pgPassword,
    HTTPS_PROXY: `http://ann:${proxy}@127.0.0.1:1`,
    HTTP_PROXY: `http://ann:${proxy}@127.0.0.1:1`,
  }
  told.push("config show")
  await run("loader", ["config", "show"], env)
  await run("loader", ["config", "show", "--json"], env)

  const echo = (body: unknown, status: number, headers: Record<string, string> = {}) =>
    source.fault("/v1/datasets/people", {
      kind: "answer",
      answer: {
        status,
        headers: { "content-type": "application/problem+json", ...headers },
        body: Buffer.from(JSON.stringify(body)),
      },
    })
  // Each of these ends a load; the ledger keeps why.
  const request = `GET / HTTP/1.1, Authorization: Bearer ${token}, and bare: ${token}`
  echo(
    {
      code: "dataset-not-found",
      status: 404,
      title: "t",
      detail: request,
      hint: request,
      facts: { said: request },
    },
    404,
  )
  kinds.push({
    name: "an Authorization header that a server repeats",
    secret: token,
    occasion: /Bearer \*\*\*/,
  })
  await run("loader", ["load"], env)
  await run("loader", ["status"], env)
  const location = plant("a login in a redirect", /answered with status 302/)
  echo({}, 302, { location: `https://ann:${location}@elsewhere/?token=${location}` })
  await run("loader", ["load", "--json"], env)
  // Twice, so that the failure is noted for a run as well as for the attempt.
  await run("loader", ["load"], env)
  await admin.query(`create function public.tell() returns trigger language plpgsql as
    $$ begin raise exception 'no entry for password=% and %', '${password.replaceAll("%", "%%")}', '${token}'; end $$`)
  await admin.query(
    "create trigger tell before insert or update on public.people for each row execute function public.tell()",
  )
  source.publish({
    name: "people",
    columns: [{ name: "id", type: "integer", nullable: true }],
    rows: [["4"], ["5"]],
    rowsPerChunk: 1,
  })
  kinds.push({
    name: "a password that Postgres repeats in an error",
    secret: password,
    occasion: /no entry for password=/,
  })
  await run("loader", ["load"], env)
  await run("loader", ["load", "--json"], env)
  const wrong = new URL(url)
  wrong.password = plant("a password that Postgres does not take", /database-refused/)
  await run("loader", ["load"], { ...env, DATABASE_URL: wrong.href })
  await run("loader", ["status", "--json"], env)
  await run("loader", ["runs", "list", "--json"], env)
  await run("loader", ["runs", "show", "2"], env)

  const program = startProcess({ script: bins.loader, args: ["start"], cwd: folder.path, env })
  const line = await program.waitForLine(/health and metrics at (http:\S+)/)
  const adminUrl = /http:\S+/.exec(line)?.[0]
  for (const path of ["/livez", "/readyz", "/metrics"])
    told.push(await (await fetch(`${adminUrl}${path}`)).text())
  program.kill("SIGTERM")
  await program.end()
  told.push(program.stdout(), program.stderr(), await readFile(join(folder.path, "loader.log"), "utf8"))

  const { rows } = await admin.query("select tablename as name from pg_tables where schemaname = $1", [
    testLedger,
  ])
  expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(["attempts", "runs", "rejects"]))
  for (const { name } of rows) {
    const { rows: dump } = await admin.query(
      `select t::text as row from ${quoteName(testLedger)}.${quoteName(name)} as t`,
    )
    told.push(...dump.map(({ row }) => `ledger ${name}: ${row}`))
  }
  expect(told.join("\n")).toMatch(/ledger attempts: .*Postgres|ledger runs: .*no entry for/)
  for (const name of await readdir(folder.path, { recursive: true })) told.push(String(name))
})

test("of twenty kinds and more, each on its occasion, none was told", () => {
  const all = told.join("\n")
  expect(kinds.length).toBeGreaterThanOrEqual(20)
  expect(new Set(kinds.map(({ name }) => name)).size).toBe(kinds.length)
  const missed = kinds.filter(({ occasion }) => !occasion.test(all)).map(({ name }) => name)
  expect(missed, "kinds whose occasion did not come").toEqual([])
  const leaks = kinds.flatMap(({ name, secret }) => {
    const forms = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]
    forms.push(Buffer.from(secret).toString("base64").replace(/=+$/, "").slice(0, -2))
    return forms
      .filter((form) => all.includes(form))
      .map(
        (form) =>
          `${name}: …${all.slice(Math.max(0, all.indexOf(form) - 200), all.indexOf(form) + form.length)}`,
      )
  })
  expect(leaks).toEqual([])
})
