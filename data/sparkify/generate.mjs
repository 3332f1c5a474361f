/**
 * Makes the files of a music streaming company that does not exist, always the same for the same options:
 *
 *   node data/sparkify/generate.mjs
 *   node data/sparkify/generate.mjs --out some/folder --seed 7 --songs 300 --sessions 2000 --month 2021-02
 *
 * `song_data/A/B/C/TR….json`: one object in each file, as a song library exports them. `log_data/YEAR/MONTH/DAY-events.json`:
 * what listeners did, one object a line, the last line without its newline. Files that lie there already are
 * written over; nothing is deleted.
 *
 * Plain JavaScript, so that every supported Node runs it as it stands. Additions and multiplications only, no
 * logarithms or sines: those may differ in the last digit from one machine to the next.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
const signs = "0123456789ABCDEF"
const dayMs = 86_400_000

const firstWords =
  "Copper Paper Winter Silver Hollow Northern Golden Quiet Electric Broken Scarlet Velvet Distant Crooked Marble Little Lunar Ashen Wandering Salt".split(
    " ",
  )
const secondWords =
  "Harbour Engines Sparrows Lanterns Avenue Choir Rivers Machine Orchard Kites Pilots Island Foxes Cathedral Radio Meadow Tides Postcards Bakery Comets".split(
    " ",
  )
const givenNames =
  "Aino Bruno Chiara Dele Elif Femi Greta Hana Ivo Jana Kofi Lía Mirek Noor Océane Pavel Quinn Rosa Søren Tala".split(
    " ",
  )
const familyNames =
  "Abara Bianchi Castillo Dvořák Eriksen Fontaine Grünwald Haddad Ibarra Jensen Kovács Lindqvist Moreau Novak Okafor Pereira Quist Romero Sato Tremblay".split(
    " ",
  )
const titles = [
  "Don't Wait Up",
  "Seven Miles (Live)",
  "Café Noir",
  "Rain, Rain, Rain",
  '"Hush"',
  "Überall",
  "A Letter To No One",
  "Slow Trains",
  "Año Nuevo",
  "Second Hand Sun",
  "Nobody's Fault / Reprise",
  "Hold The Line Open",
  "L'heure bleue",
  "Sing It Back",
  "Under The Viaduct",
  "Ten Past Four",
  "Glass & Wire",
  "The Cartographer",
  "Warm Static",
  "Leave The Light On",
]
const locations = [
  "San Francisco-Oakland-Hayward, CA",
  "Portland-South Portland, ME",
  "Lansing-East Lansing, MI",
  "Chicago-Naperville-Elgin, IL-IN-WI",
  "Atlanta-Sandy Springs-Roswell, GA",
  "Waterloo-Cedar Falls, IA",
  "Tampa-St. Petersburg-Clearwater, FL",
  "Lake Havasu City-Kingman, AZ",
  "Janesville-Beloit, WI",
  "Winston-Salem, NC",
  "Red Bluff, CA",
  "Augusta-Richmond County, GA-SC",
]
// Some browsers are logged with quotes around their names, some without.
const browsers = [
  '"Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 Chrome/36.0 Safari/537.36"',
  '"Mozilla/5.0 (Macintosh) AppleWebKit/537.77 Version/7.0 Safari/537.77"',
  "Mozilla/5.0 (Windows NT 6.1; rv:31.0) Gecko/20100101 Firefox/31.0",
  "Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/31.0",
]
/** How much is listened to in each hour of a day, by UTC: most of it in the afternoons of California. */
const hourWeights = [13, 12, 10, 8, 7, 6, 5, 4, 3, 2, 2, 2, 3, 4, 4, 5, 6, 6, 7, 7, 7, 8, 10, 12]

/** The objects of the song library, each with its path below `song_data`. */
function makeLibrary(random, count) {
  const artists = Array.from({ length: Math.max(1, Math.ceil(count * 0.6)) }, () => artist(random))
  const songs = Array.from({ length: count }, () => {
    const by = random.pick(artists)
    return {
      path: trackPath(random),
      song: {
        num_songs: 1,
        artist_id: by.id,
        artist_latitude: by.place?.[1] ?? null,
        artist_longitude: by.place?.[2] ?? null,
        artist_location: by.place?.[0] ?? "",
        // The same artist in another spelling: with whom they played that day.
        artist_name: random.chance(0.12) ? `${by.name} feat. ${artistName(random)}` : by.name,
        song_id: identifier("SO", random),
        title: `${random.pick(titles)}${random.chance(0.2) ? ` (${random.pick(secondWords)} Mix)` : ""}`,
        duration: random.duration(),
        year: random.chance(0.55) ? 0 : random.whole(1969, 2010),
      },
    }
  })
  // A song that the library holds twice, and one that it holds under two names.
  if (count > 3) {
    songs[1].song = { ...songs[0].song }
    songs[3].song = { ...songs[2].song, song_id: songs[3].song.song_id }
  }
  return songs
}

const places = [
  ["London, England", 51.50632, -0.12714],
  ["Oslo, Norway", 59.91228, 10.74998],
  ["California - LA", 34.05349, -118.24532],
  ["Québec", 46.8132, -71.20745],
  ["", null, null],
  ["Memphis, TN", null, null],
]

function artist(random) {
  return {
    id: identifier("AR", random),
    name: artistName(random),
    place: random.chance(0.6) ? random.pick(places) : undefined,
  }
}

function artistName(random) {
  return random.chance(0.5)
    ? `${random.pick(givenNames)} ${random.pick(familyNames)}`
    : `${random.chance(0.4) ? "The " : ""}${random.pick(firstWords)} ${random.pick(secondWords)}`
}

/** `SOAXGDH12A8C13F8A1`, say. */
function identifier(kind, random) {
  const of = (alphabet, length) => Array.from({ length }, () => random.pick([...alphabet])).join("")
  return `${kind}${of(letters, 5)}12${of(signs, 9)}`
}

/** The third to fifth letters of a track are its folders: `A/B/C/TRABCEI128F424C983.json`. */
function trackPath(random) {
  // Few letters, so that folders hold several files.
  const folders = ["A", random.pick(["A", "B"]), random.pick([..."ABCDEF"])]
  return join(...folders, `TR${folders.join("")}${identifier("", random).slice(3)}.json`)
}

/** What listeners did in the month, by day: `2018-11-01` to its events, in the order in which they happened. */
function makeDays(random, library, { sessions, month }) {
  const from = Date.parse(`${month}-01T00:00:00Z`)
  const [year, number] = month.split("-").map(Number)
  const to = Date.UTC(year, number, 1)
  const users = Array.from({ length: Math.max(2, Math.ceil(sessions / 5)) }, (_, i) =>
    user(random, i + 2, from),
  )
  const others = Array.from({ length: 300 }, () => ({
    artist: artistName(random),
    song: random.pick(titles),
    length: random.duration(),
  }))
  const starts = Array.from({ length: sessions }, () => {
    const day = from + random.whole(0, (to - from) / dayMs - 1) * dayMs
    return day + random.weighted(hourWeights) * 3_600_000 + random.whole(0, 3_599_999)
  }).sort((a, b) => a - b)

  const days = new Map()
  starts.forEach((start, i) => {
    const free = users.filter(({ busyUntil }) => busyUntil < start)
    // Some listen much more than others.
    const who = random.chance(0.07) || free.length === 0 ? undefined : free[random.low(free.length)]
    for (const event of session(random, { start, number: i + 1, who, library, others })) {
      // What goes on past midnight of the last day is another month's.
      if (event.ts >= to) break
      const day = new Date(event.ts).toISOString().slice(0, 10)
      if (!days.has(day)) days.set(day, [])
      days.get(day).push(event)
    }
  })
  for (const events of days.values()) events.sort((a, b) => a.ts - b.ts || a.sessionId - b.sessionId)
  return days
}

function user(random, id, from) {
  return {
    id: String(id),
    first: random.pick(givenNames),
    last: random.pick(familyNames),
    gender: random.pick(["F", "M"]),
    level: random.chance(0.25) ? "paid" : "free",
    location: random.pick(locations),
    browser: random.pick(browsers),
    registration: from - random.whole(1, 150 * dayMs),
    busyUntil: 0,
  }
}

/** One visit: somebody logs in and listens, or looks at the pages that need no account. */
function* session(random, { start, number, who, library, others }) {
  let ts = start
  let item = 0
  const event = (page, more = {}, isIn = who !== undefined) => ({
    artist: null,
    auth: isIn ? "Logged In" : "Logged Out",
    firstName: isIn ? who.first : null,
    gender: isIn ? who.gender : null,
    itemInSession: item++,
    lastName: isIn ? who.last : null,
    length: null,
    level: who?.level ?? "free",
    location: isIn ? who.location : null,
    method: page === "NextSong" || page.startsWith("Submit") || page === "Logout" ? "PUT" : "GET",
    page,
    registration: isIn ? who.registration : null,
    sessionId: number,
    song: null,
    status: page.startsWith("Submit") || page === "Logout" ? 307 : page === "Error" ? 404 : 200,
    ts,
    userAgent: isIn ? who.browser : null,
    userId: isIn ? who.id : "",
    ...more,
  })
  const pause = (least, most) => {
    ts += random.whole(least, most)
  }
  if (who === undefined) {
    for (const page of ["Home", ...(random.chance(0.5) ? ["About"] : []), random.pick(["Help", "Login"])]) {
      yield event(page)
      pause(2000, 60_000)
    }
    return
  }
  if (random.chance(0.3)) {
    yield event("Home", {}, false)
    pause(1000, 20_000)
    yield event("Login", {}, false)
    pause(1000, 20_000)
  }
  yield event("Home")
  for (let more = true; more; more = random.chance(0.9)) {
    pause(1000, 30_000)
    const { artist: by, song, length } = chooseSong(random, library, others)
    yield event("NextSong", { artist: by, song, length })
    const heard = Math.floor(length * 1000)
    pause(heard - 2000, heard)
    if (random.chance(0.06))
      yield event(random.pick(["Settings", "About", "Help", "Error", "Add to Playlist"]))
    if (random.chance(0.03)) yield* changeLevel()
  }
  if (random.chance(0.3)) yield event("Logout")
  who.busyUntil = ts

  function* changeLevel() {
    const [ask, submit, level] =
      who.level === "free" ? ["Upgrade", "Submit Upgrade", "paid"] : ["Downgrade", "Submit Downgrade", "free"]
    yield event(ask)
    pause(1000, 30_000)
    yield event(submit)
    pause(1000, 5000)
    who.level = level
    yield event("Home")
  }
}

/** Mostly songs that the library does not have; and nearly those that it has. */
function chooseSong(random, library, others) {
  const { song } = library[random.low(library.length)]
  const known = { artist: song.artist_name, song: song.title, length: song.duration }
  if (random.chance(0.12)) return known
  if (random.chance(0.03)) return { ...known, length: random.duration() }
  return others[random.low(others.length)]
}

/** As a program writes it that keeps to ASCII: é is `\u00e9`. */
function toAscii(json) {
  return json.replaceAll(/[^ -~]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`)
}

/** The object with a blank behind each colon and comma. */
function spacedJson(object) {
  return `{${Object.entries(object)
    .map(([key, value]) => `"${key}": ${toAscii(JSON.stringify(value))}`)
    .join(", ")}}`
}

/** The event in one line: slashes with a backslash, and the registration as the floating point number it once was. */
function eventLine(event) {
  return `{${Object.entries(event)
    .map(([key, value]) => `"${key}":${eventValue(key, value)}`)
    .join(",")}}`
}

function eventValue(key, value) {
  if (key === "registration" && value !== null) return `${value}.0`
  return JSON.stringify(value).replaceAll("/", "\\/")
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
  const whole = (least, most) => least + Math.floor(next() * (most - least + 1))
  return {
    chance: (share) => next() < share,
    whole,
    pick: (choices) => choices[Math.floor(next() * choices.length)],
    /** A place in a list of so many, those in front more often. */
    low: (length) => Math.floor(length * next() * next()),
    /** The place of one of the weights, each as often as it weighs. */
    weighted: (weights) => {
      let left = next() * weights.reduce((sum, weight) => sum + weight, 0)
      return Math.max(
        0,
        weights.findIndex((weight) => {
          left -= weight
          return left < 0
        }),
      )
    },
    /** Seconds with five decimals, as they are written. */
    duration: () => whole(9_000_000, 42_000_000) / 100_000,
  }
}

async function write(file, text) {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}

async function main() {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: dirname(fileURLToPath(import.meta.url)) },
      seed: { type: "string", default: "1" },
      songs: { type: "string", default: "71" },
      sessions: { type: "string", default: "125" },
      month: { type: "string", default: "2018-11" },
    },
  })
  const [seed, songs, sessions] = [values.seed, values.songs, values.sessions].map(Number)
  const areWhole = [seed, songs, sessions].every((number) => Number.isInteger(number) && number >= 0)
  if (!areWhole || songs < 1 || !/^\d{4}-(0[1-9]|1[0-2])$/.test(values.month)) {
    process.stderr.write(
      "expected whole numbers for --seed, --songs and --sessions, at least one song, and --month like 2018-11\n",
    )
    process.exitCode = 2
    return
  }
  const random = createRandom(seed)
  const library = makeLibrary(random, songs)
  for (const { path, song } of library) await write(join(values.out, "song_data", path), spacedJson(song))
  for (const [day, events] of makeDays(random, library, { sessions, month: values.month })) {
    const folder = join(values.out, "log_data", ...values.month.split("-"))
    await write(join(folder, `${day}-events.json`), events.map(eventLine).join("\n"))
  }
}

await main()
