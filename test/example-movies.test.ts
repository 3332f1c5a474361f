// If this fails, the movies' reports say something else than their files, or the README shows what no command prints.
// Long because four sets of files are asked the same questions, and one of them is written out here.
import { execFile } from "node:child_process"
import { cp, readdir, readFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { type TemporaryFolder, temporaryFolder, waitFor } from "@flatbed/testing"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Example, openExample, type ReportRow } from "./example.test-kit.ts"
import { createLoaderFrom } from "./front-doors.ts"
import {
  averageDuration,
  byNationality,
  type MoviesWorld,
  medianSize,
  type Outage,
  outage,
  readMovies,
  shareBasedOnBooks,
  watchedHalf,
} from "./movies-model.test-kit.ts"
import { disagreements } from "./readme-output.test-kit.ts"

const folder = resolve(import.meta.dirname, "../data/movies")
const closers: (() => Promise<unknown>)[] = []

async function makeFolder(): Promise<TemporaryFolder> {
  const made = await temporaryFolder()
  closers.push(made.remove)
  return made
}

/** The example with a loader in this process: the programs are started for the README's commands only. */
type Movies = Example & {
  load(): Promise<void>
  ask(report: string, params?: Readonly<Record<string, string>>): Promise<ReportRow[]>
}

async function open(input: Parameters<typeof openExample>[0]): Promise<Movies> {
  const example = await openExample(input)
  closers.push(example.close)
  const loader = await createLoaderFrom(join(folder, "..", input.folder, "loader.yaml"), example.env)
  return {
    ...example,
    async load() {
      const outcomes = await loader.load()
      expect(outcomes.map(({ pipeline, outcome }) => [pipeline, outcome])).toEqual(
        outcomes.map(({ pipeline }) => [pipeline, "published"]),
      )
      const models = await loader.makeModels({ after: outcomes.map(({ pipeline }) => pipeline) })
      expect(models.map(({ model, outcome }) => [model, outcome])).toEqual(
        models.map(({ model }) => [model, "made"]),
      )
      expect(models).toHaveLength(5)
    },
    async ask(report, params = {}) {
      const { columns, rows } = await loader.report(report, new Map(Object.entries(params)))
      const cell = (text: string | null, type = "") =>
        /^(?:integer|bigint|numeric)$/.test(type) && text !== null ? Number(text) : text
      return rows.map((row) =>
        Object.fromEntries(columns.map(({ name, type }, i) => [name, cell(row[i] ?? null, type)])),
      )
    },
  }
}

const generate = async (...args: string[]) =>
  await promisify(execFile)(process.execPath, [join(folder, "generate.mjs"), ...args])

afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

type Case = {
  readonly report: string
  readonly params?: Readonly<Record<string, string>>
  readonly expected: (world: MoviesWorld) => object
}

const moments = ({ from, to, match, title }: Outage) => ({
  ...{ outage_start: from, outage_end: to, match },
  ...(title === undefined ? {} : { title }),
})

/** Each report with the variants that it has, for a month whose zone has that offset in it. */
function casesOf(month: string, zone: string, offsetHours: number): Case[] {
  const day = `${month}-25`
  const between = { from: `${day}T19:00:00Z`, to: `${day}T20:30:00Z` }
  const outages: Outage[] = [
    { ...between, match: "overlaps" },
    { ...between, match: "starts_within" },
    { ...between, to: `${day}T19:20:00Z`, match: "covers" },
    { from: `${month}-01T00:00:00Z`, to: `${month}-27T00:00:00Z`, match: "overlaps", title: "unforgiven" },
  ]
  const clock = (hour: number) => `${day}T${String(hour - offsetHours).padStart(2, "0")}:00:00Z`
  return [
    ...(["movie", "stream"] as const).map((per) => ({
      report: "movies_share_based_on_books",
      params: { per },
      expected: (world: MoviesWorld) => shareBasedOnBooks(world, per),
    })),
    ...outages.map((one) => ({
      report: "movies_outage",
      params: moments(one),
      expected: (world: MoviesWorld) => outage(world, one),
    })),
    {
      report: "movies_outage",
      params: {
        ...{ outage_start: `${day} 07:00`, outage_end: `${day} 12:00` },
        ...{ title: "Unforgiven", time_zone: zone },
      },
      expected: (world) =>
        outage(world, { from: clock(7), to: clock(12), match: "overlaps", title: "Unforgiven" }),
    },
    {
      report: "movies_by_author_nationality",
      params: { month: `${month}-09`, time_zone: zone },
      expected: (world) => byNationality(world, month, offsetHours, "Singaporean"),
    },
    { report: "movies_stream_duration", expected: averageDuration },
    { report: "movies_stream_size", expected: medianSize },
    {
      report: "movies_watched_half",
      params: { month: `${month}-01`, time_zone: zone },
      expected(world) {
        const both = watchedHalf(world, month, offsetHours)
        return { ...both, users: both.any_length }
      },
    },
    {
      report: "movies_watched_half",
      params: { month: `${month}-01`, at_most: "100%" },
      expected(world) {
        const both = watchedHalf(world, month, 0)
        return { ...both, users: both.at_most_100_percent }
      },
    },
  ]
}

async function expectAnswers(example: Movies, world: MoviesWorld, cases: readonly Case[]): Promise<void> {
  for (const { report, params, expected } of cases) {
    const rows = await example.ask(report, params)
    const answer = expected(world)
    expect({ report, params, rows }).toEqual({ report, params, rows: [expect.objectContaining(answer)] })
    // A question that nobody's data answers would be answered by anything.
    expect(Object.values(answer), report).not.toContain(0)
  }
}

describe("the sample files", () => {
  let samples: Movies
  let files: TemporaryFolder
  let told: string[]

  beforeAll(async () => {
    files = await makeFolder()
    await cp(join(folder, "files"), files.path, { recursive: true })
    samples = await open({ folder: "movies", root: files.path })
  }, 60_000)

  test("are byte for byte what the generator makes", async () => {
    const made = await makeFolder()
    await generate("--out", made.path)
    for (const part of ["files", "second-drop", "flat/files"]) {
      const names = await readdir(join(made.path, part), { recursive: true, withFileTypes: true })
      const paths = names.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
      expect(paths.length).toBeGreaterThanOrEqual(3)
      for (const path of paths)
        expect((await readFile(path)).equals(await readFile(path.replace(made.path, folder))), path).toBe(
          true,
        )
    }
  })

  test("give the answers that plain loops over them give, and the README's blocks are what its commands print", async () => {
    const first = readMovies(files.path, "nested")
    const others = (command: string) => {
      if (!command.startsWith("cp ")) return undefined
      return (async () => {
        // Half-way through the page: the first drop's answers, before the second takes its place.
        await expectAnswers(samples, first, casesOf("2021-12", "Europe/Amsterdam", 1))
        await changeDrop(samples, files.path)
        return ""
      })()
    }
    told = await disagreements(join(folder, "README.md"), { ...samples, others })
    expect(told).toEqual([])
    const second = readMovies(files.path, "nested")
    const cases = casesOf("2021-12", "Europe/Amsterdam", 1)
    const about = cases.filter(({ report }) => /based_on_books|nationality/.test(report))
    await expectAnswers(samples, second, about)
    for (const { expected } of about) expect(expected(second)).not.toEqual(expected(first))
  }, 240_000)

  test("the lists say who and what was counted", async () => {
    const month = { month: "2021-12-01" }
    const [counted] = await samples.ask("movies_by_author_nationality", month)
    const titles = await samples.ask("movies_by_author_nationality_titles", month)
    expect(titles).toHaveLength(Number(counted?.movies))
    expect(sum(titles, "streams")).toBe(counted?.streams)
    const window = { outage_start: "2021-12-24T18:00Z", outage_end: "2021-12-24T21:00Z" }
    const [affected] = await samples.ask("movies_outage", window)
    const users = await samples.ask("movies_outage_users", window)
    expect(users).toHaveLength(Number(affected?.users))
    expect(users.length).toBeGreaterThan(5)
    // The title by the rule of spellings, in every report that takes one; of a title that nobody has the answer says so.
    for (const [title, written] of [
      ["un-FORGIVEN!", "Unforgiven"],
      ["Unforgivn", "(no stream has this title)"],
      ["", "(every movie)"],
    ] as const) {
      const month = { outage_start: "2021-12-01", outage_end: "2022-01-01", title }
      const [answer] = await samples.ask("movies_outage", month)
      const list = await samples.ask("movies_outage_users", month)
      expect({ title: answer?.title, isHit: list.length > 0 }).toEqual({
        title: written,
        isHit: title !== "Unforgivn",
      })
    }
    const words = async (file: string) => {
      const sql = await readFile(join(folder, file), "utf8")
      const [rule = ""] = /coalesce\(\s*nullif\([\s\S]*?\) collate "default"/.exec(sql) ?? []
      return rule.replace(/^ *--.*$/gm, "").replace(/\s+/g, " ")
    }
    const rule = (await words("models/spellings.sql")).replaceAll("written", ":title")
    expect(rule).toContain("normalize")
    expect(await words("reports/outage.sql")).toBe(rule)
    expect(await words("reports/outage_users.sql")).toBe(rule)
  }, 60_000)

  test("a movie has the same id in every drop, and one row however many rows and spellings its title has", async () => {
    const catalog = await samples.query<{ folded: string; movie_id: string; rows_in_list: number }>(
      "select folded, movie_id, rows_in_list from movies.catalog",
    )
    expect(new Set(catalog.map((one) => one.movie_id)).size).toBe(catalog.length)
    expect(catalog.filter((one) => one.rows_in_list > 1).length).toBeGreaterThan(5)
    const odd = await samples.query<{ title: string; folded: string }>(
      "select title, folded from movies.catalog where title in ('Echo·9', 'The Long Road Home', '…', 'Ælfric & Sons') order by title collate \"C\"",
    )
    // Folded by hand.
    expect(odd).toEqual([
      { title: "Echo·9", folded: "echo9" },
      { title: "The Long Road Home", folded: "thelongroadhome" },
      { title: "Ælfric & Sons", folded: "ælfricsons" },
      { title: "…", folded: "…" },
    ])
  })
})

/** Lays the second drop over the first, as the README's reader does, and waits until the source serves it. */
async function changeDrop(example: Example, root: string): Promise<void> {
  const names = [
    "movies_authors",
    "movies_books",
    "movies_reviews",
    "movies_review_movies",
    "movies_review_books",
  ]
  const versions = async () => {
    const { datasets } = (await (await fetch(`${example.sourceUrl}/v1/datasets`)).json()) as {
      datasets: { name: string; version: string | null }[]
    }
    return new Map(datasets.map(({ name, version }) => [name, version]))
  }
  const before = await versions()
  await cp(join(folder, "second-drop"), join(root, "vendor"), { recursive: true })
  const isServed = async () => {
    const now = await versions()
    return names.every((name) => now.get(name) !== before.get(name))
  }
  await waitFor(isServed, { limitMs: 60_000, what: "the second drop" })
}

const sum = (rows: readonly ReportRow[], column: string) =>
  rows.reduce((all, row) => all + Number(row[column]), 0)

test("other files of these shapes, of another month and size, are answered by the same configs", async () => {
  const made = await makeFolder()
  await generate(
    "--out",
    made.path,
    "--seed",
    "7",
    "--streams",
    "2500",
    "--month",
    "2023-07",
    "--offset",
    "+0200",
  )
  const root = join(made.path, "files")
  const example = await open({ folder: "movies", root })
  await example.load()
  await expectAnswers(example, readMovies(root, "nested"), casesOf("2023-07", "Europe/Amsterdam", 2))
}, 120_000)

test("the flat form of the vendor's files fills the same tables and answers the same reports", async () => {
  const example = await open({ folder: "movies/flat" })
  await example.load()
  const world = readMovies(join(folder, "flat/files"), "flat")
  const cases = casesOf("2021-12", "Europe/Amsterdam", 1)
  await expectAnswers(
    example,
    world,
    cases.filter(({ report }) => /based_on_books|nationality/.test(report)),
  )
}, 120_000)

test("files with holes, strange values and keys that nobody asked for are loaded, and answered", async () => {
  const { path: root, write } = await makeFolder()
  await write(
    "movies.csv",
    `title,duration_mins,original_language,size_mb,note
"Dune, Part Two",100,English,1000,x
"Dune, Part Two",120,,900,
WALL·E,,N/A,,
,90,English,5,nobody's
Plain,60,English,unknown,
`,
  )
  await write("users.csv", "first_name,last_name,email\nAda,,ada@x.org\n,Lovelace,ADA@x.org \n")
  await write(
    "streams.csv",
    `movie_title,user_email,size_mb,start_at,end_at
"Dune, Part Two",ada@x.org,10.5,2022-01-31T10:00:00.000+0100,2022-01-31T10:50:00.000+0100
"Dune, Part Two",ada@x.org,10.5,2022-01-31T10:00:00.000+0100,2022-01-31T10:50:00.000+0100
DUNE PART TWO,bo@x.org,20,2022-01-31T23:30:00Z,2022-02-01T01:45:00Z
Wall-e,,30,2022-01-30T10:00:00Z,
Nobody Knows It,bo@x.org,,2022-01-30T10:00:00Z,2022-01-30T11:00:00Z
`,
  )
  // A stream of the file before once more, and one of a movie that a review names together with a book.
  await write(
    "streams-2022-02.csv",
    `movie_title,user_email,size_mb,start_at,end_at
DUNE PART TWO,bo@x.org,20,2022-01-31T23:30:00Z,2022-02-01T01:45:00Z
El Night - Dawn II,,,2022-03-01T10:00:00Z,2022-03-01T11:00:00Z
`,
  )
  const authors = [
    {
      metadata: { name: "Ng", birth_date: null, died_at: 1999, also: [] },
      nationalities: [null, { id: 7, label: "Singaporeans", slug: null, x: 1 }, {}],
    },
    {
      metadata: { name: null, birth_date: "1950", died_at: null },
      nationalities: [{ id: "8", label: "Danish", slug: "danish" }],
    },
    { metadata: null, nationalities: null },
    { metadata: { name: "Other" }, nationalities: [] },
    {
      metadata: { name: "Third" },
      nationalities: [{ id: null, label: "", slug: "" }],
      name: "no column of ours",
    },
  ]
  const books = [
    { name: "Dune", pages: 600, author: "NG", publisher: null, isbn: { a: 1 } },
    { name: "Dune", pages: "unknown", author: "NG", publisher: null },
    { name: null, pages: null, author: null, publisher: "P" },
    { name: "Walls", author: null },
  ]
  const words = Array.from({ length: 3000 }, (_, i) => Math.sin(i).toString(36)).join(" ")
  const reviews = [
    {
      content: { text: null },
      rating: { rate: 4.5, label: null },
      created: null,
      updated: null,
      books: [
        { id: 1, metadata: { title: "DUNE!", pages: "unknown", more: null } },
        { id: null, metadata: null },
        {},
      ],
      movies: [
        { id: 0, title: "end" },
        { id: "m1", title: "DUNE – PART TWO" },
        { id: null, title: null },
      ],
    },
    {
      content: { text: "ok" },
      rating: null,
      books: [],
      movies: [
        { id: 2, title: "end" },
        { id: 3, title: "Wall E" },
      ],
      created: "2021",
      updated: 5,
    },
    { content: null, rating: { rate: "3" }, books: null, movies: null },
    { likes: 3 },
    // Nothing but their books tells these two apart: the pair of a movie and a book is not lost for the one without.
    {
      content: { text: null },
      created: null,
      books: [{ id: 9, metadata: { title: "Crazy Rich" } }],
      movies: [{ id: 9, title: "EL NIGHT – DAWN II" }],
    },
    { content: { text: null }, created: null, books: [], movies: [{ id: 9, title: "EL NIGHT – DAWN II" }] },
    // And nothing but their moments these, of which the texts are longer than a key of Postgres may be.
    ...["Plain", "Even Plainer"].map((title) => ({
      content: { text: words },
      created: `when ${title} came`,
      books: [{ id: 10, metadata: { title: "Plainly" } }],
      movies: [{ id: null, title }],
    })),
  ]
  await write("authors.json", JSON.stringify(authors))
  await write("books.json", JSON.stringify(books))
  await write("reviews.json", JSON.stringify(reviews))
  const example = await open({ folder: "movies", root })
  await example.load()

  // By hand: Dune, Wall-E and two movies in no list were streamed; Dune and one of those meet a book. Of equal rows one
  // counts, in a file and in two.
  expect(await example.ask("movies_share_based_on_books")).toEqual([
    { per: "movie", streamed: 4, based_on_books: 2, share_percent: 50, movies_in_no_list: 2 },
  ])
  expect(await example.ask("movies_share_based_on_books", { per: "stream" })).toMatchObject([
    { streamed: 5, based_on_books: 3, share_percent: 60 },
  ])
  expect(
    await example.query("select book_title, movie_folded from movies.adaptations order by movie_folded"),
  ).toEqual([
    { book_title: "DUNE!", movie_folded: "duneparttwo" },
    { book_title: "Crazy Rich", movie_folded: "elnightdawnii" },
    { book_title: "Plainly", movie_folded: "evenplainer" },
    { book_title: "Plainly", movie_folded: "plain" },
  ])
  const kept = await example.query<{ table: string; rows: number }>(
    `select 'reviews' as table, count(*)::integer as rows from movies.reviews
     union all select 'books', count(*)::integer from movies.review_books order by 1`,
  )
  expect(kept).toEqual([
    { table: "books", rows: 4 },
    // Two that say nothing but a rating, or not even that, are one.
    { table: "reviews", rows: 7 },
  ])
  // In Amsterdam bo's stream begins on 1 February.
  expect(await example.ask("movies_by_author_nationality", { month: "2022-01-15" })).toEqual([
    { movies: 1, streams: 2, users: 2 },
  ])
  expect(
    await example.ask("movies_by_author_nationality", {
      month: "2022-01-15",
      time_zone: "Europe/Amsterdam",
    }),
  ).toEqual([{ movies: 1, streams: 1, users: 1 }])
  // 50 of 100 minutes is half; 135 minutes is more than 100 and than 120.
  expect(await example.ask("movies_watched_half", { month: "2022-01-01", at_most: "100%" })).toEqual([
    { users: 1, any_length: 2, at_most_100_percent: 1 },
  ])
  expect(await example.ask("movies_stream_size")).toEqual([
    { streams: 3, median_mb: 20, median_gb: 0.02, median_gib: 0.019531, left_out: 2 },
  ])
  expect(await example.query("select first_name, last_name, email from movies.users")).toEqual([
    { first_name: null, last_name: "Lovelace", email: "ada@x.org" },
  ])
  expect(
    await example.query("select name, nationality_id, nationality, died_at from movies.author_nationalities"),
  ).toEqual([{ name: "Ng", nationality_id: "7", nationality: "Singaporeans", died_at: "1999" }])
}, 120_000)
