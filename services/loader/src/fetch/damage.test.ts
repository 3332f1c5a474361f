// If this fails, a damaged answer can leave a row behind: nothing of it may be committed, by whatever way it came.
import { createHash } from "node:crypto"
import { formatReprDigest, hashColumns, Problem } from "@flatbed/contract"
import { makeScriptedVersion, type SourceFault } from "@flatbed/testing"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Bench, openBench, people } from "../loader.test-kit.ts"
import { proveChunks } from "./chunk-proof.ts"

const content = people(9, 3)
const { version, manifest, chunks } = makeScriptedVersion(content)
const body = chunks[1] as Buffer

describe("at the proof", () => {
  const [, chunk] = manifest.chunks
  if (chunk === undefined) throw new Error("the content has a second chunk")
  const expected = {
    dataset: "people",
    version,
    columnsSha256: hashColumns(content.columns),
    chunks: [chunk],
  } as const
  const rules = { compression: "none", maxBodyBytes: 2 ** 20 } as const
  const right: Record<string, string> = {
    "content-type": "application/x-ndjson",
    "content-length": String(body.length),
    "repr-digest": formatReprDigest(createHash("sha256").update(body).digest()),
  }
  const prove = (headers: Record<string, string>) =>
    proveChunks({ headers, body }, expected, rules).then(
      () => "accepted",
      (error: unknown) => (error instanceof Problem ? error.code : String(error)),
    )

  test("the right headers are accepted", async () => {
    expect(await prove(right)).toBe("accepted")
  })

  test.each(Object.entries(right))(
    "%s with any bit flipped, or cut anywhere, is refused",
    async (name, value) => {
      for (let bit = 0; bit < value.length * 8; bit += 1) {
        const bytes = Buffer.from(value)
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
        const flipped = bytes.toString("latin1")
        const got = await prove({ ...right, [name]: flipped })
        // Media types are told apart without regard to case (RFC 9110, 8.3.1), and the last character of the
        // digest's base64 has two bits that mean nothing.
        const isSame =
          name === "content-type"
            ? flipped.toLowerCase() === value.toLowerCase()
            : name === "repr-digest" && decode(flipped) === decode(value)
        expect(got, flipped).toBe(isSame ? "accepted" : "chunk-damaged")
      }
      for (let length = 0; length < value.length; length += 1) {
        expect(await prove({ ...right, [name]: value.slice(0, length) }), `${length}`).toBe("chunk-damaged")
      }
    },
  )

  const decode = (field: string) =>
    /^sha-256=:[A-Za-z0-9+/]{43}=:$/.test(field)
      ? Buffer.from(field.slice(9, -1), "base64").toString("hex")
      : field
})

describe("through the loader's front door", () => {
  let bench: Bench
  beforeAll(async () => {
    bench = await openBench(content)
  })
  afterAll(() => bench.close())

  const every = (step: number, to: number) => Array.from({ length: Math.ceil(to / step) }, (_, i) => i * step)
  const framings = ["length", "length-reset", "short-length", "chunked", "close", "gzip"] as const
  const damages: [string, SourceFault][] = [
    ...every(61, body.length * 8).map((bit): [string, SourceFault] => [
      `bit ${bit} flipped`,
      { kind: "flip-body", bit },
    ]),
    ...every(29, body.length).flatMap((keep) =>
      framings.map((framing): [string, SourceFault] => [
        `cut to ${keep} bytes, framed by ${framing}`,
        { kind: "truncate", framing, keep },
      ]),
    ),
  ]

  test(`none of ${damages.length} damages of a chunk commits anything of it, and the right one is loaded afterwards`, async () => {
    // One try each, so that what was damaged is not asked for again.
    const loader = bench.createLoader({
      connections: 1,
      read_ahead: 0,
      retries: { attempts: 1, cap: 1 },
    })
    for (const [what, fault] of damages) {
      bench.source.fault(/\/chunks\/2$/, fault)
      const [outcome] = await loader.load()
      expect(outcome?.outcome, what).toBe("failed")
      expect(["chunk-damaged", "source-unreachable"], what).toContain(
        outcome?.outcome === "failed" ? outcome.problem?.code : "",
      )
      expect(await bench.query("select chunk::integer as chunk from flatbed.chunks"), what).toEqual([
        { chunk: 1 },
      ])
      const [{ name } = { name: "" }] = await bench.query<{ name: string }>(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'flatbed' and tablename ~ 'staging'",
      )
      expect(await bench.query(`select id from ${name} order by id`), what).toEqual([
        { id: 1 },
        { id: 2 },
        { id: 3 },
      ])
      expect(await bench.query("select to_regclass('public.people') as made"), what).toEqual([{ made: null }])
    }
    const [outcome] = await loader.load()
    expect(outcome).toMatchObject({ outcome: "published", rows: 9, fetched: 2 })
    expect(await bench.query("select id, name from public.people order by id")).toEqual(
      content.rows.map(([id, name]) => ({ id: Number(id), name })),
    )
  }, 120_000)
})
