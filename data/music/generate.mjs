/**
 * Makes the songs, users and streams of a music service that does not exist, always the same for the same arguments:
 *
 *   node data/music/generate.mjs --folder data/music
 *   node data/music/generate.mjs --folder other --seed 7 --songs 300 --users 80 --days 5 --first-day 2023-12-29 --index
 *
 * It writes songs.csv, users.csv, streams/streams1.csv and so on, a file for each day, and a file that is to come
 * later, arriving/streams4.csv say. `--index` writes songs.csv with a first column without a name that counts the rows,
 * as some copies of such files have it.
 *
 * Plain JavaScript, so that every supported Node runs it as it stands. Additions and multiplications only, no
 * logarithms or sines: those may differ in the last digit from one machine to the next.
 */
import { mkdir, open } from "node:fs/promises"
import { join } from "node:path"
import { parseArgs } from "node:util"

const songColumns =
  "track_id,artists,album_name,track_name,popularity,duration_ms,explicit,danceability,energy,key,loudness,mode,speechiness,acousticness,instrumentalness,liveness,valence,tempo,time_signature,track_genre"
const userColumns = "user_id,user_name,user_age,user_country,created_at"
const streamColumns = "user_id,track_id,listen_time"

const genres = words(
  "acoustic ambient blues chanson dub electro folk jazz k-pop latin metal opera pop punk soul",
)
const adjectives = words(
  "Amber Blue Crooked Distant Electric Faded Golden Hollow Iron Northern Paper Quiet Velvet",
)
const nouns = words("Foxes Harbour Lanterns Mirrors Orchard Pilots Rivers Sparrows Tides Weavers")
const soloists = [
  "Ana Lucía Prado",
  "Björn Östlund",
  "Chiara D'Amico",
  "Émile Caron",
  "Jun Hayashi",
  "Kofi Mensah",
  "Łucja Zając",
  "Nour El-Sayed",
  "Tin, Glass & Co",
  "夜の海",
]
const titles = [
  "After the Rain",
  "Better, Slower",
  "Ça Va Aller",
  'The "Other" Side',
  "Half Past Never",
  "Nachtfähre",
  "Ohne Worte – Live",
  "One More Station",
  "Paper Boats",
  "Seven Bridges",
  "Señales",
  "What the Tide Left",
]
const firstNames = words(
  "Ada Amara Ben Carla Dmitri Elif Farah Goran Hana Inês Jakob Kenji Leila Mateo Nina Omar",
)
const lastNames = words(
  "Abara Bianchi Chen Duarte Eklund Fischer García Haddad Ivanova Jansen Kowalski Larsen",
)
const countries = [
  "United States",
  "Germany",
  "Brazil",
  "Japan",
  "India",
  "France",
  "Korea, Republic of",
  "Nigeria",
  "Mexico",
  "Sweden",
]
// How much is played in each hour of a day, from midnight on.
const hourWeights = [4, 2, 1, 1, 1, 2, 5, 9, 11, 9, 8, 8, 10, 9, 8, 9, 11, 14, 15, 16, 15, 13, 10, 7]
// From this hour of the last day on, the plays are in the file that comes later.
const evening = 18
// Of the last file, so many rows stand at the beginning of the one after it once more.
const overlap = 5
const daySeconds = 86_400

/** Writes the files below the folder, one after another. */
async function makeFiles(folder, options) {
  const random = createRandom(options.seed)
  const songs = makeSongs(random, options.songs)
  const tracks = [...new Set(songs.map(({ track }) => track))]
  await write(join(folder, "songs.csv"), songLines(songs, options.index))
  await write(join(folder, "users.csv"), userLines(random, options.users, options.firstDay))
  const catalog = { tracks: shuffle(random, tracks), users: options.users }
  let last = []
  for (let day = 1; day <= options.days; day++) {
    const isLast = day === options.days
    const span = { from: 0, to: isLast ? evening : 24 }
    const start = options.firstDay + (day - 1) * daySeconds
    last = makeStreams(random, catalog, options.streams, () => start + secondOfDay(random, span))
    await write(join(folder, `streams/streams${day}.csv`), streamLines(random, last))
  }
  const late = makeStreams(random, catalog, options.arriving, () => {
    const back = random.below(options.arrivingDays)
    const span = { from: back === 0 ? evening : 0, to: 24 }
    return options.firstDay + (options.days - 1 - back) * daySeconds + secondOfDay(random, span)
  })
  const repeated = last.filter(isWhole).slice(-overlap)
  const lines = streamLines(random, [...repeated, ...late])
  await write(join(folder, `arriving/streams${options.days + 1}.csv`), lines)
}

/** A row for each genre that a track has; grouped by genre. A few rows stand there twice, and one has no names. */
function makeSongs(random, count) {
  const bands = adjectives.flatMap((adjective) => nouns.map((noun) => `The ${adjective} ${noun}`))
  const artists = shuffle(random, [...bands, ...soloists])
  const rows = []
  for (let number = 0; number < count; number++) {
    const track = trackId(random)
    const names = new Set([random.skewed(artists)])
    while (random.chance(0.22)) names.add(random.skewed(artists))
    const album = `${random.pick(adjectives)} ${random.pick(nouns)}`
    const title = random.chance(0.3)
      ? random.pick(titles)
      : `${random.pick(adjectives)} ${random.pick(nouns)}`
    const popularity = random.bell(38, 20, 0, 100)
    const sound = makeSound(random)
    const own = new Set([random.pick(genres)])
    while (random.chance(0.2)) own.add(random.pick(genres))
    for (const genre of own) {
      // The same track, and in one genre a little more popular than in the other.
      const here = own.size > 1 && random.chance(0.2) ? Math.min(popularity + 1, 100) : popularity
      const row = { track, names: [...names].join(";"), album, title, popularity: here, sound, genre }
      rows.push(row)
      if (random.chance(0.004)) rows.push(row)
    }
  }
  const nameless = { popularity: 0, sound: makeSound(random, 0), genre: "k-pop" }
  rows.push({ track: trackId(random), names: "", album: "", title: "", ...nameless })
  return genres.flatMap((genre) => rows.filter((row) => row.genre === genre))
}

/** The cells from duration_ms to time_signature, but for the popularity before them. */
function makeSound(random, duration = random.bell(218_000, 60_000, 31_000, 900_000)) {
  const share = (digits) => fraction(random.below(10 ** digits), digits)
  const tiny = () => `${1 + random.below(9)}.${10 + random.below(90)}e-0${5 + random.below(2)}`
  return [
    duration,
    random.chance(0.09) ? "True" : "False",
    share(3),
    share(3),
    random.below(12),
    `-${fraction(random.bell(8200, 4000, 1, 45_000), 3)}`,
    random.chance(0.64) ? 1 : 0,
    `0.0${100 + random.below(900)}`,
    random.chance(0.04) ? tiny() : share(4),
    random.chance(0.4) ? "0.0" : random.chance(0.3) ? tiny() : share(4),
    share(3),
    share(3),
    fraction(random.bell(122_000, 29_000, 40_000, 220_000), 3),
    random.pick([3, 4, 4, 4, 4, 4, 5]),
  ].join(",")
}

function songLines(songs, withIndex) {
  const head = withIndex ? `,${songColumns}` : songColumns
  const lines = songs.map(({ track, names, album, title, popularity, sound, genre }, i) => {
    const line = `${track},${cell(names)},${cell(album)},${cell(title)},${popularity},${sound},${genre}`
    return withIndex ? `${i},${line}` : line
  })
  return [head, ...lines]
}

/** A few have no age or no country. A few stand there twice: the second row is newer, with another country. */
function userLines(random, count, firstDay) {
  const again = []
  const lines = Array.from({ length: count }, (_, i) => {
    const name = `${random.pick(firstNames)} ${random.pick(lastNames)}`
    const age = random.chance(0.03) ? "" : random.bell(36, 13, 13, 90)
    const country = random.chance(0.01) ? "" : random.skewed(countries)
    const created = showDay(firstDay - (1 + random.below(400)) * daySeconds)
    const line = (where) => `${i + 1},${name},${age},${cell(where)},${created}`
    if (random.chance(0.02)) again.push(line(random.pick(countries)))
    return line(country)
  })
  return [userColumns, ...lines, ...again]
}

/** Plays at the seconds that `when` tells, in their order. A few have no user or no track, some are of neither list. */
function makeStreams(random, { tracks, users }, count, when) {
  const rows = Array.from({ length: count }, () => {
    const second = when()
    const user = random.chance(0.004) ? users + 1 + random.below(50) : 1 + random.below(users)
    const track = random.chance(0.004) ? trackId(random) : random.skewed(tracks)
    if (random.chance(0.001)) return { second, user: "", track }
    return { second, user, track: random.chance(0.001) ? "" : track }
  })
  return rows.sort((a, b) => a.second - b.second)
}

const isWhole = ({ user, track }) => user !== "" && track !== ""

/** One row in a hundred stands there twice. */
function streamLines(random, rows) {
  const lines = rows.flatMap(({ second, user, track }) => {
    const line = `${user},${track},${showDay(second)} ${showTime(second)}`
    return random.chance(0.01) ? [line, line] : [line]
  })
  return [streamColumns, ...lines]
}

/** A second of the hours in the span, by how much is played in each. */
function secondOfDay(random, { from, to }) {
  const weights = hourWeights.slice(from, to)
  let left = random.below(weights.reduce((sum, weight) => sum + weight, 0))
  let hour = from
  for (const weight of weights) {
    if (left < weight) break
    left -= weight
    hour += 1
  }
  return hour * 3600 + random.below(3600)
}

function trackId(random) {
  const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
  return Array.from({ length: 22 }, () => letters[random.below(letters.length)]).join("")
}

function shuffle(random, list) {
  const shuffled = [...list]
  for (let i = shuffled.length - 1; i > 0; i--) {
    const other = random.below(i + 1)
    const kept = shuffled[i]
    shuffled[i] = shuffled[other]
    shuffled[other] = kept
  }
  return shuffled
}

const showDay = (second) => new Date(second * 1000).toISOString().slice(0, 10)
const showTime = (second) => new Date(second * 1000).toISOString().slice(11, 19)

/** 8200 with three digits behind the point is `8.200`. */
function fraction(value, digits) {
  const padded = String(value).padStart(digits + 1, "0")
  return `${padded.slice(0, -digits)}.${padded.slice(-digits)}`
}

function cell(text) {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function words(text) {
  return text.split(" ")
}

async function write(path, lines) {
  await mkdir(join(path, ".."), { recursive: true })
  const file = await open(path, "w")
  try {
    for (let at = 0; at < lines.length; at += 10_000)
      await file.appendFile(
        lines
          .slice(at, at + 10_000)
          .map((line) => `${line}\n`)
          .join(""),
      )
  } finally {
    await file.close()
  }
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
  const below = (count) => Math.floor(next() * count)
  return {
    below,
    chance: (share) => next() < share,
    pick: (choices) => choices[below(choices.length)],
    /** The first of them most often. */
    skewed: (choices) => choices[Math.floor(next() * next() * choices.length)],
    /** A whole number around the mean: twelve dice together fall on a bell curve. */
    bell: (mean, deviation, least, most) => {
      let sum = -6
      for (let die = 0; die < 12; die++) sum += next()
      return Math.min(Math.max(Math.round(mean + sum * deviation), least), most)
    },
  }
}

async function main() {
  const { values } = parseArgs({
    options: {
      folder: { type: "string" },
      seed: { type: "string", default: "1" },
      songs: { type: "string", default: "900" },
      users: { type: "string", default: "400" },
      streams: { type: "string", default: "2500" },
      days: { type: "string", default: "3" },
      arriving: { type: "string", default: "1000" },
      "arriving-days": { type: "string", default: "1" },
      "first-day": { type: "string", default: "2025-03-14" },
      index: { type: "boolean", default: false },
    },
  })
  const firstDay = Date.parse(`${values["first-day"]}T00:00:00Z`) / 1000
  const [seed, songs, users, streams, days, arriving, arrivingDays] = [
    ...[values.seed, values.songs, values.users, values.streams, values.days],
    ...[values.arriving, values["arriving-days"]],
  ].map(Number)
  const counts = [songs, users, streams, days, arriving, arrivingDays]
  const isRight = counts.every((count) => Number.isInteger(count) && count > 0) && Number.isInteger(seed)
  if (values.folder === undefined || !isRight || !Number.isInteger(firstDay) || arrivingDays > days) {
    process.stderr.write(
      "Expected --folder DIR, whole numbers above 0 (--songs, --users, --streams of a file, --days, --arriving, --arriving-days up to --days), --seed N and --first-day YYYY-MM-DD.\n",
    )
    process.exitCode = 2
    return
  }
  await makeFiles(values.folder, {
    ...{ seed, songs, users, streams, days, arriving, arrivingDays, firstDay },
    index: values.index,
  })
}

await main()
