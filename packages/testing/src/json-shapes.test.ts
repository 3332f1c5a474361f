// If this file fails, the example data is not what it says it is, and the services are held against nothing.
import { expect, it } from "vitest"
import { type JsonTable, makeAuthors, makeEventLogs, makeReviews, makeSongs } from "./json-shapes.ts"

const parse = (bytes: Buffer) => JSON.parse(bytes.toString())
const column = ({ columns, rows }: JsonTable, name: string) => {
  const at = Object.keys(columns).indexOf(name)
  expect(at, name).toBeGreaterThanOrEqual(0)
  return rows.map((row) => row[at])
}
const expectWhole = ({ columns, rows }: JsonTable) => {
  for (const row of rows) expect(row).toHaveLength(Object.keys(columns).length)
  for (const name of Object.keys(columns))
    expect(column({ columns, rows }, name).some((cell) => cell !== null)).toBe(true)
}

it("makes reviews with books, movies and a movie that is none", () => {
  const { bytes, reviews, movies, books } = makeReviews(200, 1)
  const parsed = parse(bytes) as {
    content: { text: string }
    movies: { title: string }[]
    books: unknown[]
  }[]
  for (const table of [reviews, movies, books]) expectWhole(table)
  expect(reviews.rows).toHaveLength(200)
  expect(column(reviews, "content_text")).toEqual(parsed.map((one) => one.content.text))
  expect(movies.rows).toHaveLength(parsed.reduce((sum, one) => sum + Math.max(1, one.movies.length), 0))
  expect(books.rows).toHaveLength(parsed.reduce((sum, one) => sum + Math.max(1, one.books.length), 0))
  const ends = parsed.map((one) => one.movies.findIndex(({ title }) => title === "end"))
  expect(new Set(ends).size).toBeGreaterThan(3)
  expect(new Set(column(books, "books_metadata_pages")).has("unknown")).toBe(true)
})

it("makes authors, one without a name, with nationalities of which one is empty", () => {
  const { bytes, authors, nationalities } = makeAuthors(100, 2)
  const { results } = parse(bytes) as {
    results: { metadata: { name: string | null }; nationalities: object[] }[]
  }
  for (const table of [authors, nationalities]) expectWhole(table)
  expect(column(authors, "metadata_name")).toEqual(results.map((one) => one.metadata.name))
  expect(results.flatMap((one) => one.nationalities).some((one) => Object.keys(one).length === 0)).toBe(true)
  expect(results.some((one) => one.nationalities.length === 0)).toBe(true)
})

it("makes a log file a day, without a newline at the end", () => {
  const { files, events } = makeEventLogs(3, 50, 3)
  expectWhole(events)
  expect(files.map(({ path }) => path)).toEqual(
    [1, 2, 3].map((day) => `log_data/2018/11/2018-11-0${day}-events.json`),
  )
  const text = files.map(({ bytes }) => bytes.toString())
  expect(text.every((one) => one.endsWith("}"))).toBe(true)
  const lines = text.flatMap((one) => one.split("\n"))
  expect(column(events, "userId")).toEqual(lines.map((line) => JSON.parse(line).userId))
  expect(lines.some((line) => /"registration":15\d{11}\.0,/.test(line))).toBe(true)
  expect(lines.some((line) => line.includes('"userId":""'))).toBe(true)
  expect(lines.some((line) => line.includes('"userAgent":"\\"Mozilla'))).toBe(true)
})

it("makes a file a song, ordered by the bytes of their paths", () => {
  const { files, songs } = makeSongs(60, 4)
  expectWhole(songs)
  expect(files.map(({ bytes }) => parse(bytes).title)).toEqual(column(songs, "title"))
  for (const [i, { path }] of files.entries()) {
    expect(path).toMatch(/^song_data\/[ABC]\/[ABC]\/[ABC]\/TR[^/]+\.json$/)
    if (i > 0) expect(Buffer.compare(Buffer.from(files[i - 1]?.path ?? ""), Buffer.from(path))).toBe(-1)
  }
})

it("brings every column with its first record, whatever the seed", () => {
  for (let seed = 0; seed < 300; seed += 1) {
    const [review] = parse(makeReviews(1, seed).bytes)
    expect(review.books[0].metadata, `seed ${seed}`).toHaveProperty("pages")
    expect(review.movies[0], `seed ${seed}`).toHaveProperty("title")
    const { nationalities } = parse(makeAuthors(1, seed).bytes).results[0]
    expect(nationalities.at(-1), `seed ${seed}`).toHaveProperty("slug")
  }
})
