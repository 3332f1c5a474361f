import { createHash } from "node:crypto"
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { type Dataset, type Manifest, paths } from "@flatbed/contract"
import { waitFor } from "@flatbed/testing"
import { afterEach, describe, expect, it } from "vitest"
import { checkCommand } from "./check.ts"
import { runCommand } from "./command.test-kit.ts"
import { exportCommand } from "./export.ts"
import { openTestFolder, type TestFolder, type TestSource } from "./source.test-kit.ts"

const open: TestFolder[] = []

/** A folder with these files, and the settings of the dataset `t` over them. */
async function setup(files: Readonly<Record<string, string | Buffer>>) {
  const folder = await openTestFolder("unused\n1\n")
  open.push(folder)
  for (const [file, content] of Object.entries(files)) await folder.folder.write(file, content)
  const write = (file: string, content: string | Buffer) => folder.folder.write(file, content)
  const path = (file: string) => join(folder.folder.path, file)
  return { folder, write, path, serve: (dataset: object) => folder.open({ datasets: { t: dataset } }) }
}

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close()
})

async function rowsOf(source: TestSource): Promise<Record<string, unknown>[]> {
  const { version, chunks } = await source.manifest()
  const bodies = await Promise.all(chunks.map(({ chunk }) => source.get(paths.chunk("t", version, chunk))))
  return bodies.flatMap((body) => body.json<Record<string, unknown>[]>())
}

/** The manifest once the dataset has these files. */
const untilFiles = (source: TestSource, files: readonly string[]): Promise<Manifest> =>
  waitFor(
    async () => {
      const manifest = await source.manifest().catch(() => undefined)
      return manifest?.files.map(({ file }) => file).join() === files.join() && manifest
    },
    { what: `a version of ${files.join(", ")}` },
  )

const filesRead = (folder: TestFolder) =>
  folder.logged.filter(({ event }) => event === "file.read").map(({ file }) => file)

describe("many files, one dataset", () => {
  it("are one table: all rows of all files, in the order of their paths' bytes", async () => {
    const { serve } = await setup({
      "d/b.csv": "id,name\n3,Cid\n4,Dan\n5,Eve\n",
      "d/a.csv": "id,name\n1,Ann\n2,Bob\n",
      "d/B.csv": "id,name\n0,Zoe\n",
      "d/no.txt": "other\n",
      "other.csv": "x\n1\n",
    })
    const source = await serve({ files: "d/*.csv", chunk: { rows: 2 } })
    expect((await rowsOf(source)).map(({ id, name }) => `${id}${name}`)).toEqual([
      ...["0Zoe", "1Ann", "2Bob", "3Cid", "4Dan", "5Eve"],
    ])
    const manifest = await source.manifest()
    expect(manifest.files.map(({ file }) => file)).toEqual(["d/B.csv", "d/a.csv", "d/b.csv"])
    expect(manifest.chunks.map(({ chunk, first_row, rows, file }) => [chunk, first_row, rows, file])).toEqual(
      [
        [1, 1, 1, "d/B.csv"],
        [2, 2, 2, "d/a.csv"],
        [3, 4, 2, "d/b.csv"],
        [4, 6, 1, "d/b.csv"],
      ],
    )
  })

  it("of a folder are those with the format's endings, packed or not, and never what begins with a dot", async () => {
    const { serve } = await setup({
      "d/x/1.csv": "a\n1\n",
      "d/2.csv.gz": gzipSync("a\n2\n"),
      "d/y/z/3.TSV": "a\n3\n",
      "d/.hidden/4.csv": "a\n4\n",
      "d/.5.csv": "a\n5\n",
      "d/readme.md": "no",
    })
    const source = await serve({ files: "d" })
    expect((await source.manifest()).files.map(({ file }) => file)).toEqual([
      "d/2.csv.gz",
      "d/x/1.csv",
      "d/y/z/3.TSV",
    ])
    expect(await rowsOf(source)).toEqual([{ a: 2 }, { a: 1 }, { a: 3 }])
  })

  it("have the name of the version that one file of them alone has", async () => {
    const { serve } = await setup({ "d/a.csv": "id\n1\n" })
    const alone = await (await serve({ files: "d/a.csv" })).manifest()
    const asPattern = await (await serve({ files: "d/*.csv" })).manifest()
    const listed = await (await serve({ files: ["d/a.csv"] })).manifest()
    expect(asPattern).toEqual(alone)
    expect(listed).toEqual(alone)
  })

  it("give a column the type that all of them allow, and say in which file another form stands", async () => {
    const { serve } = await setup({ "d/a.csv": "n,d\n1,\n2,x\n", "d/b.csv": "n,d\nhello,y\n3,z\n" })
    const source = await serve({ files: "d/*.csv" })
    const { columns, evidence } = await source.settled()
    expect(columns).toEqual([
      { name: "n", type: "text", nullable: false },
      { name: "d", type: "text", nullable: true },
    ])
    expect(evidence?.[0]?.ruled_out).toEqual({
      type: "integer",
      row: 3,
      line: 2,
      value: "hello",
      file: "d/b.csv",
    })
    expect(evidence?.[0]?.forms).toMatchObject([
      { form: "integer", cells: 3, first: { row: 1, file: "d/a.csv" } },
      { form: "text", cells: 1 },
    ])
  })

  it("are read each by its own header when the columns stand in another order", async () => {
    const { serve } = await setup({ "d/a.csv": "id,name\n1,Ann\n", "d/b.csv": "name,id\nBob,2\n" })
    expect(await rowsOf(await serve({ files: "d/*.csv" }))).toEqual([
      { id: 1, name: "Ann" },
      { id: 2, name: "Bob" },
    ])
  })

  it("of different columns are refused with both shapes, or united with NULL where a file has none", async () => {
    const { serve } = await setup({ "d/a.csv": "id,price\n1,2.5\n", "d/b.csv": "id,cost\n2,3\n" })
    const refused = await (await serve({ files: "d/*.csv" })).settled()
    expect(refused.problem).toMatchObject({ code: "files-differ" })
    for (const word of [
      "d/a.csv",
      "d/b.csv",
      'lacks "price"',
      'has "cost" besides',
      '"id", "price"',
      '"id", "cost"',
    ])
      expect(refused.problem?.detail).toContain(word)
    const source = await serve({ files: "d/*.csv", shape: "union" })
    expect(await rowsOf(source)).toEqual([
      { id: 1, price: 2.5, cost: null },
      { id: 2, price: null, cost: 3 },
    ])
    expect((await source.manifest()).columns.map(({ name, nullable }) => [name, nullable])).toEqual([
      ["id", false],
      ["price", true],
      ["cost", true],
    ])
  })

  it("are refused for a column in the settings that none of them has, not for one that only some have", async () => {
    const { serve } = await setup({ "d/a.csv": "id,price\n1,2.5\n", "d/b.csv": "id\n2\n" })
    const some = await serve({ files: "d/*.csv", shape: "union", columns: { select: ["price", "id"] } })
    expect(await rowsOf(some)).toEqual([
      { price: 2.5, id: 1 },
      { price: null, id: 2 },
    ])
    const none = await serve({ files: "d/*.csv", shape: "union", columns: { drop: ["prize"] } })
    expect((await none.settled()).problem).toMatchObject({ code: "column-unknown" })
  })

  it("of JSON have each key once: what is null in one and an object in another is no column of its own", async () => {
    const { serve, write } = await setup({
      "d/a.json": '{"id":1,"content":{"text":"t"},"movies":[{"t":"A"}]}',
      "d/b.json": '{"id":2,"content":null,"movies":[]}',
      "d/c.json": '{"id":3,"content":{},"movies":null}',
    })
    const source = await serve({ files: "d/*.json", explode: "movies" })
    expect(await rowsOf(source)).toEqual([
      { id: 1, content_text: "t", movies_t: "A" },
      { id: 2, content_text: null, movies_t: null },
      { id: 3, content_text: null, movies_t: null },
    ])
    await write("d/d.json", '{"id":4,"content":"plain"}')
    await untilFiles(source, ["d/a.json", "d/b.json", "d/c.json", "d/d.json"])
    expect((await rowsOf(source)).at(-1)).toEqual({
      id: 4,
      content_text: null,
      movies_t: null,
      content: "plain",
    })
  })

  it.each([
    [
      "two ways to a column",
      '{"id":1,"a_b":1}',
      '{"id":2,"a":{"b":2}}',
      "/a_b in d/a.json and at /a/b in d/b.json",
    ],
    [
      "a key that is served under two names",
      '{"id":1,"Id":10}',
      '{"Id":20}',
      'column "Id_2" in d/a.json and "Id" in d/b.json',
    ],
  ])("of JSON are refused for %s, with both files", async (_, a, b, told) => {
    const { serve } = await setup({ "d/a.json": a, "d/b.json": b })
    const { problem } = await (await serve({ files: "d/*.json" })).settled()
    expect(problem).toMatchObject({ code: "header-invalid" })
    expect(problem?.detail).toContain(told)
  })

  it("of JSON are refused for another shape where one is asked for, otherwise united", async () => {
    const { serve } = await setup({ "d/a.json": '{"id":1,"name":"x"}', "d/b.json": '{"user":2,"id":2}' })
    expect((await (await serve({ files: "d/*.json" })).manifest()).columns.map(({ name }) => name)).toEqual([
      ...["id", "name", "user"],
    ])
    const { problem } = await (await serve({ files: "d/*.json", shape: "same" })).settled()
    expect(problem).toMatchObject({ code: "files-differ" })
    expect(problem?.detail).toContain('d/b.json lacks "name", has "user" besides')
  })

  it("that nothing matches are missing by the pattern's name, and what was served stays", async () => {
    const { serve, path } = await setup({ "d/a.csv": "id\n1\n" })
    const source = await serve({ files: "d/*.csv" })
    const { version } = await source.manifest()
    await rm(path("d/a.csv"))
    const failed = await waitFor(async () => {
      const dataset = (await source.get(paths.dataset("t"))).json<Dataset>()
      return dataset.state === "failed" && dataset
    })
    expect(failed.problem).toMatchObject({ code: "file-missing", detail: "No file matches d/*.csv." })
    expect(failed.version).toBe(version)
    expect((await source.get(paths.chunk("t", version, 1))).json()).toEqual([{ id: 1 }])
  })
})

describe("many files whose endings tell another format than the settings do", () => {
  const files = { "d/a.json": '[{"a":1}]', "d/b.ndjson.gz": gzipSync('{"a":2}\n'), "e/c.jsonl": '{"a":3}\n' }

  it("are refused with the endings and what to set, not read as CSV", async () => {
    const { serve } = await setup({ ...files, "d/c.csv": "a\n1\n" })
    const { problem } = await (await serve({ files: "d/*" })).settled()
    expect(problem).toMatchObject({
      code: "format-unknown",
      detail:
        "d/* tells no format, which makes it csv, but it means files that end in .json (d/a.json) and .ndjson.gz (d/b.ndjson.gz).",
      hint: expect.stringContaining("format: json"),
    })
    const alone = await (await serve({ files: "e/*" })).settled()
    expect(alone.problem).toMatchObject({
      code: "format-unknown",
      hint: "Set the dataset's format:  format: ndjson",
    })
  })

  it("are read as the settings say, where they say it", async () => {
    const { serve } = await setup({ "e/c.jsonl": '{"a":3}\n', "d/a.json": "a\n1\n", "d/b.dat": "a\n2\n" })
    expect(await rowsOf(await serve({ files: "e/*", format: "ndjson" }))).toEqual([{ a: 3 }])
    expect(await rowsOf(await serve({ files: "d/*", format: "csv" }))).toEqual([{ a: 1 }, { a: 2 }])
  })
})

describe("a file that comes to many", () => {
  it("is the only one that is read, and after a restart none is", async () => {
    const { folder, serve, write } = await setup({ "d/a.csv": "id\n1\n", "d/b.csv.gz": gzipSync("id\n2\n") })
    const source = await serve({ files: "d/*" })
    await source.manifest()
    expect(filesRead(folder)).toEqual(["d/a.csv", "d/b.csv.gz"])
    await write("d/c.csv", "id\n3\n")
    await untilFiles(source, ["d/a.csv", "d/b.csv.gz", "d/c.csv"])
    expect(filesRead(folder)).toEqual(["d/a.csv", "d/b.csv.gz", "d/c.csv"])
    await source.close()
    const again = await serve({ files: "d/*" })
    expect(await rowsOf(again)).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
    expect(filesRead(folder)).toHaveLength(3)
  })

  it("in a new folder is heard of", async () => {
    const { serve, write } = await setup({ "d/a.csv": "id\n1\n" })
    const source = await serve({ files: "d/**/*.csv" })
    await source.manifest()
    await write("d/x/y/b.csv", "id\n2\n")
    await untilFiles(source, ["d/a.csv", "d/x/y/b.csv"])
  })
})

describe("a file that goes from many", () => {
  it("is served to the end from the version before", async () => {
    const { serve, path } = await setup({ "d/a.csv": "id\n1\n", "d/b.csv": "id\n2\n" })
    const source = await serve({ files: "d/*.csv" })
    const before = await source.manifest()
    await writeFile(path("d/x"), "id\n7\n")
    await rename(path("d/x"), path("d/a.csv"))
    await rm(path("d/b.csv"))
    const after = await untilFiles(source, ["d/a.csv"])
    expect((await source.get(paths.chunk("t", before.version, 1))).json()).toEqual([{ id: 1 }])
    expect((await source.get(paths.chunk("t", before.version, 2))).json()).toEqual([{ id: 2 }])
    expect((await source.get(paths.chunk("t", after.version, 1))).json()).toEqual([{ id: 7 }])
  })

  it("makes its version gone when it was edited in place, and only it is read again", async () => {
    const { folder, serve, path } = await setup({ "d/a.csv": "id\n1\n", "d/b.csv": "id\n2\n" })
    const source = await serve({ files: "d/*.csv" })
    const before = await source.manifest()
    await writeFile(path("d/b.csv"), "id\n3\n")
    expect((await source.get(paths.chunk("t", before.version, 2))).json()).toMatchObject({
      code: "version-gone",
    })
    const after = await waitFor(async () => {
      const now = await source.manifest().catch(() => before)
      return now.version !== before.version && now
    })
    expect((await source.get(paths.chunk("t", after.version, 2))).json()).toEqual([{ id: 3 }])
    expect(filesRead(folder).filter((file) => file === "d/a.csv")).toHaveLength(1)
  })
})

describe("what is no file", () => {
  it("is left out by name: a folder and a FIFO, which is never waited for", async () => {
    const { serve, path } = await setup({ "d/a.csv": "id\n1\n" })
    await mkdir(path("d/dir.csv"))
    const { execFileSync } = await import("node:child_process")
    execFileSync("mkfifo", [path("d/pipe.csv")])
    const dataset = await (await serve({ files: "d/*.csv" })).settled()
    expect(dataset.left_out).toEqual([
      { file: "d/dir.csv", reason: "is a folder" },
      { file: "d/pipe.csv", reason: "is no regular file" },
    ])
    expect(dataset.rows).toBe(1)
  })

  it("lets nothing stay behind in the cache but what is needed", async () => {
    const { folder, serve, path, write } = await setup({
      "d/a.csv.gz": gzipSync("id\n1\n"),
      "d/b.csv": "id\n2\n",
    })
    const source = await serve({ files: "d/*" })
    await source.manifest()
    await rm(path("d/a.csv.gz"))
    await write("d/c.csv.gz", gzipSync("id\n3\n"))
    await untilFiles(source, ["d/b.csv", "d/c.csv.gz"])
    const kept = await readdir(join(folder.folder.path, ".flatbed/source/t"))
    expect(kept.filter((name) => name.endsWith(".text"))).toHaveLength(1)
    expect(kept.filter((name) => name.endsWith(".tmp"))).toEqual([])
  })
})

describe("days and months in many files", () => {
  const dates = { files: "d/*.csv", columns: { types: { day: "date" } } }

  it("are told by all rows of all files: one 31/12 decides for those that could be either", async () => {
    const { folder, serve, write, path } = await setup({
      "d/a.csv": "day\n01/02/2024\n",
      "d/b.csv": "day\n31/12/2024\n",
    })
    const source = await serve(dates)
    expect(await rowsOf(source)).toEqual([{ day: "2024-02-01" }, { day: "2024-12-31" }])
    await write("d/c.csv", "day\n03/04/2024\n")
    await untilFiles(source, ["d/a.csv", "d/b.csv", "d/c.csv"])
    expect((await rowsOf(source)).at(-1)).toEqual({ day: "2024-04-03" })
    expect(filesRead(folder).filter((file) => file === "d/a.csv")).toHaveLength(2)
    await source.close()
    const again = await serve(dates)
    expect(await rowsOf(again)).toHaveLength(3)
    expect(filesRead(folder).filter((file) => file === "d/a.csv")).toHaveLength(2)
    await rm(path("d/b.csv"))
    const asks = await waitFor(async () => {
      const { problem } = (await again.get(paths.dataset("t"))).json<Dataset>()
      return problem?.code === "format-ambiguous" && problem
    })
    expect(asks.detail).toContain('"01/02/2024" in row 1, line 2 of d/a.csv,')
  })

  it("that contradict each other from file to file are asked about", async () => {
    const { serve } = await setup({ "d/a.csv": "day\n31/12/2024\n", "d/b.csv": "day\n12/31/2024\n" })
    const { problem } = await (await serve(dates)).settled()
    expect(problem).toMatchObject({ code: "format-ambiguous" })
    expect(problem?.detail).toContain("line 2 of d/b.csv")
  })
})

describe("many JSON files", () => {
  const song = (fields: object) => JSON.stringify(fields)

  it("are one table of all their keys, NULL where a file has none, nested where one has it nested", async () => {
    const { serve } = await setup({
      "s/A/B/C/1.json": song({ id: "02134", year: 0, artist: { name: "Ann" } }),
      "s/A/B/D/2.json": song({ id: "x", tags: ["a"], artist: { name: "Bob", place: "" } }),
      "s/A/3.json": `[${song({ id: "y", tags: "none", year: 1.5 })}]`,
    })
    const source = await serve({ files: "s/**/*.json" })
    expect(await rowsOf(source)).toEqual([
      { id: "y", tags: "none", year: 1.5, artist_name: null, artist_place: null },
      { id: "02134", tags: null, year: 0, artist_name: "Ann", artist_place: null },
      { id: "x", tags: ["a"], year: null, artist_name: "Bob", artist_place: "" },
    ])
    // As the loader asks for it.
    const { version } = await source.manifest()
    const lines = [1, 2, 3].map(async (n) => {
      const chunk = await source.get(paths.chunk("t", version, n), { accept: "application/x-ndjson" })
      return JSON.parse(chunk.body.split("\n")[1] ?? "")
    })
    expect(await Promise.all(lines)).toEqual([
      ["y", '"none"', "1.5", null, null],
      ["02134", null, "0", "Ann", null],
      ["x", '["a"]', null, "Bob", ""],
    ])
  })

  it("may be without records, as long as one of them has some", async () => {
    const { serve, write } = await setup({ "s/1.json": "[]", "s/2.json": "[]" })
    const source = await serve({ files: "s/*.json" })
    expect((await source.settled()).problem).toMatchObject({
      code: "file-empty",
      detail: "None of 2 files holds a record with a key, and nothing else names the columns.",
    })
    await write("s/2.json", `[${song({ id: 1 })}]`)
    await untilFiles(source, ["s/1.json", "s/2.json"])
    expect(await rowsOf(source)).toEqual([{ id: 1 }])
    const broken = await setup({ "s/1.ndjson": "{\n", "s/2.ndjson": "[1]\n" })
    const refused = await (await broken.serve({ files: "s/*.ndjson" })).settled()
    expect(refused.problem).toMatchObject({
      code: "json-invalid",
      detail: "No record of 2 files can be read, so that no column is known.",
    })
  })

  it("are refused for a column to be dropped that none of them has: what should not travel does not", async () => {
    const { serve } = await setup({ "s/1.json": song({ id: 1, ssn: "7" }), "s/2.json": song({ id: 2 }) })
    const typo = await (await serve({ files: "s/*.json", columns: { drop: ["snn"] } })).settled()
    expect(typo.problem).toMatchObject({ code: "column-unknown" })
    const source = await serve({ files: "s/*.json", columns: { drop: ["ssn"] } })
    expect(await rowsOf(source)).toEqual([{ id: 1 }, { id: 2 }])
  })
})

describe("an array that explode names", () => {
  const order = (more: object) => `[${JSON.stringify({ id: 1, ...more })}]`
  const items = { items: [{ sku: "a" }] }

  it("and no record has is refused with the name that was meant, in one file and in many", async () => {
    const { serve } = await setup({ "s/1.json": order(items), "s/2.json": order(items) })
    const one = await (await serve({ files: "s/1.json", explode: "item" })).settled()
    expect(one.problem).toMatchObject({
      code: "records-not-found",
      detail: "No record of s/1.json has /item, the array that explode names; there are /id, /items.",
      hint: expect.stringMatching(/^Did you mean {2}explode: \/items {2}\?/),
    })
    const many = await (await serve({ files: "s/*.json", explode: "item" })).settled()
    expect(many.problem).toMatchObject({
      code: "records-not-found",
      detail: expect.stringMatching(/^No record of 2 files has/),
    })
  })

  it.each<[string, string, string]>([
    ["is there in one of the files", order({}), order(items)],
    ["is empty", order({ items: [] }), order({})],
    ["is null", order({}), order({ items: null })],
    ["holds nothing but empty objects", order({ items: [{}] }), order({})],
  ])("and %s makes a version", async (_what, first, second) => {
    const { serve } = await setup({ "s/1.json": first, "s/2.json": second })
    const { problem } = await (await serve({ files: "s/*.json", explode: "items" })).settled()
    expect(problem ?? undefined).toBeUndefined()
  })

  it("and that is an object is told what explode takes", async () => {
    const { serve } = await setup({ "s.json": order({ customer: { name: "A" } }) })
    const { problem } = await (await serve({ files: "s.json", explode: "customer" })).settled()
    expect(problem).toMatchObject({
      code: "json-invalid",
      hint: expect.stringContaining("explode takes the key of an array"),
    })
  })
})

it("beside others, a JSON file without a record is no trouble, and one of no bytes is no document", async () => {
  const { serve } = await setup({ "d/a.json": '[{"id":1}]', "d/b.json": "[]" })
  const files = { files: "d/*.json", format: "json" as const }
  expect(await rowsOf(await serve(files))).toEqual([{ id: 1 }])
  const other = await setup({ "d/a.json": '[{"id":1}]', "d/b.json": "" })
  expect((await (await other.serve(files)).settled()).problem).toMatchObject({
    code: "file-empty",
    detail: expect.stringContaining("d/b.json holds no bytes"),
  })
})

describe("columns that say where a row is from", () => {
  const add = { add: ["_file", "_line"], rename: { _line: "line" } }

  it("name each row's file and line, in every form, beside rejects and filtered rows", async () => {
    const { serve } = await setup({
      "d/a.csv": 'id,name\n1,"two\nlines"\n2,b\nbad\n3,c\n',
      "d/b.csv.gz": gzipSync("name,id\nx,9\ny,4\n"),
    })
    const source = await serve({
      files: "d/*",
      chunk: { rows: 2 },
      columns: { ...add, types: { id: "integer" } },
      filter: { id: { lt: 9 } },
    })
    const rows = [
      { id: 1, name: "two\nlines", _file: "d/a.csv", line: 2 },
      { id: 2, name: "b", _file: "d/a.csv", line: 4 },
      { id: 3, name: "c", _file: "d/a.csv", line: 6 },
      { id: 4, name: "y", _file: "d/b.csv.gz", line: 3 },
    ]
    expect(await rowsOf(source)).toEqual(rows)
    const { version, columns } = await source.manifest()
    expect(columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      ...["id integer", "name text", "_file text", "line bigint"],
    ])
    const accept = { accept: "application/x-ndjson" }
    const second = await source.get(paths.chunk("t", version, 2), accept)
    const lines = second.body.split("\n")
    expect(JSON.parse(lines[1] ?? "")).toMatchObject({ reject: { line: 5, code: "missing-cell" } })
    expect(JSON.parse(lines[2] ?? "")).toEqual(["3", "c", "d/a.csv", "6"])
    const csv = await source.get(paths.chunk("t", version, 3), { accept: "text/csv" })
    expect(csv.body).toBe("id,name,_file,line\r\n4,y,d/b.csv.gz,3\r\n")
  })

  it("and digests tell rows apart by the cells that are named, and by no others", async () => {
    const long = "x".repeat(5000)
    const { serve } = await setup({
      "r.json": JSON.stringify([
        { text: long, books: [{ id: 1 }], rate: 1 },
        { text: long, books: [], rate: 1 },
        { text: null, rate: 2 },
        { text: long, books: [], rate: 3 },
      ]),
    })
    const files = { files: "r.json", format: "json" as const }
    const types = { text: "text", books: "jsonb", rate: "text" } as const
    const columns = { types, digests: { key: ["text", "books"] }, add: ["_line" as const] }
    const source = await serve({ ...files, columns })
    const rows = await rowsOf(source)
    expect(Object.keys(rows[0] ?? {})).toEqual(["text", "books", "rate", "_line", "key"])
    const digest = (...cells: (string | null)[]) =>
      createHash("sha256").update(JSON.stringify(cells)).digest("hex")
    expect(rows.map(({ key }) => key)).toEqual([
      ...[digest(long, '[{"id":1}]'), digest(long, "[]"), digest(null, null), digest(long, "[]")],
    ])
    const wrong = await serve({ ...files, columns: { ...columns, digests: { key: ["txt"] } } })
    expect((await wrong.settled()).problem).toMatchObject({
      code: "column-unknown",
      detail: 'columns.digests.key names "txt", which is not a column in r.json.',
      hint: 'Did you mean "text"?',
    })
  })

  it("make another version of a file that is renamed, since its rows are others then", async () => {
    const { serve, path } = await setup({ "d/a.csv": "id\n1\n" })
    const source = await serve({ files: "d/*.csv", columns: add })
    const { version } = await source.manifest()
    await rename(path("d/a.csv"), path("d/b.csv"))
    await untilFiles(source, ["d/b.csv"])
    expect((await source.manifest()).version).not.toBe(version)
    expect(await rowsOf(source)).toEqual([{ id: 1, _file: "d/b.csv", line: 2 }])
  })

  it("stand beside JSON's, and give way to a file's own column of the same name", async () => {
    const { serve, write } = await setup({ "s/1.ndjson": '{"a":1}\n\n{"b":[1,\n2]}\n{"b":{"c":2}}\n' })
    const source = await serve({ files: "s/*.ndjson", columns: { add: ["_file", "_line"] } })
    const rows = await rowsOf(source)
    expect(rows.map(({ _file, _line }) => `${_file} ${_line}`)[0]).toBe("s/1.ndjson 1")
    await write("s/1.ndjson", '{"a":1,"_line":"x"}\n')
    const refused = await waitFor(async () => {
      const { problem } = (await source.get(paths.dataset("t"))).json<Dataset>()
      return problem
    })
    expect(refused).toMatchObject({
      code: "header-invalid",
      detail: 's/1.ndjson has a column "_line" of its own.',
    })
  })
})

describe("whoever looks at many files", () => {
  it("finds a row's file and line, the first rows across files, and all of them exported", async () => {
    const { folder, serve } = await setup({ "d/a.csv": "id\n1\n2\n", "d/b.csv": "id\n\n3\n" })
    const dataset = { files: "d/*.csv", dialect: { ragged: "reject" }, columns: { types: { id: "integer" } } }
    const source = await serve(dataset)
    const { version } = await source.manifest()
    const origin = (await source.get(paths.row("t", version, 4))).json()
    expect(origin).toMatchObject({ file: "d/b.csv", line: 3, byte_from: 4, chunk: 2 })
    const preview = await source.get(`${paths.dataset("t")}/preview?rows=4`)
    expect(preview.json()).toHaveLength(4)
    const configFile = join(folder.folder.path, "source.yaml")
    const out = join(folder.folder.path, "out")
    const exported = await runCommand(exportCommand, { args: { dataset: "t", folder: out }, configFile })
    expect(exported.code).toBe(0)
    expect(await readFile(join(out, "t.csv"), "utf8")).toBe("id\r\n1\r\n2\r\n\r\n3\r\n")
    const checked = await runCommand(checkCommand, { configFile })
    expect(checked.text).toContain("d/*.csv, 2 files, 13 bytes, 4 records")
  })
})
