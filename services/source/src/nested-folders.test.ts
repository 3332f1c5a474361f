// If this fails, records that lie in several files become other rows than the same records in one.
import { createRandom, type GeneratedJson, generateJson } from "@flatbed/testing"
import { expect, test } from "vitest"
import { openTestFolder } from "./source.test-kit.ts"

const cases = Number(process.env.FLATBED_TEST_FOLDERS ?? 400)
const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)

/** The records' lines in some files, in their order; the first files may have none. */
function spread({ bytes, spans }: GeneratedJson, files: number, random: ReturnType<typeof createRandom>) {
  const ends = Array.from({ length: files - 1 }, () => random.between(0, spans.length)).sort((a, b) => a - b)
  return [...ends, spans.length].map((end, i) =>
    spans
      .slice(i === 0 ? 0 : ends[i - 1], end)
      .map(({ from, to }) => `${bytes.toString("utf8", from, to)}\n`)
      .join(""),
  )
}

test(`${cases} folders of random nested records are the rows that a plain model makes of all of them (seed ${seed})`, async () => {
  let [told, served] = [0, 0]
  for (let i = 0; told < cases; i += 1) {
    const given = generateJson(seed + i)
    if (given.format !== "ndjson") continue
    told += 1
    const random = createRandom(seed + i)
    const { shape, expected } = given
    const folder = await openTestFolder("unused\n1\n")
    for (const [n, text] of spread(given, random.between(2, 5), random).entries())
      await folder.folder.write(`d/${n}.ndjson`, text)
    const source = await folder.open({
      datasets: {
        t: {
          files: "d/*.ndjson",
          format: "ndjson",
          flatten: shape.separator === false ? false : { separator: shape.separator },
          ...(shape.explode === undefined ? {} : { explode: pointerOf(shape.explode) }),
          chunk: { rows: random.between(1, 5) },
        },
      },
    })
    const what = `seed ${seed + i}`
    const { problem } = await source.settled()
    const code = problem?.code ?? "served"
    // Two places of one name are refused in a file by itself, also where other files tell that one is no column.
    if (/^In d\/\d.ndjson the values at /.test(problem?.detail ?? "")) expect(code).toBe("header-invalid")
    else if (expected?.columns.length === 0) expect(code, what).toBe("file-empty")
    else if (given.isUnexploded) expect(code, what).toBe("records-not-found")
    else if (expected === undefined) expect(code, what).toBe("header-invalid")
    else {
      served += 1
      expect({ what, code, problem }).toEqual({ what, code: "served", problem: undefined })
      const { version, columns, chunks } = await source.manifest()
      const lines = await Promise.all(
        chunks.map(async ({ chunk }) => {
          const { body } = await source.get(`/v1/datasets/t/versions/${version}/chunks/${chunk}`, {
            accept: "application/x-ndjson",
          })
          // Between the chunk's head and its tail.
          return body.trimEnd().split("\n").slice(1, -1)
        }),
      )
      // The order of columns may be another one: each file first tells what it has.
      const names = columns.map(({ name }) => name)
      expect([...names].sort(), what).toEqual([...expected.columns].sort())
      const places = expected.columns.map((name) => names.indexOf(name))
      const rows = lines.flat().map((line): (string | null)[] => JSON.parse(line))
      expect(
        rows.map((row) => places.map((place) => row[place])),
        what,
      ).toEqual(expected.rows)
    }
    await folder.close()
  }
  expect(served).toBeGreaterThan(cases / 2)
}, 3_600_000)

/** RFC 6901. */
function pointerOf(way: readonly string[]): string {
  return way.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")
}
