/**
 * What the files of the example sparkify say, worked out in plain TypeScript: JSON.parse, maps and loops, nothing of
 * the services and no SQL. Rows are lists in the order of the tables' columns; times are milliseconds since 1970.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

type Song = {
  readonly file: string
  readonly song_id: string
  readonly title: string
  readonly artist_id: string
  readonly artist_name: string
  readonly artist_location: string
  readonly artist_latitude: number | null
  readonly artist_longitude: number | null
  readonly year: number
  readonly duration: number
}

type Event = {
  readonly ts: number
  readonly userId: string
  readonly sessionId: number
  readonly itemInSession: number
  readonly page: string
  readonly level: string
  readonly song: string | null
  readonly artist: string | null
  readonly length: number | null
  readonly firstName: string | null
  readonly lastName: string | null
  readonly gender: string | null
  readonly location: string | null
  readonly registration: number | null
  readonly userAgent: string | null
}

type Play = Event & { readonly song_id: string | null; readonly artist_id: string | null }

type Row = readonly (string | number | null)[]

export type SparkifyFiles = {
  readonly songs: readonly Song[]
  readonly events: readonly Event[]
  readonly plays: readonly Play[]
  readonly tables: Readonly<Record<"users" | "songs" | "artists" | "time" | "songplays", readonly Row[]>>
}

/** Reads all of it; `root` holds `song_data` and `log_data`. */
export function readSparkifyFiles(root: string): SparkifyFiles {
  const songs = jsonFiles(root, "song_data").map(
    (file): Song => ({ ...JSON.parse(readFileSync(join(root, file), "utf8")), file }),
  )
  const events = jsonFiles(root, "log_data").flatMap((file) =>
    readFileSync(join(root, file), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line): Event => {
        const event = JSON.parse(line)
        const texts = ["location", "firstName", "lastName", "gender", "userAgent", "song", "artist"] as const
        const filled = texts.map((name) => [name, event[name] === "" ? null : event[name]])
        return { ...event, ...Object.fromEntries(filled), userId: String(event.userId) }
      }),
  )
  const plays = playsOf(events, songs)
  return {
    songs,
    events,
    plays,
    tables: {
      users: usersOf(events),
      songs: songsOf(songs),
      artists: artistsOf(songs),
      time: timesOf(plays),
      songplays: plays.map((play) => [
        play.ts,
        orNull(play.userId),
        play.level,
        play.song_id,
        play.artist_id,
        play.sessionId,
        play.itemInSession,
        play.location,
        play.userAgent,
        play.song,
        play.artist,
        play.length,
      ]),
    },
  }
}

/** Paths relative to the root, by their characters; none that begins with a dot. */
function jsonFiles(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((name) => name.endsWith(".json") && !name.split("/").some((part) => part.startsWith(".")))
    .sort((a, b) => (a < b ? -1 : 1))
}

const orNull = (text: string) => (text === "" ? null : text)

/** Each event of page NextSong, once; with the song of the library that it names. */
function playsOf(events: readonly Event[], songs: readonly Song[]): Play[] {
  const plays = new Map<string, Play>()
  for (const event of events) {
    if (event.page !== "NextSong") continue
    const { ts, userId, sessionId, itemInSession, song, artist, length } = event
    const key = JSON.stringify([ts, userId, sessionId, itemInSession, song, artist, length])
    if (plays.has(key)) continue
    const [found] = songs
      .filter((one) => one.title === song && one.artist_name === artist && one.duration === length)
      .sort((a, b) => order(a.song_id, b.song_id) || order(a.artist_id, b.artist_id))
    plays.set(key, { ...event, song_id: found?.song_id ?? null, artist_id: found?.artist_id ?? null })
  }
  return [...plays.values()]
}

function usersOf(events: readonly Event[]): Row[] {
  const latest = new Map<string, Event>()
  for (const event of events) {
    if (event.userId === "") continue
    const seen = latest.get(event.userId)
    if (seen === undefined || isLater(event, seen)) latest.set(event.userId, event)
  }
  return [...latest.values()].map((user) => [
    user.userId,
    user.firstName,
    user.lastName,
    user.gender,
    user.level,
    user.registration,
  ])
}

function isLater(a: Event, b: Event): boolean {
  return (a.ts - b.ts || a.sessionId - b.sessionId || a.itemInSession - b.itemInSession) > 0
}

function songsOf(songs: readonly Song[]): Row[] {
  const first = new Map<string, Song>()
  for (const song of songs) if (!first.has(song.song_id)) first.set(song.song_id, song)
  return [...first.values()].map((song) => [
    song.song_id,
    song.title,
    song.artist_id,
    song.year === 0 ? null : song.year,
    song.duration,
  ])
}

function artistsOf(songs: readonly Song[]): Row[] {
  return [...groupBy(songs)].map(([id, own]): Row => {
    const spellings = new Map<string, number>()
    for (const { artist_name } of own) spellings.set(artist_name, (spellings.get(artist_name) ?? 0) + 1)
    const [name = ["", 0]] = [...spellings].sort(([a, n], [b, m]) => m - n || order(a, b))
    const [place] = [...own].sort(
      (a, b) =>
        Number(a.artist_latitude === null) - Number(b.artist_latitude === null) ||
        Number(a.artist_location === "") - Number(b.artist_location === "") ||
        order(a.artist_location, b.artist_location) ||
        (a.artist_latitude ?? 0) - (b.artist_latitude ?? 0) ||
        (a.artist_longitude ?? 0) - (b.artist_longitude ?? 0),
    )
    return [
      id,
      name[0],
      orNull(place?.artist_location ?? ""),
      place?.artist_latitude ?? null,
      place?.artist_longitude ?? null,
    ]
  })
}

function groupBy(songs: readonly Song[]): Map<string, Song[]> {
  const groups = new Map<string, Song[]>()
  for (const song of songs) groups.set(song.artist_id, [...(groups.get(song.artist_id) ?? []), song])
  return groups
}

function timesOf(plays: readonly Play[]): Row[] {
  return [...new Set(plays.map(({ ts }) => ts))].map((ts) => {
    const time = new Date(ts)
    const weekday = time.getUTCDay() === 0 ? 7 : time.getUTCDay()
    return [
      ts,
      time.getUTCHours(),
      time.getUTCDate(),
      weekOf(time, weekday),
      time.getUTCMonth() + 1,
      time.getUTCFullYear(),
      weekday,
    ]
  })
}

/** ISO 8601: the week of its Thursday, counted from that Thursday's 1 January. */
function weekOf(time: Date, weekday: number): number {
  const thursday = new Date(time)
  thursday.setUTCDate(time.getUTCDate() + 4 - weekday)
  const days = (thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / 86_400_000
  return Math.floor(days / 7) + 1
}

/** By characters, not by any language's alphabet. */
export function order(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
