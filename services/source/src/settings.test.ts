import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterEach, describe, expect, it } from "vitest"
import { readSourceSettings } from "./settings.ts"

let folder: TemporaryFolder | undefined
const digest = "0".repeat(64)

async function read(yaml: string, env: Record<string, string> = {}) {
  folder = await temporaryFolder()
  const file = await folder.write("source.yaml", yaml)
  return { ...(await readSourceSettings({ file, env })), folder: folder.path }
}

async function refusal(yaml: string, env?: Record<string, string>): Promise<string> {
  const thrown = await read(yaml, env).then(
    () => undefined,
    (error: Error & { code: string }) => error,
  )
  expect(thrown?.code).toBe("settings-invalid")
  return thrown?.message ?? ""
}

afterEach(async () => {
  await folder?.remove()
})

describe("source.yaml", () => {
  it("may be empty: every setting but the datasets has a default", async () => {
    const { settings, folder } = await read("datasets: {}\n")
    expect(settings).toMatchObject({
      listen: { host: "127.0.0.1", port: 4000 },
      admin: { host: "127.0.0.1", port: 4001 },
      root: folder,
      cache: join(folder, ".flatbed/source"),
      auth: "none",
      settle: 2_000,
      scan_interval: 30_000,
      keep_versions: 600_000,
      buffer_budget: 32 * 1024 * 1024,
      log: { level: "info" },
    })
  })

  it("is read as DESIGN writes it", async () => {
    const { settings } = await read(
      [
        "datasets:",
        "  telecom:",
        "    files: telecom/telecom.csv",
        "    columns: { drop: [state, account length, area code] }",
        "    chunk: { rows: 1000 }",
      ].join("\n"),
      { FLATBED_SOURCE__LISTEN__PORT: "4010" },
    )
    expect(settings.listen.port).toBe(4010)
    expect(settings.datasets.telecom).toMatchObject({
      files: "telecom/telecom.csv",
      columns: { drop: ["state", "account length", "area code"], rename: {}, types: {} },
      chunk: { rows: 1000 },
      dialect: { delimiter: ",", quote_char: '"', encoding: "utf-8" },
    })
  })

  it.each([
    ["listen: { host: 0.0.0.0 }", "listen.host"],
    ["listen: { host: files.example.org }", "listen.host"],
    ["admin: { host: '::' }", "admin.host"],
    ["auth: tokens", "auth"],
    [
      "datasets: { Tele: { files: a.csv } }",
      "datasets.Tele is no name that is allowed here, expected a name of lower-case letters, digits",
    ],
    ["datasets: { t: {} }", "datasets.t.files"],
    [
      "datasets: { t: { files: [] } }",
      'datasets.t.files is a list, expected a path, a folder, a pattern such as "sales/*.csv", or a list of these',
    ],
    ["datasets: { t: { files: a.csv, done_marker: done/x } }", "datasets.t.done_marker"],
    [
      "datasets: { t: { files: a.csv, checksum: '' } }",
      'expected a file\'s name, such as "{name}.sha256" or "SHA256SUMS"',
    ],
    ["datasets: { t: { files: a.csv, chunk: { rows: 1, bytes: 1MiB } } }", "datasets.t.chunk"],
    ["datasets: { t: { files: a.csv, chunk: { rows: 0 } } }", "datasets.t.chunk.rows"],
    ["datasets: { t: { files: a.csv, chunk: { bytes: 0B } } }", "datasets.t.chunk.bytes"],
    ["datasets: { t: { files: a.csv, dialect: { delimiter: '||' } } }", "datasets.t.dialect.delimiter"],
    ["datasets: { t: { files: a.csv, dialect: { delimiter: '§' } } }", "datasets.t.dialect.delimiter"],
    [
      "datasets: { t: { files: a.csv, dialect: { delimiter: '||' } } }",
      "2 characters; expected one ASCII character",
    ],
    ["datasets: { t: { files: a.csv, dialect: { delimiter: '' } } }", "datasets.t.dialect.delimiter"],
    ["datasets: { t: { files: a.csv, dialect: { quote_char: ',' } } }", "datasets.t.dialect.quote_char"],
    [
      "datasets: { t: { files: a.csv, dialect: { quote: '~' } } }",
      "dialect.quote is not a setting; expected one of delimiter, quote_char",
    ],
    ["datasets: { t: { files: a.csv, dialect: { quote_char: ab } } }", "datasets.t.dialect.quote_char"],
    [
      "datasets: { t: { files: a.csv, dialect: { quote_char: tab } } }",
      'datasets.t.dialect.quote_char is "tab", expected one ASCII character',
    ],
    ["datasets: { t: { files: a.csv, dialect: { escape_char: ',' } } }", "datasets.t.dialect.escape_char"],
    [
      "datasets: { t: { files: a.csv, dialect: { escape_char: x, quote_char: '' } } }",
      "datasets.t.dialect.escape_char",
    ],
    [
      "datasets: { t: { files: a.csv, dialect: { escape_char: x, double_quote: true } } }",
      "datasets.t.dialect.double_quote",
    ],
    ["datasets: { t: { files: a.csv, dialect: { comment_char: '\"' } } }", "datasets.t.dialect.comment_char"],
    ["datasets: { t: { files: a.csv, dialect: { comment_char: ',' } } }", "datasets.t.dialect.comment_char"],
    ["datasets: { t: { files: a.csv, dialect: { fields: [] } } }", "datasets.t.dialect.fields"],
    ["datasets: { t: { files: a.csv, dialect: { skip_lines: -1 } } }", "datasets.t.dialect.skip_lines"],
    [
      "datasets: { t: { files: a.csv, dialect: { line_terminator: lf } } }",
      "datasets.t.dialect.line_terminator",
    ],
    ["datasets: { t: { files: a.csv, dialect: { ragged: skip } } }", "datasets.t.dialect.ragged"],
    [
      "datasets: { t: { files: a.csv, dialect: { reader: bytes, ragged: pad } } }",
      'datasets.t.dialect.reader is bytes, which cannot read ragged: "pad"; expected csv-parse',
    ],
    ["datasets: { t: { files: a.csv, columns: { select: [a], drop: [b] } } }", "datasets.t.columns.drop"],
    ["datasets: { t: { files: a.csv, columns: { select: [a, a] } } }", "datasets.t.columns.select"],
    ["datasets: { t: { files: a.csv, columns: { types: { a: varchar } } } }", "datasets.t.columns.types.a"],
    ["buffer_budget: 0B", "buffer_budget"],
    ["events: { heartbeat: 0ms }", "events.heartbeat"],
    ["events: { clients: 0 }", "events.clients"],
    ["tls: { certificate: c.pem }", "tls.key"],
    ["tls: { certificate: c.pem, key: k.pem, minimum: TLSv1.1 }", "tls.minimum"],
    ["auth: { tokens: [] }", "auth.tokens"],
    ["auth: { token: x }", "auth"],
    [`auth: { tokens: [{ name: a, sha256: "${digest}" }] }`, "auth.tokens.1.datasets"],
    [`auth: { tokens: [{ name: a, sha256: "${digest}", datasets: [] }] }`, "auth.tokens.1.datasets"],
    [`auth: { tokens: [{ name: a b, sha256: "${digest}", datasets: ["*"] }] }`, "auth.tokens.1.name"],
    ["settle: 2", "settle"],
    ["setle: 2s", "settle"],
  ])("refuses %s and names %s", async (yaml, path) => {
    expect(await refusal(`${yaml}\n`)).toContain(path)
  })

  it("takes tokens, and with them a host beyond loopback", async () => {
    const tokens = [{ name: "loader", sha256: digest, datasets: ["*"] }]
    const { settings } = await read(JSON.stringify({ listen: { host: "0.0.0.0" }, auth: { tokens } }))
    expect(settings.auth).toEqual({ tokens })
  })

  it("refuses a token for a dataset that is not there, and the same token twice", async () => {
    const token = (datasets: string[]) => ({ name: "loader", sha256: digest, datasets })
    const auth = { tokens: [token(["telecon"]), token(["*"])] }
    const message = await refusal(JSON.stringify({ auth, datasets: { telecom: { files: "a.csv" } } }))
    expect(message).toContain(
      'auth.tokens.1.datasets names "telecon", which is no dataset; did you mean "telecom"?',
    )
    expect(message).toContain("auth.tokens.2.sha256 is that of token 1 too")
  })

  it("does not show a token that was written where its digest belongs", async () => {
    const auth = { tokens: [{ name: "loader", sha256: "flatbed_secret", datasets: ["*"] }] }
    const message = await refusal(JSON.stringify({ auth }))
    expect(message).toContain("auth.tokens.1.sha256")
    expect(message).toContain("flatbed-source token new")
    expect(message).not.toContain("flatbed_secret")
  })

  it("finds certificate and key beside itself", async () => {
    const { settings, folder } = await read("tls: { certificate: tls/c.pem, key: tls/k.pem }\n")
    expect(settings.tls).toEqual({
      certificate: join(folder, "tls/c.pem"),
      key: join(folder, "tls/k.pem"),
      minimum: "TLSv1.2",
    })
  })

  it.each([
    [
      "windows-1225",
      'dialect.encoding is "windows-1225", which is no encoding\'s name; did you mean windows-1252?',
    ],
    ["latin-1", "did you mean latin1?"],
    ["klingon", "expected one such as utf-8, windows-1252 or utf-16le"],
    ["sjis", "is shift_jis, which is not read; convert the file: iconv -f SHIFT_JIS -t UTF-8"],
  ])("refuses the encoding %s and says what to write", async (encoding, expected) => {
    const datasets = { t: { files: "a.csv", dialect: { encoding } } }
    expect(await refusal(JSON.stringify({ datasets }))).toContain(expected)
  })

  it.each([
    [{ quote_char: "" }, 'quote_char: ""'],
    [{ quote_char: "." }, 'quote_char: "."'],
    [{ delimiter: "-", comment_char: "#" }, 'delimiter: "-", comment_char: "#"'],
    [{ escape_char: "\\" }, 'escape_char: "\\\\"'],
    [{ double_quote: false }, "double_quote: false"],
    [
      { line_terminator: "cr", blank_lines: "skip", nul: "strip" },
      'line_terminator: "cr", blank_lines: "skip", nul: "strip"',
    ],
  ])("refuses the fast reader for %j and names what it cannot read", async (signs, foreign) => {
    const datasets = { t: { files: "a.csv", dialect: { reader: "bytes", ...signs } } }
    expect(await refusal(JSON.stringify({ datasets }))).toContain(
      `dialect.reader is bytes, which cannot read ${foreign}; expected csv-parse`,
    )
  })

  it("takes the fast reader for what it reads", async () => {
    const dialect = { reader: "bytes", delimiter: "tab", quote_char: "'", skip_lines: 2, header: false }
    const { settings } = await read(JSON.stringify({ datasets: { t: { files: "a.csv", dialect } } }))
    expect(settings.datasets.t?.dialect).toMatchObject(dialect)
  })

  it("says that a host beyond loopback needs auth", async () => {
    expect(await refusal("listen: { host: 0.0.0.0 }\n")).toContain("auth: none")
  })

  it("names every problem at once", async () => {
    const message = await refusal("listen: { host: 0.0.0.0 }\nadmin: { host: 0.0.0.0 }\nrecord_limit: 0B\n")
    for (const path of ["listen.host", "admin.host", "record_limit"]) expect(message).toContain(path)
  })

  it.each(["127.0.0.1", "127.1.2.3", "::1", "localhost"])("listens on %s", async (host) => {
    expect((await read(`listen: { host: "${host}" }\n`)).settings.listen.host).toBe(host)
  })

  it("reads what the demo has written, where there is one", async () => {
    const file = join(import.meta.dirname, "../../../data/source.yaml")
    expect(await readFile(file, "utf8")).toContain("telecom")
    expect((await readSourceSettings({ file, env: {} })).settings.datasets).toHaveProperty("telecom")
  })
})
