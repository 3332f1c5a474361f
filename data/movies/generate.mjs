/**
 * Makes the files of a streaming company that does not exist, and of its vendor, always the same for the same seed:
 *
 *   node data/movies/generate.mjs
 *   node data/movies/generate.mjs --out /tmp/others --seed 7 --streams 2000 --month 2023-07
 *
 * Below --out (this folder unless told): `files`, the company's CSV and the vendor's first drop; `second-drop`, what the
 * vendor sends later; `flat/files`, a small set with the vendor's files in their flat form.
 *
 * Long because it is one program that runs as it stands, on every supported Node and without a package. Additions and
 * multiplications only, no logarithms or sines: those may differ in the last digit from one machine to the next.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const words = {
  adjective:
    "Quiet Silver Broken Hidden Last Slow Distant Paper Golden Empty Northern Crooked Velvet Bitter".split(
      " ",
    ),
  noun: "Harbour Orchard Winter Letter Lantern River Station Garden Mirror Island Engine Sparrow Bridge Kitchen".split(
    " ",
  ),
  place: "Lisbon Tromsø Kyoto Penang Galway Odessa Málaga Bergen Tampa Łódź".split(" "),
  first:
    "Ada Bo Cleo Dev Esi Finn Gita Hugo Ines Jun Kofi Lena Mika Nour Olga Paz Quin Rosa Siti Tariq".split(
      " ",
    ),
  last: "Abara Berg Cho Dhar Engel Farah Goh Holm Iyer Jansen Kaya Lim Moreau Ng Okoro Petit Rao Sá Tan Vega".split(
    " ",
  ),
  publisher: ["Low Tide Press", "Northlight", "Kestrel & Daughters", "Small Hours", "Ninth Street Books"],
  verdict: ["poor", "fair", "good", "very good", "outstanding"],
  praise:
    "a patient story|too long by half|better than its trailer|funny where it should not be|worth a second look|all mood and no plot|the ending pays for the middle|read the book first".split(
      "|",
    ),
}

// Titles with what titles have: commas, quotes, dashes, a middle dot, accents, a line break.
const oddTitles = [
  "Unforgiven",
  "Salt, Smoke and Iron",
  'The "Quiet" Room',
  "Harbour – Part Two",
  "Echo·9",
  "Nobody’s Kitchen",
  "Café Noir",
  "Ten to Seven: A Waltz",
  "The Long\nRoad Home",
  "¿Dónde?",
  "…",
  "Ælfric & Sons",
]

const nationalities =
  "Argentine Brazilian Danish Estonian French Ghanaian Indian Irish Japanese Malaysian".split(" ")
const languages = ["English", "English", "English", "French", "Japanese", "Malay", "Spanish", "Danish"]

/** One company and its vendor: everything that the files are written from. */
function makeWorld(random, { movies, users, authors, books, reviews, streams, month }) {
  const titles = makeTitles(random, movies)
  const world = {
    movies: titles.map((title) => ({
      title,
      minutes: random.between(71, 188),
      language: random.pick(languages),
    })),
    users: Array.from({ length: users }, (_, i) => makeUser(random, i)),
    authors: Array.from({ length: authors }, (_, i) => makeAuthor(random, i)),
  }
  world.books = Array.from({ length: books }, (_, i) => makeBook(random, i, world))
  world.reviews = Array.from({ length: reviews }, (_, i) => makeReview(random, i, world, month))
  world.streams = makeStreams(random, world, streams, month)
  return world
}

function makeTitles(random, count) {
  const titles = new Set(oddTitles)
  while (titles.size < count) {
    const [adjective, noun, place] = [words.adjective, words.noun, words.place].map(random.pick)
    const made = [
      `The ${adjective} ${noun}`,
      `${adjective} ${noun}`,
      `${noun}, ${place}`,
      `${/^[IEO]/.test(noun) ? "An" : "A"} ${noun} in ${place}`,
      `${place} – ${adjective} ${noun}`,
      `The ${noun}'s ${random.pick(words.noun)}`,
    ]
    titles.add(random.pick(made))
    if (titles.size > 2_000) break
  }
  return [...titles]
}

function makeUser(random, number) {
  const [first, last] = [random.pick(words.first), random.pick(words.last)]
  const plain = (name) => name.normalize("NFD").replace(/[^A-Za-z]/g, "")
  return {
    first,
    last,
    email: `${plain(first)}.${plain(last)}${number}@example.org`.toLowerCase(),
  }
}

function makeAuthor(random, number) {
  const labels = [
    number % 8 === 3 ? random.pick(["Singaporean", "Singaporeans"]) : random.pick(nationalities),
  ]
  if (random.chance(0.2)) labels.push(random.pick(nationalities))
  const born = `19${random.between(10, 84)}-${two(random.between(1, 12))}-${two(random.between(1, 28))}`
  return {
    // One author has no name.
    name: number === 5 ? null : `${random.pick(words.first)} ${random.pick(words.last)} ${numeral(number)}`,
    born,
    died: random.chance(0.2) ? `20${two(random.between(0, 20))}-${two(random.between(1, 12))}-11` : null,
    labels: [...new Set(labels)],
    emptyAt: random.between(0, 2),
  }
}

function makeBook(random, number, { movies, authors }) {
  // Every third book has the title of a movie.
  const movie = movies[(number * 7) % movies.length]
  const own = `${random.pick(words.noun)}s of ${random.pick(words.place)}, ${random.pick(words.adjective)} ${number}`
  return {
    name: number % 3 === 0 ? movie.title : own,
    pages: random.chance(0.1) ? random.pick([null, "unknown"]) : random.between(90, 720),
    author: random.chance(0.05) ? null : (random.pick(authors).name ?? "Anonymous"),
    publisher: random.chance(0.1) ? null : random.pick(words.publisher),
  }
}

function makeReview(random, number, { movies, books }, month) {
  const rate = random.between(1, 5)
  const about = Array.from({ length: random.chance(0.15) ? 2 : 1 }, () =>
    random.between(0, movies.length - 1),
  )
  const named = random.chance(0.5) ? [] : [random.between(0, books.length - 1)]
  if (named.length > 0 && random.chance(0.1)) named.push(random.between(0, books.length - 1))
  const day = `${month}-${two(random.between(1, 28))}`
  const clock = `T${two(random.between(0, 23))}:${two(random.between(0, 59))}:${two(number % 60)}Z`
  return {
    // One has no text, as a review that was only a number of stars.
    text:
      number % 97 === 11
        ? null
        : `${capital(random.pick(words.praise))}, ${random.pick(words.praise)} (${number}).`,
    rate: random.chance(0.03) ? null : rate,
    label: words.verdict[rate - 1],
    books: [...new Set(named)],
    movies: [...new Set(about)],
    endAt: random.between(0, 2),
    created: `${day}${clock}`,
    updated: `${day}${clock}`,
  }
}

function makeStreams(random, { movies, users }, count, month) {
  const [year, number] = month.split("-").map(Number)
  const from = Date.UTC(year, number - 1, 1)
  const span = Date.UTC(year, number, 1) - from
  const rows = []
  while (rows.length < count) {
    // The first is watched most, and so is what comes before the middle.
    const at = random.chance(0.06) ? 0 : Math.floor(random.next() * random.next() * movies.length)
    const { title, minutes } = movies[at]
    const start = from + Math.floor(random.next() * span)
    const share = random.chance(0.45)
      ? 0.02 + random.next() * 0.48
      : random.chance(0.55)
        ? 0.5 + random.next() * 0.5
        : 1 + random.next() * 0.6
    const end = start + Math.floor(minutes * share * 60_000)
    rows.push({
      title: random.chance(0.004) ? "Not In Any List" : title,
      email: random.chance(0.006) ? `guest${random.between(1, 9)}@example.net` : random.pick(users).email,
      size: `${random.between(90, 3_900)}.${two(random.between(0, 99))}`,
      start,
      end,
    })
    // Now and then a row comes twice.
    if (random.chance(0.005) && rows.length < count) rows.push({ ...rows.at(-1) })
  }
  return rows
}

/** The vendor's data some weeks later: what has changed, gone and come. */
function makeSecondDrop(random, world, month) {
  const authors = world.authors
    .filter((_, i) => i % 40 !== 17)
    .map((author, i) => {
      if (i % 20 === 6) return { ...author, labels: [...author.labels, "Singaporean"] }
      if (i % 20 === 12) return { ...author, died: "2021-12-30" }
      return author
    })
  const books = world.books.map((book, i) => {
    if (i % 25 === 4) return undefined
    return i % 10 === 2 ? { ...book, publisher: "Northlight", pages: 300 + i } : book
  })
  const kept = world.reviews
    .filter((_, i) => i % 12 !== 5)
    .map((review, i) =>
      i % 9 === 0
        ? { ...review, rate: 1 + ((review.rate ?? 0) % 5), updated: `${month}-28T23:30:00Z` }
        : review,
    )
  const added = Array.from({ length: Math.ceil(world.reviews.length / 20) }, (_, i) =>
    makeReview(random, world.reviews.length + i, world, month),
  )
  return { ...world, authors, books, reviews: [...kept, ...added] }
}

// A vendor shouts, and is not careful with signs and spaces.
function shout(title, number) {
  const loud = title.toUpperCase().replace("\n", " ")
  switch (number % 4) {
    case 0:
      return loud
    case 1:
      return loud.replaceAll("–", "-").replaceAll("’", "'")
    case 2:
      return loud.replaceAll(",", "").replaceAll('"', "").replaceAll("·", "-")
    default:
      return ` ${loud.replaceAll(" ", "  ")}`
  }
}

const nested = {
  authors: ({ authors }) =>
    authors.map(({ name, born, died, labels, emptyAt }) => {
      const entries = labels.map((label) => ({
        id: `n${[...nationalities, "Singaporean", "Singaporeans"].indexOf(label) + 1}`,
        label,
        slug: label.toLowerCase(),
      }))
      entries.splice(Math.min(emptyAt, entries.length), 0, {})
      return { metadata: { name, birth_date: born, died_at: died }, nationalities: entries }
    }),
  books: ({ books }) => books.filter((book) => book !== undefined),
  reviews: ({ reviews, books, movies }) =>
    reviews.map(({ text, rate, label, books: named, movies: about, endAt, created, updated }, i) => {
      const titles = about.map((at) => ({ id: 1_000 + at, title: shout(movies[at].title, i) }))
      titles.splice(Math.min(endAt, titles.length), 0, { id: 0, title: "end" })
      return {
        content: { text },
        rating: { rate, label },
        books: named.flatMap((at) => {
          const book = books[at]
          if (book === undefined) return []
          return [{ id: `b${at}`, metadata: { title: shout(book.name, i + 1), pages: "unknown" } }]
        }),
        movies: titles,
        created,
        updated,
      }
    }),
}

const flat = {
  authors: ({ authors }) =>
    authors.map(({ name, born, died, labels }) => ({
      ...{ name, birth_date: born, died_at: died },
      nationality: labels[0],
    })),
  books: nested.books,
  reviews: ({ reviews, books, movies }) =>
    reviews.map(({ text, rate, books: named, movies: about }, i) => ({
      movie: shout(movies[about[0]].title, i),
      rate,
      book: named.length === 0 ? null : shout(books[named[0]].name, i + 1),
      resume: text,
    })),
}

function moviesCsv(random, { movies }) {
  const lines = ["title,duration_mins,original_language,size_mb"]
  const add = (...cells) => lines.push(cells.map(quoted).join(","))
  for (const [i, { title, minutes, language }] of movies.entries()) {
    const size = `${random.between(700, 4_200)}.${random.between(0, 9)}`
    add(title, i % 41 === 13 ? "" : minutes, i % 37 === 9 ? "N/A" : language, size)
    // Another cut, another language: one title, several rows.
    if (i % 8 === 3) add(title, minutes + random.between(5, 25), random.pick(languages), size)
    if (i % 50 === 21) lines.push(lines.at(-1))
  }
  return file(lines)
}

function usersCsv(random, { users }) {
  const lines = ["first_name,last_name,email"]
  for (const [i, { first, last, email }] of users.entries()) {
    lines.push([i % 31 === 7 ? "" : first, i % 43 === 8 ? "" : last, email].map(quoted).join(","))
    // Somebody signed up once more, in other letters; the later row has the name of today.
    if (i % 60 === 30) lines.push([first, random.pick(words.last), ` ${email.toUpperCase()}`].join(","))
  }
  lines.push("Nemo,,")
  return file(lines)
}

function streamsCsv({ streams }, offset) {
  const lines = ["movie_title,user_email,size_mb,start_at,end_at"]
  for (const [i, { title, email, size, start, end }] of streams.entries()) {
    lines.push(
      [
        i % 499 === 250 ? "" : i % 211 === 100 ? `${title.replaceAll(" ", "  ")} ` : title,
        i % 613 === 40 ? "" : i % 97 === 50 ? email.toUpperCase() : email,
        i % 301 === 7 ? "" : i % 701 === 9 ? "N/A" : size,
        moment(start, offset),
        i % 401 === 77 ? "" : moment(end, offset),
      ]
        .map(quoted)
        .join(","),
    )
  }
  return file(lines)
}

/** A clock time with its offset, as 2021-12-01T00:07:15.386+0100; `time` is the clock's. */
function moment(time, offset) {
  return new Date(time).toISOString().replace("Z", offset)
}

function quoted(cell) {
  const text = String(cell)
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const file = (lines) => `${lines.join("\n")}\n`
const json = (records) => `[\n${records.map((record) => JSON.stringify(record)).join(",\n")}\n]\n`
const two = (number) => String(number).padStart(2, "0")
const capital = (text) => text[0].toUpperCase() + text.slice(1)

/** 1 is I, 9 is IX: so that no two authors have the same name. */
function numeral(number) {
  const signs = [
    [100, "C"],
    [90, "XC"],
    [50, "L"],
    [40, "XL"],
    [10, "X"],
    [9, "IX"],
    [5, "V"],
    [4, "IV"],
    [1, "I"],
  ]
  let [rest, text] = [number + 1, ""]
  for (const [value, sign] of signs) for (; rest >= value; rest -= value) text += sign
  return text
}

function createRandom(seed) {
  let state = seed >>> 0
  // mulberry32 (public domain): 32 bits of state are plenty for sample data.
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const between = (least, most) => least + Math.floor(next() * (most - least + 1))
  return {
    next,
    between,
    chance: (share) => next() < share,
    pick: (choices) => choices[between(0, choices.length - 1)],
  }
}

function write(folder, files) {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
}

function main() {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: dirname(fileURLToPath(import.meta.url)) },
      seed: { type: "string", default: "1" },
      streams: { type: "string", default: "9120" },
      month: { type: "string", default: "2021-12" },
      offset: { type: "string", default: "+0100" },
    },
  })
  const { out, month, offset } = values
  const [seed, streams] = [Number(values.seed), Number(values.streams)]
  if (!Number.isInteger(streams) || streams < 1 || !Number.isInteger(seed) || !/^\d{4}-\d\d$/.test(month)) {
    const given = `--streams ${values.streams} --seed ${values.seed} --month ${month}`
    process.stderr.write(`${given}: expected whole numbers, streams from 1, and a month such as 2021-12\n`)
    process.exitCode = 2
    return
  }
  const random = createRandom(seed)
  const world = makeWorld(random, {
    ...{ movies: 160, users: 1_400, authors: 110, books: 150, reviews: 260 },
    ...{ streams, month },
  })
  const vendor = (form, one) => ({
    "authors.json": json(form.authors(one)),
    "books.json": json(form.books(one)),
    "reviews.json": json(form.reviews(one)),
  })
  const first = vendor(nested, world)
  write(join(out, "files"), {
    "movies.csv": moviesCsv(random, world),
    "users.csv": usersCsv(random, world),
    "streams.csv": streamsCsv(world, offset),
    ...Object.fromEntries(Object.entries(first).map(([name, content]) => [`vendor/${name}`, content])),
  })
  write(join(out, "second-drop"), vendor(nested, makeSecondDrop(random, world, month)))

  const small = makeWorld(random, {
    ...{ movies: 30, users: 90, authors: 16, books: 40, reviews: 80 },
    ...{ streams: Math.ceil(streams / 30), month },
  })
  write(join(out, "flat", "files"), {
    "movies.csv": moviesCsv(random, small),
    "users.csv": usersCsv(random, small),
    "streams.csv": streamsCsv(small, offset),
    ...vendor(flat, small),
  })
}

main()
