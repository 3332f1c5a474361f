/**
 * What the reports of data/movies should say, told from the files by plain loops: JSON.parse, a CSV reader of its own,
 * and none of the project's code. Definitions are those of the reports' first lines.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

export type MoviesWorld = {
  readonly movies: readonly { readonly title: string; readonly mins: number | null }[]
  readonly emails: ReadonlySet<string>
  readonly streams: readonly Stream[]
  readonly authors: readonly { readonly name: string; readonly label: string }[]
  readonly books: readonly { readonly name: string; readonly author: string }[]
  readonly meetings: readonly { readonly movie: string; readonly book: string }[]
}

type Stream = {
  readonly title: string | null
  readonly email: string | null
  readonly size: number | null
  readonly start: number | null
  readonly end: number | null
}

type Json = null | string | number | boolean | readonly Json[] | { readonly [key: string]: Json }

/** Reads a folder with the CSV files, and with the vendor's below `vendor` (nested) or beside them (flat). */
export function readMovies(root: string, form: "nested" | "flat"): MoviesWorld {
  const csv = (name: string) => readCsv(readFileSync(join(root, name), "utf8"))
  const folder = form === "nested" ? join(root, "vendor") : root
  const json = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Json[]
  const streams = new Map<string, Stream>()
  const files = readdirSync(root).filter((name) => /^streams.*\.csv$/.test(name))
  for (const row of files.flatMap(csv)) {
    const stream = {
      title: clean(row.movie_title),
      email: lower(row.user_email),
      size: number(row.size_mb),
      start: moment(row.start_at),
      end: moment(row.end_at),
    }
    streams.set(JSON.stringify(stream), stream)
  }
  return {
    movies: csv("movies.csv").flatMap((row) => {
      const title = clean(row.title)
      return title === null ? [] : [{ title, mins: number(row.duration_mins) }]
    }),
    emails: new Set(csv("users.csv").flatMap((row) => lower(row.email) ?? [])),
    streams: [...streams.values()],
    books: json("books.json").flatMap((book) => {
      const [name, author] = [clean(at(book, "name")), clean(at(book, "author"))]
      return name === null || author === null ? [] : [{ name, author }]
    }),
    ...(form === "nested"
      ? {
          authors: json("authors.json").flatMap(nestedAuthor),
          meetings: json("reviews.json").flatMap(nestedReview),
        }
      : {
          authors: json("authors.json").flatMap(flatAuthor),
          meetings: json("reviews.json").flatMap(flatReview),
        }),
  }
}

function nestedAuthor(author: Json) {
  const name = clean(at(author, "metadata", "name"))
  return list(at(author, "nationalities")).flatMap((entry) => {
    const label = clean(at(entry, "label"))
    return name === null || label === null ? [] : [{ name, label }]
  })
}

function flatAuthor(author: Json) {
  const [name, label] = [clean(at(author, "name")), clean(at(author, "nationality"))]
  return name === null || label === null ? [] : [{ name, label }]
}

function nestedReview(review: Json) {
  const movies = list(at(review, "movies")).flatMap((movie) => clean(at(movie, "title")) ?? [])
  const books = list(at(review, "books")).flatMap((book) => clean(at(book, "metadata", "title")) ?? [])
  return movies.filter((movie) => movie !== "end").flatMap((movie) => books.map((book) => ({ movie, book })))
}

function flatReview(review: Json) {
  const [movie, book] = [clean(at(review, "movie")), clean(at(review, "book"))]
  return movie === null || book === null ? [] : [{ movie, book }]
}

/** What of a title or a name tells it apart: its letters and digits, small and without accents. */
export function fold(text: string): string {
  const letters = text
    .replace(/[™℠®©]/g, "")
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll("ß", "ss")
    .replaceAll("ς", "σ")
    .replace(/[^\p{L}\p{N}]/gu, "")
  return letters === "" ? text.trim().toLowerCase() : letters
}

const basedOnBooks = (world: MoviesWorld) => new Set(world.meetings.map(({ movie }) => fold(movie)))

export function shareBasedOnBooks(world: MoviesWorld, per: "movie" | "stream") {
  const based = basedOnBooks(world)
  const titles = world.streams.flatMap(({ title }) => (title === null ? [] : [fold(title)]))
  const counted = per === "movie" ? [...new Set(titles)] : titles
  const some = counted.filter((title) => based.has(title)).length
  return { streamed: counted.length, based_on_books: some, share_percent: percent(some, counted.length) }
}

export type Outage = {
  readonly from: string
  readonly to: string
  readonly match: "overlaps" | "starts_within" | "covers"
  readonly title?: string
}

export function outage(world: MoviesWorld, { from, to, match, title }: Outage) {
  const [begin, end] = [Date.parse(from), Date.parse(to)]
  const meets = {
    overlaps: ({ start, end: stop }: Stream) =>
      start !== null && stop !== null && start < end && stop > begin,
    starts_within: ({ start }: Stream) => start !== null && start >= begin && start < end,
    covers: ({ start, end: stop }: Stream) =>
      start !== null && stop !== null && start <= begin && stop >= end,
  }[match]
  const isMeant = (stream: Stream) =>
    title === undefined || (stream.title !== null && fold(stream.title) === fold(title))
  const hit = world.streams.filter((stream) => isMeant(stream) && meets(stream))
  const users = distinct(hit.map(({ email }) => email))
  return {
    users: users.length,
    of_them_registered: users.filter((email) => world.emails.has(email)).length,
    streams: hit.length,
  }
}

/** `offsetHours` is the zone's in that month. */
export function byNationality(world: MoviesWorld, month: string, offsetHours: number, nationality: string) {
  const labels = [nationality, `${nationality}s`].map((label) => label.toLowerCase())
  const authors = new Set(
    world.authors.filter(({ label }) => labels.includes(label.toLowerCase())).map(({ name }) => fold(name)),
  )
  const books = new Set(
    world.books.filter(({ author }) => authors.has(fold(author))).map(({ name }) => fold(name)),
  )
  const movies = new Set(
    world.meetings.filter(({ book }) => books.has(fold(book))).map(({ movie }) => fold(movie)),
  )
  const { first, after } = boundsOf(month, offsetHours)
  const hit = world.streams.filter(
    ({ title, start }) =>
      title !== null && start !== null && start >= first && start < after && movies.has(fold(title)),
  )
  return {
    movies: new Set(hit.map(({ title }) => fold(title ?? ""))).size,
    streams: hit.length,
    users: distinct(hit.map(({ email }) => email)).length,
  }
}

export function averageDuration(world: MoviesWorld) {
  const lengths = world.streams.flatMap(({ start, end }) =>
    start === null || end === null || end < start ? [] : [end - start],
  )
  const mean = lengths.reduce((sum, one) => sum + one, 0) / lengths.length
  return {
    streams: lengths.length,
    average_minutes: Math.round(mean / 600) / 100,
    average: new Date(mean).toISOString().slice(11, 19),
    left_out: world.streams.length - lengths.length,
  }
}

export function medianSize(world: MoviesWorld) {
  const sizes = world.streams.flatMap(({ size }) => size ?? []).sort((a, b) => a - b)
  // In hundredths, of which the files have whole ones, so that nothing is rounded before the end.
  const hundredths = (at: number) => Math.round((sizes[at] ?? 0) * 100)
  const twice = hundredths(Math.ceil(sizes.length / 2) - 1) + hundredths(Math.floor(sizes.length / 2))
  return {
    streams: sizes.length,
    median_mb: twice / 200,
    median_gb: twice / 200_000,
    left_out: world.streams.length - sizes.length,
  }
}

export function watchedHalf(world: MoviesWorld, month: string, offsetHours: number) {
  const mins = new Map<string, number[]>()
  for (const movie of world.movies) {
    if (movie.mins === null) continue
    mins.set(fold(movie.title), [...(mins.get(fold(movie.title)) ?? []), movie.mins])
  }
  const { after } = boundsOf(month, offsetHours)
  const [any, most] = [new Set<string>(), new Set<string>()]
  for (const { title, email, start, end } of world.streams) {
    if (title === null || email === null || start === null || end === null) continue
    if (start < after - 7 * 86_400_000 || start >= after) continue
    for (const length of mins.get(fold(title)) ?? []) {
      const watched = end - start
      if (watched * 2 < length * 60_000) continue
      any.add(email)
      if (watched <= length * 60_000) most.add(email)
    }
  }
  return { any_length: any.size, at_most_100_percent: most.size }
}

function boundsOf(month: string, offsetHours: number): { first: number; after: number } {
  const [year = 0, number = 1] = month.split("-").map(Number)
  const shift = offsetHours * 3_600_000
  return { first: Date.UTC(year, number - 1, 1) - shift, after: Date.UTC(year, number, 1) - shift }
}

/** With two decimals, halves up. */
function percent(some: number, whole: number): number {
  return Math.floor((20_000 * some + whole) / (2 * whole)) / 100
}

const distinct = (emails: readonly (string | null)[]) => [...new Set(emails.flatMap((email) => email ?? []))]

const nothing = new Set(["", "-", "N/A", "n/a", "unknown", "null"])
const number = (cell = "") => (nothing.has(cell.trim()) ? null : Number(cell))
const lower = (cell = "") => (cell.trim() === "" ? null : cell.trim().toLowerCase())

function moment(cell = ""): number | null {
  // Date.parse wants a colon in the offset.
  return nothing.has(cell.trim()) ? null : Date.parse(cell.trim().replace(/([+-]\d\d)(\d\d)$/, "$1:$2"))
}

function clean(cell: Json | undefined): string | null {
  if (cell === null || cell === undefined) return null
  const text = String(cell).replace(/\s+/gu, " ").trim().normalize("NFC")
  return text === "" ? null : text
}

function at(value: Json | undefined, ...keys: readonly string[]): Json | undefined {
  let found: Json | undefined = value
  for (const key of keys) {
    if (found === null || typeof found !== "object" || Array.isArray(found)) return undefined
    found = (found as { readonly [key: string]: Json })[key]
  }
  return found
}

const list = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : [])

/** Rows by their header's names: commas, quotes and line breaks in quotes, as in RFC 4180. */
function readCsv(text: string): Partial<Record<string, string>>[] {
  const rows: string[][] = [[""]]
  let inQuotes = false
  for (let i = 0; i < text.length; i += 1) {
    const row = rows.at(-1) as string[]
    const sign = text[i] as string
    if (sign === '"' && inQuotes && text[i + 1] === '"') {
      row[row.length - 1] += '"'
      i += 1
    } else if (sign === '"') inQuotes = !inQuotes
    else if (sign === "," && !inQuotes) row.push("")
    else if (sign === "\n" && !inQuotes) rows.push([""])
    else if (sign !== "\r" || inQuotes) row[row.length - 1] += sign
  }
  const [header = [], ...records] = rows.filter((row) => row.length > 1 || row[0] !== "")
  return records.map((record) => Object.fromEntries(header.map((name, i) => [name, record[i] ?? ""])))
}
