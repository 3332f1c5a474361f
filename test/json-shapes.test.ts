// If this fails, JSON as it is met with does not arrive in Postgres as it stands in the file: a value is lost, changed,
// or in another column.
import {
  eventColumns,
  type JsonTable,
  makeAuthors,
  makeEventLogs,
  makeReviews,
  makeSongs,
} from "@flatbed/testing"
import { expect, onTestFinished, test } from "vitest"
import { fetchDataset } from "./fetch-dataset.ts"
import { createInstallation, type Installation } from "./installation.ts"
import { quoteName } from "./quote-name.ts"

const seed = Number(process.env.FLATBED_TEST_SEED ?? Date.now() % 1_000_000_000)

type Dataset = { readonly settings: object; readonly table: JsonTable; readonly rejects?: number }

/** Declares every dataset, and a pipeline into a table of its name. */
async function install(datasets: Readonly<Record<string, Dataset>>): Promise<Installation> {
  const names = Object.keys(datasets)
  const declared = names.map((name) => [name, { chunk: { rows: 7 }, ...datasets[name]?.settings }])
  const pipelines = names.map((name) => [name, { dataset: name, table: `public.${name}` }])
  const flatbed = await createInstallation({
    source: `datasets: ${JSON.stringify(Object.fromEntries(declared))}\n`,
    loader: `pipelines: ${JSON.stringify(Object.fromEntries(pipelines))}\n`,
  })
  onTestFinished(flatbed.close)
  return flatbed
}

/** Every column with its type, and every cell, whatever order the rows have in the table. */
async function expectTable(flatbed: Installation, name: string, { columns, rows }: JsonTable): Promise<void> {
  const found = await flatbed.query<{ name: string; type: string }>(
    `select attname as name, pg_catalog.format_type(atttypid, null) as type from pg_catalog.pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
    [`public.${name}`],
  )
  const long: Readonly<Record<string, string>> = { timestamptz: "timestamp with time zone" }
  expect(found, name).toEqual(
    Object.entries(columns).map(([name, type]) => ({ name, type: long[type] ?? type })),
  )
  const cells = Object.entries(columns).map(
    ([name, type]) => `${spell(type, quoteName(name))} as ${quoteName(name)}`,
  )
  const table = await flatbed.query(`select ${cells.join(", ")} from public.${name}`)
  const types = Object.values(columns)
  // Postgres spells jsonb its own way and orders its keys, so it is compared as what it means.
  const meant = (row: readonly unknown[]) =>
    JSON.stringify(
      row.map((cell, i) =>
        types[i] === "jsonb" && typeof cell === "string" ? inOrder(JSON.parse(cell)) : cell,
      ),
    )
  const sorted = (some: readonly (readonly unknown[])[]) => some.map(meant).sort()
  expect(sorted(table.map((row) => Object.values(row))), name).toEqual(sorted(rows))
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== "object" || value === null) return value
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return members.map(([key, inside]) => [key, inOrder(inside)])
}

function spell(type: string, column: string): string {
  if (type !== "timestamptz") return `${column}::text`
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
}

test(`one file of reviews fills three tables: as it is, and a row for each movie and each book (seed ${seed})`, async () => {
  const { bytes, reviews, movies, books } = makeReviews(60, seed)
  const files = "vendor/reviews.json"
  const datasets = {
    reviews: {
      settings: { files, format: "json", records: "", flatten: { separator: "_" } },
      table: reviews,
    },
    movies: { settings: { files, explode: "movies" }, table: movies },
    books: { settings: { files, explode: "books" }, table: books },
  }
  const flatbed = await install(datasets)
  await flatbed.write(files, bytes)
  await flatbed.startSource()
  expect(await flatbed.load()).toBe(0)
  for (const [name, { table }] of Object.entries(datasets)) await expectTable(flatbed, name, table)

  // Rows are counted once they are exploded.
  const counts = await flatbed.query(
    "select pipeline, rows::integer from flatbed.publications order by pipeline",
  )
  expect(counts).toEqual([
    { pipeline: "books", rows: books.rows.length },
    { pipeline: "movies", rows: movies.rows.length },
    { pipeline: "reviews", rows: 60 },
  ])
})

test("a row that is exploded and none, by a filter that says which", async () => {
  const { bytes, movies } = makeReviews(40, seed)
  const at = Object.keys(movies.columns).indexOf("movies_title")
  const rows = movies.rows.filter((row) => row[at] !== "end")
  const filter = { movies_title: { ne: "end", null: true } }
  const flatbed = await install({
    movies: { settings: { files: "reviews.json", explode: "movies", filter }, table: movies },
  })
  await flatbed.write("reviews.json", bytes)
  await flatbed.startSource()
  expect(await flatbed.load()).toBe(0)
  await expectTable(flatbed, "movies", { ...movies, rows })
  expect(await flatbed.query("select rows::integer, filtered::integer from flatbed.publications")).toEqual([
    { rows: rows.length, filtered: movies.rows.length - rows.length },
  ])
})

test("authors below a key of the document, one nameless, with nationalities that hold an empty entry", async () => {
  const { bytes, pointer, authors, nationalities } = makeAuthors(50, seed)
  const common = { files: "authors.json", records: pointer }
  const datasets = {
    authors: { settings: common, table: authors },
    nationalities: { settings: { ...common, explode: "nationalities" }, table: nationalities },
  }
  const flatbed = await install(datasets)
  await flatbed.write("authors.json", bytes)
  await flatbed.startSource()
  expect(await flatbed.load()).toBe(0)
  for (const [name, { table }] of Object.entries(datasets)) await expectTable(flatbed, name, table)
})

test("a day of an event log: epoch milliseconds, ids that are strings or empty, quotes in agents, no last newline", async () => {
  const { files, events } = makeEventLogs(1, 120, seed)
  const [log] = files
  const settings = { files: log?.path, format: "ndjson", columns: eventColumns }
  const flatbed = await install({ events: { settings, table: events } })
  await flatbed.write(log?.path ?? "", log?.bytes ?? "")
  await flatbed.startSource()
  expect(await flatbed.load()).toBe(0)
  await expectTable(flatbed, "events", events)
  const empty = await flatbed.query(
    `select count(*)::integer as n from public.events where "userId" = '' and registration is null`,
  )
  expect(empty).toEqual([{ n: events.rows.filter((row) => row.at(-1) === "").length }])
})

test("a log of many days, a file for each, is one table", async () => {
  const { files, events } = makeEventLogs(6, 40, seed)
  const settings = { files: "log_data/**/*.json", format: "ndjson", columns: eventColumns }
  const flatbed = await install({ events: { settings, table: events } })
  for (const { path, bytes } of files) await flatbed.write(path, bytes)
  await flatbed.startSource()
  expect(await flatbed.load()).toBe(0)
  await expectTable(flatbed, "events", events)
})

test("a folder of songs, one object a file, is one table in the order of the paths' bytes", async () => {
  const { files, songs } = makeSongs(40, seed)
  const flatbed = await install({ songs: { settings: { files: "song_data/**/*.json" }, table: songs } })
  // Written in another order than they are read in.
  for (const { path, bytes } of files.toReversed()) await flatbed.write(path, bytes)
  await flatbed.startSource()
  expect(await flatbed.load()).toBe(0)
  await expectTable(flatbed, "songs", songs)
  const served = await fetchDataset(flatbed.sourceUrl, "songs")
  if ("refused" in served) throw new Error(served.problem.detail)
  expect(served.records).toEqual(songs.rows)
})

test("a file that holds one object is a table of one row", async () => {
  const { files, songs } = makeSongs(1, seed)
  const flatbed = await install({ song: { settings: { files: "song.json" }, table: songs } })
  await flatbed.write("song.json", files[0]?.bytes ?? "")
  await flatbed.startSource()
  expect(await flatbed.load()).toBe(0)
  await expectTable(flatbed, "song", songs)
})

test("with curl, objects that went in come out: what is nested as JSON, absent as null, in the file's order", async () => {
  const { bytes, reviews } = makeReviews(20, seed)
  const flatbed = await install({
    reviews: { settings: { files: "reviews.json", chunk: { rows: 1000 } }, table: reviews },
    whole: { settings: { files: "reviews.json", flatten: false, chunk: { rows: 1000 } }, table: reviews },
  })
  await flatbed.write("reviews.json", bytes)
  await flatbed.startSource()
  const get = async (path: string) => {
    for (;;) {
      const answer = await fetch(`${flatbed.sourceUrl}/v1/datasets/${path}`)
      if (answer.status === 200) return { answer, rows: (await answer.json()) as Record<string, unknown>[] }
      expect(answer.status).toBe(503)
    }
  }
  const { answer, rows } = await get("reviews/chunks/1")
  expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8")
  const written = JSON.parse(bytes.toString()) as {
    content: { text: string }
    rating: { rate: number; label: string | null }
  }[]
  expect(rows).toEqual(
    written.map(({ content, rating, ...rest }) => ({
      ...rest,
      content_text: content.text,
      rating_rate: rating.rate,
      rating_label: rating.label,
    })),
  )
  expect(Object.keys(rows[0] ?? {})).toEqual(Object.keys(reviews.columns))
  expect((await get("whole/chunks/1")).rows).toEqual(written)
  expect((await get("whole/preview?rows=3")).rows).toEqual(written.slice(0, 3))
})
