import { createHash } from "node:crypto"
import { describe, expect, test } from "vitest"
import {
  datasetNamePattern,
  formatReprDigest,
  parseReprDigest,
  paths,
  routes,
  versionPattern,
} from "./routes.ts"

const version = createHash("sha256").update("any").digest("hex")

/** What a router makes of a path: the values of a template's parameters, or undefined. Numbers are digits. */
function match(template: string, path: string): Record<string, string> | undefined {
  const values = template.replace(/:([a-z]+)/g, (_, name: string) =>
    /^(?:chunk|first|last|row|file)$/.test(name) ? `(?<${name}>[0-9]+)` : `(?<${name}>[^/]+)`,
  )
  const found = new RegExp(`^${values}$`).exec(path)
  if (found === null) return undefined
  return Object.fromEntries(
    Object.entries(found.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]),
  )
}

describe("addresses", () => {
  test.each([
    ["datasets", paths.datasets(), {}],
    ["dataset", paths.dataset("telecom"), { dataset: "telecom" }],
    ["versions", paths.versions("telecom"), { dataset: "telecom" }],
    ["version", paths.version("telecom", version), { dataset: "telecom", version }],
    ["evidence", paths.evidence("telecom", version), { dataset: "telecom", version }],
    ["chunk", paths.chunk("telecom", version, 12), { dataset: "telecom", version, chunk: "12" }],
    [
      "chunkGroup",
      paths.chunkGroup("telecom", version, 3, 12),
      { dataset: "telecom", version, first: "3", last: "12" },
    ],
    ["rows", paths.rows("telecom", version), { dataset: "telecom", version }],
    ["beginnings", paths.beginnings("telecom", version, 3), { dataset: "telecom", version, file: "3" }],
    ["digests", paths.digests("telecom", version), { dataset: "telecom", version }],
    ["row", paths.row("telecom", version, 3333), { dataset: "telecom", version, row: "3333" }],
    ["preview", paths.preview("telecom"), { dataset: "telecom" }],
    ["events", paths.events(), {}],
    ["openapi", paths.openapi(), {}],
    ["docs", paths.docs(), {}],
    ["currentChunk", paths.currentChunk("telecom", 1), { dataset: "telecom", chunk: "1" }],
  ] satisfies [keyof typeof routes, string, object][])(
    "the path of %s is matched by its template and by no other",
    (name, path, parameters) => {
      expect(match(routes[name], path)).toEqual(parameters)
      const others = Object.values(routes).filter((template) => template !== routes[name])
      expect(others.filter((template) => match(template, path) !== undefined)).toEqual([])
    },
  )

  test("every template has a builder", () => {
    expect(Object.keys(paths).sort()).toEqual(Object.keys(routes).sort())
  })

  test("a name from elsewhere cannot leave its segment", () => {
    expect(match(routes.dataset, paths.dataset("../admin?x#y"))).toEqual({ dataset: "../admin?x#y" })
  })

  test("names and versions come from closed alphabets", () => {
    const name = new RegExp(datasetNamePattern)
    const names = ["telecom", "a", "2024_q1", "my-data", "a".repeat(63)]
    expect(names.filter((word) => !name.test(word))).toEqual([])
    const bad = ["", "A", "-a", "_a", "a.b", "a/b", "..", "a b", "ä", "a\n", "a".repeat(64)]
    expect(bad.filter((word) => name.test(word))).toEqual([])
    const versions = new RegExp(versionPattern)
    expect(versions.test(version)).toBe(true)
    expect(
      [version.toUpperCase(), version.slice(1), `${version}0`, "", `${version}\n`].filter((v) =>
        versions.test(v),
      ),
    ).toEqual([])
  })
})

describe("Repr-Digest", () => {
  // RFC 9530, appendix B.1: the body is `{"hello": "world"}` and a line feed.
  const body = '{"hello": "world"}\n'
  const field = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
  const digest = createHash("sha256").update(body).digest()

  test("is written as in RFC 9530", () => {
    expect(formatReprDigest(digest)).toBe(field)
  })

  const sha512 = `sha-512=:${createHash("sha512").update(body).digest("base64")}:`
  test.each([field, ` ${field} `, `${sha512}, ${field}`, `${field},${sha512}`])("%s is read", (text) => {
    expect(parseReprDigest(text)).toEqual(digest)
  })

  test.each([
    ["none", undefined],
    ["an empty one", ""],
    ["another algorithm", sha512],
    ["two of them", `${field}, ${field}`],
    ["two header lines", [field, field]],
    ["one without colons", field.replaceAll(":", "")],
    ["one cut short", field.slice(0, -3)],
    ["one with another length", "sha-256=:RK/0qy18MlBSVnWgjwz6lQ==:"],
    ["one with foreign letters", field.replace("RK/0", "RK_0")],
    ["one inside another word", `x-${field}`],
    ["hex", `sha-256=${digest.toString("hex")}`],
  ])("%s is not believed", (_name, text) => {
    expect(parseReprDigest(text)).toBeUndefined()
  })
})
