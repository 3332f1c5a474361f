/**
 * JSON as it is met with: reviews of books and movies, authors, a service's event log by days, and a folder of songs.
 * Each comes with the tables that it makes, so a test can say of every cell where it must be.
 *
 * Long because it is a list of four kinds of data, and they share what is above them.
 */
import {
  type JsonSpace,
  type JsonTree,
  jsonArray,
  jsonBoolean,
  jsonNull,
  jsonNumber,
  jsonObject,
  jsonString,
} from "./json-tree.ts"
import { createRandom, type Random } from "./random.ts"

type Row = readonly (string | null)[]

/** Columns by name and type, in their order; a cell is text, a number as it is written, JSON as it is
 * written, or a timestamp in UTC as Date spells it; null is NULL. */
export type JsonTable = {
  readonly columns: Readonly<Record<string, string>>
  readonly rows: readonly Row[]
}

export type JsonFile = { readonly path: string; readonly bytes: Buffer }

const names = [
  "Line Renaud",
  "Zoë O'Hara",
  "李小龍",
  "Ayşe Kaya",
  'Sam "the Hat" Lee',
  "María José",
  "Bo\\b",
  "",
]
const titles = [
  "Der Kleine Dompfaff",
  "end of it",
  "Ünïcödé",
  "A/B\tC",
  "",
  'The "End"',
  "null",
  "12 Monkeys",
  "😀",
]
const sentences = [
  "Read it twice,\nthen once more.",
  'He said "no", and meant it.',
  "Für mich: das beste Buch.",
  "C:\\books\\new",
  "",
  "日本語の本",
  "ten out of ten 😀",
]

const two = (number: number) => String(number).padStart(2, "0")
const dayOf = (random: Random, from = 1950, to = 2023) =>
  `${random.between(from, to)}-${two(random.between(1, 12))}-${two(random.between(1, 28))}`
const timeOf = (random: Random) =>
  `${two(random.between(0, 23))}:${two(random.between(0, 59))}:${two(random.between(0, 59))}`
const decimal = (random: Random, most: number, digits: number) =>
  `${random.between(0, most)}.${String(random.between(0, 10 ** digits - 1)).padStart(digits, "0")}`

/** Spelled over many lines, as an export for people is. */
const wide: JsonSpace = () => "\n  "

type Members = readonly (readonly [string, JsonTree])[]
const string = (text: string | null, random?: Random) => (text === null ? jsonNull : jsonString(text, random))
const number = (lexeme: string | null) => (lexeme === null ? jsonNull : jsonNumber(lexeme))

/** Reviews in one array. `movies` ends now and then with an element that is none, titled `end`. */
export function makeReviews(
  count: number,
  seed: number,
): {
  readonly bytes: Buffer
  readonly reviews: JsonTable
  readonly movies: JsonTable
  readonly books: JsonTable
} {
  const random = createRandom(seed)
  const records: string[] = []
  const reviews: Row[] = []
  const movieRows: Row[] = []
  const bookRows: Row[] = []
  for (let id = 1; id <= count; id += 1) {
    const space = random.chance(0.3) ? wide : () => ""
    const text = random.pick(sentences)
    const rate = random.pick(["1", "2", "3.5", "4.0", "4.75", "5"])
    const label = random.chance(0.1) ? null : random.pick(["good", "bad", "so-so"])
    // The first review has a book and a movie titled `end`: columns stand in the order in which records bring them.
    const books = Array.from({ length: random.between(id === 1 ? 1 : 0, 3) }, () => ({
      id: String(random.between(1, 900)),
      title: random.pick(titles),
      pages: random.chance(0.3) ? "unknown" : random.between(20, 900),
    }))
    const movies = Array.from({ length: random.between(0, 3) }, () => ({
      id: String(random.between(1, 900)),
      title: random.pick(titles),
    }))
    if (id === 1 || random.chance(0.5))
      movies.splice(random.between(0, movies.length), 0, { id: "0", title: "end" })
    const created = `${dayOf(random, 2019)}T${timeOf(random)}.${random.between(100, 999)}Z`
    const updated = random.chance(0.5) ? null : `${dayOf(random, 2019)}T${timeOf(random)}.000Z`
    const bookTrees = books.map(({ id, title, pages }) => {
      const count = typeof pages === "number" ? jsonNumber(String(pages)) : jsonString(pages)
      const metadata: Members = [
        ["title", jsonString(title)],
        ["pages", count],
      ]
      return jsonObject(
        [
          ["id", jsonNumber(id)],
          ["metadata", jsonObject(metadata, space)],
        ],
        space,
      )
    })
    const movieTrees = movies.map(({ id, title }) =>
      jsonObject(
        [
          ["id", jsonNumber(id)],
          ["title", jsonString(title, random)],
        ],
        space,
      ),
    )
    const [booksArray, moviesArray] = [jsonArray(bookTrees, space), jsonArray(movieTrees, space)]
    const rating: Members = [
      ["rate", jsonNumber(rate)],
      ["label", string(label)],
    ]
    records.push(
      jsonObject(
        [
          ["id", jsonNumber(String(id))],
          ["content", jsonObject([["text", jsonString(text, random)]], space)],
          ["rating", jsonObject(rating, space)],
          ["books", booksArray],
          ["movies", moviesArray],
          ["created", jsonString(created)],
          ["updated", string(updated)],
        ],
        space,
      ).written,
    )
    const [before, after] = [
      [String(id), text, rate, label],
      [created, updated],
    ]
    reviews.push([...before, booksArray.written, moviesArray.written, ...after])
    for (const movie of movies.length === 0 ? [undefined] : movies) {
      movieRows.push([...before, booksArray.written, movie?.id ?? null, movie?.title ?? null, ...after])
    }
    for (const book of books.length === 0 ? [undefined] : books) {
      const pages = book === undefined ? null : String(book.pages)
      bookRows.push([...before, book?.id ?? null, book?.title ?? null, pages, moviesArray.written, ...after])
    }
  }
  const before = { id: "integer", content_text: "text", rating_rate: "numeric", rating_label: "text" }
  const after = { created: "timestamptz", updated: "timestamptz" }
  const [bookColumns, movieColumns] = [
    { books_id: "integer", books_metadata_title: "text", books_metadata_pages: "text" },
    { movies_id: "integer", movies_title: "text" },
  ]
  return {
    bytes: Buffer.from(`[\n${records.join(",\n")}\n]\n`),
    reviews: { columns: { ...before, books: "jsonb", movies: "jsonb", ...after }, rows: reviews },
    movies: { columns: { ...before, books: "jsonb", ...movieColumns, ...after }, rows: movieRows },
    books: { columns: { ...before, ...bookColumns, movies: "jsonb", ...after }, rows: bookRows },
  }
}

/** Authors below a key of the document; among their nationalities stands an empty object, and some have none. */
export function makeAuthors(
  count: number,
  seed: number,
): {
  readonly bytes: Buffer
  readonly pointer: string
  readonly authors: JsonTable
  readonly nationalities: JsonTable
} {
  const random = createRandom(seed)
  const places = [
    ["1", "Türkiye", "tr"],
    ["2", "Côte d’Ivoire", "ci"],
    ["3", "Éire", "ie"],
  ] as const
  const records: string[] = []
  const authors: Row[] = []
  const nationalities: Row[] = []
  for (let id = 1; id <= count; id += 1) {
    const name = id === 2 || random.chance(0.05) ? null : random.pick(names)
    const birth = dayOf(random)
    const died = id === 1 || random.chance(0.4) ? dayOf(random, 2000) : null
    const held = Array.from({ length: random.between(0, 2) }, () => random.pick(places))
    const entries: (readonly [string, string, string] | undefined)[] = [...held]
    // One empty entry, wherever.
    if (id === 1 || random.chance(0.3)) entries.splice(random.between(0, entries.length), 0, undefined)
    if (id === 1) entries.push(places[0])
    const array = jsonArray(
      entries.map((entry) => {
        if (entry === undefined) return jsonObject([])
        const [number, label, slug] = entry
        return jsonObject([
          ["id", jsonNumber(number)],
          ["label", jsonString(label, random)],
          ["slug", jsonString(slug)],
        ])
      }),
    )
    const metadata: Members = [
      ["name", string(name, random)],
      ["birth_date", jsonString(birth)],
      ["died_at", string(died)],
    ]
    const members: Members = [
      ["id", jsonNumber(String(id))],
      ["metadata", jsonObject(metadata)],
      ["nationalities", array],
    ]
    records.push(jsonObject(members).written)
    const parent = [String(id), name, birth, died]
    authors.push([...parent, array.written])
    for (const entry of entries.length === 0 ? [undefined] : entries) {
      nationalities.push([...parent, ...(entry ?? [null, null, null])])
    }
  }
  const columns = {
    id: "integer",
    metadata_name: "text",
    metadata_birth_date: "date",
    metadata_died_at: "date",
  }
  const exploded = { nationalities_id: "integer", nationalities_label: "text", nationalities_slug: "text" }
  return {
    bytes: Buffer.from(`{"count":${count},"results":[${records.join(",")}],"next":null}`),
    pointer: "/results",
    authors: { columns: { ...columns, nationalities: "jsonb" }, rows: authors },
    nationalities: { columns: { ...columns, ...exploded }, rows: nationalities },
  }
}

/** The settings of `columns` with which the event log becomes its table. */
export const eventColumns = {
  types: { userId: "text" },
  clean: { ts: [{ epoch: "ms" }], registration: [{ epoch: "ms" }] },
} as const

const agents = [
  '"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/36.0 Safari/537.36"',
  "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:31.0) Gecko/20100101 Firefox/31.0",
  '"Mozilla/5.0 (iPhone; CPU iPhone OS 7_1_2 like Mac OS X)"',
]

/** What a music service logged: a file of NDJSON for each day, without a newline at its end. In the paths' order. */
export function makeEventLogs(
  days: number,
  eventsPerDay: number,
  seed: number,
): { readonly files: readonly JsonFile[]; readonly events: JsonTable } {
  const random = createRandom(seed)
  const rows: Row[] = []
  const files: JsonFile[] = []
  for (let day = 0; day < days; day += 1) {
    const start = Date.UTC(2018, 10, 1 + day)
    const lines = Array.from({ length: eventsPerDay }, (_, i) => {
      const ts = start + Math.floor((86_400_000 / eventsPerDay) * i) + random.between(0, 999)
      // The first of a day is a song somebody heard: each column is there from the first line on, and not NULL alone.
      const isKnown = i === 0 || random.chance(0.8)
      const isSong = isKnown && (i === 0 || random.chance(0.8))
      const registered = 1_540_000_000_000 + random.between(0, 999_999_999)
      const [first, last] = isKnown ? [random.pick(["Kaylee", "Zoë", "Bo"]), "Summers"] : [null, null]
      const cells = {
        artist: isSong ? random.pick(names) : null,
        auth: isKnown ? "Logged In" : "Logged Out",
        firstName: first,
        itemInSession: String(i),
        lastName: last,
        length: isSong ? decimal(random, 600, 5) : null,
        level: isKnown && random.chance(0.5) ? "paid" : "free",
        location: isKnown ? "Phoenix-Mesa-Scottsdale, AZ" : null,
        registration: isKnown ? `${registered}.0` : null,
        song: isSong ? random.pick(titles) : null,
        status: random.pick(["200", "307", "404"]),
        ts: String(ts),
        userAgent: isKnown ? random.pick(agents) : null,
        userId: isKnown ? String(random.between(1, 99)) : "",
      }
      rows.push(
        Object.values({
          ...cells,
          registration: isKnown ? new Date(registered).toISOString() : null,
          ts: new Date(ts).toISOString(),
        }),
      )
      const numbers = new Set(["itemInSession", "length", "registration", "status", "ts"])
      const members = Object.entries(cells).map(
        ([key, cell]) => [key, numbers.has(key) ? number(cell) : string(cell)] as const,
      )
      return jsonObject(members).written
    })
    const name = new Date(start).toISOString().slice(0, 10)
    const path = `log_data/${name.slice(0, 4)}/${name.slice(5, 7)}/${name}-events.json`
    files.push({ path, bytes: Buffer.from(lines.join("\n")) })
  }
  const text = "text"
  const columns = {
    ...{
      artist: text,
      auth: text,
      firstName: text,
      itemInSession: "integer",
      lastName: text,
      length: "numeric",
    },
    ...{ level: text, location: text, registration: "timestamptz", song: text, status: "integer" },
    ...{ ts: "timestamptz", userAgent: text, userId: text },
  }
  return { files, events: { columns, rows } }
}

/** A folder of songs, one object a file, three folders deep by the letters of its name. In the paths' order. */
export function makeSongs(
  count: number,
  seed: number,
): { readonly files: readonly JsonFile[]; readonly songs: JsonTable } {
  const random = createRandom(seed)
  const letter = () => random.pick([..."ABC"])
  const songs = Array.from({ length: count }, (_, i) => {
    const folder = [letter(), letter(), letter()]
    // A folder is before what is in it, a letter of either case where its byte is: by bytes, not by a language.
    const path = `song_data/${folder.join("/")}/TR${folder.join("")}${random.pick(["a", "Z", "_", "é"])}${i}.json`
    const isPlaced = i === 0 || random.chance(0.5)
    const cells = {
      num_songs: "1",
      artist_id: `AR${random.between(1000, 9999)}`,
      artist_latitude: isPlaced ? `-${decimal(random, 89, 5)}` : null,
      artist_location: random.pick(["", "Morris County, NJ", "Noci (BA)"]),
      artist_name: random.pick(names),
      is_live: random.chance(0.5) ? "true" : "false",
      title: random.pick(titles),
      duration: decimal(random, 400, 5),
      year: random.pick(["0", "1969", "2004"]),
    }
    const numbers = new Set(["num_songs", "artist_latitude", "duration", "year"])
    const members = Object.entries(cells).map(([key, cell]) => {
      if (key === "is_live") return [key, jsonBoolean(cell === "true")] as const
      return [key, numbers.has(key) ? number(cell) : string(cell, random)] as const
    })
    const end = random.chance(0.5) ? "\n" : ""
    const bytes = Buffer.from(jsonObject(members, random.chance(0.3) ? wide : undefined).written + end)
    return { path, bytes, cells: Object.values(cells) }
  }).sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
  const columns = {
    ...{ num_songs: "integer", artist_id: "text", artist_latitude: "numeric", artist_location: "text" },
    ...{ artist_name: "text", is_live: "boolean", title: "text", duration: "numeric", year: "integer" },
  }
  return {
    files: songs.map(({ path, bytes }) => ({ path, bytes })),
    songs: { columns, rows: songs.map(({ cells }) => cells) },
  }
}
