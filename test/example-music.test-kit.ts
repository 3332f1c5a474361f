/** What the files of data/music say, computed from them by plain code that has nothing to do with our services or SQL. */
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"

type Row = Readonly<Record<string, string>>
type Listen = { readonly user: string; readonly track: string; readonly time: string }

/** A row of a model or a report, as texts and numbers. */
export type Cells = readonly (string | number | null)[]

export type MusicAnswers = {
  /** day, genre, listens, share, mean popularity, most popular track, its name, its listens */
  readonly genreDays: readonly Cells[]
  /** By day and by hour: period, listens, listeners, tracks, diversity, and of each of ten artists name and listens. */
  readonly days: readonly Cells[]
  readonly hours: readonly Cells[]
  /** country, listens, listeners, share in percent */
  readonly countries: readonly Cells[]
  /** The same, of listeners of 40 and older. */
  readonly countriesFrom40: readonly Cells[]
  /** What becomes of the rows of each file. */
  readonly counts: {
    readonly songs: number
    readonly users: number
    /** Rows with a user, a track and a time. */
    readonly whole: number
    readonly listens: number
  }
}

/** The rows of a CSV file by its header; quotes as in RFC 4180, no line ends inside them. */
export function readCsv(text: string): Row[] {
  const [header = "", ...lines] = text.trimEnd().split("\n")
  const names = cellsOf(header)
  return lines.map((line) => {
    const cells = cellsOf(line)
    return Object.fromEntries(names.map((name, i) => [name, cells[i] ?? ""]))
  })
}

/** Of one line. */
export function cellsOf(line: string): string[] {
  const cells = [""]
  let isQuoted = false
  for (let i = 0; i < line.length; i++) {
    const character = line.charAt(i)
    if (character === '"' && isQuoted && line.charAt(i + 1) === '"') {
      cells.push(`${cells.pop()}"`)
      i++
    } else if (character === '"') isQuoted = !isQuoted
    else if (character === "," && !isQuoted) cells.push("")
    else cells.push(`${cells.pop()}${character}`)
  }
  return cells
}

/** Plays of one file that have a user, a track and a time. */
export async function readPlays(file: string): Promise<Listen[]> {
  return readCsv(await readFile(file, "utf8"))
    .map(({ user_id = "", track_id = "", listen_time = "" }) => ({
      // Of a time no more than its seconds count.
      ...{ user: user_id, track: track_id, time: listen_time.trim().slice(0, 19) },
    }))
    .filter(({ user, track, time }) => user !== "" && track !== "" && time !== "")
}

/** All answers over a folder with songs.csv, users.csv and streams/. */
export async function answerMusic(folder: string): Promise<MusicAnswers> {
  const songRows = readCsv(await readFile(join(folder, "songs.csv"), "utf8"))
  const userRows = readCsv(await readFile(join(folder, "users.csv"), "utf8"))
  const files = await readdir(join(folder, "streams"))
  const plays = (await Promise.all(files.map((file) => readPlays(join(folder, "streams", file))))).flat()
  // Of rows with one key the last one counts; a listen is one user, one track, one second.
  const songs = new Map(songRows.map((row) => [`${row.track_id}\n${row.track_genre}`, row]))
  const users = new Map(userRows.map((row) => [row.user_id, row]))
  const listens = [...new Map(plays.map((one) => [`${one.user}\n${one.track}\n${one.time}`, one])).values()]
  const byTrack = groupBy([...songs.values()], ({ track_id = "" }) => track_id)
  return {
    genreDays: answerGenreDays(listens, byTrack),
    days: answerPeriods(listens, byTrack, dayOf),
    hours: answerPeriods(listens, byTrack, hourOf),
    countries: answerCountries(listens, users),
    countriesFrom40: answerCountries(
      listens.filter(({ user }) => Number(users.get(user)?.user_age || "0") >= 40),
      users,
    ),
    counts: { songs: songs.size, users: users.size, whole: plays.length, listens: listens.length },
  }
}

export const dayOf = ({ time }: Listen) => time.slice(0, 10)
export const hourOf = ({ time }: Listen) => `${time.slice(0, 13)}:00:00`

function answerGenreDays(listens: readonly Listen[], songs: ReadonlyMap<string, readonly Row[]>): Cells[] {
  return [...groupBy(listens, dayOf)].sort(byFirst).flatMap(([day, all]) => {
    type Entry = { track: string; song: Row | undefined; listens: number }
    const genres = new Map<string, Entry[]>()
    for (const [track, { length }] of groupBy(all, (one) => one.track))
      for (const song of songs.get(track) ?? [undefined]) {
        const genre = song?.track_genre ?? "(not in songs)"
        genres.set(genre, [...(genres.get(genre) ?? []), { track, song, listens: length }])
      }
    return [...genres].sort(byFirst).map(([genre, entries]): Cells => {
      const count = sum(entries.map((entry) => entry.listens))
      const popularities = entries.flatMap(({ song, listens }) =>
        song === undefined ? [] : [Number(song.popularity) * listens],
      )
      const [best] = entries.sort(
        (a, b) =>
          b.listens - a.listens ||
          Number(b.song?.popularity ?? -1) - Number(a.song?.popularity ?? -1) ||
          byBytes(a.track, b.track),
      )
      return [
        ...[day, genre, count, share(count, all.length, 6)],
        popularities.length === 0 ? null : share(sum(popularities), count, 2),
        ...[best?.track ?? null, best?.song?.track_name || null, best?.listens ?? null],
      ]
    })
  })
}

function answerPeriods(
  listens: readonly Listen[],
  songs: ReadonlyMap<string, readonly Row[]>,
  periodOf: (listen: Listen) => string,
): Cells[] {
  return [...groupBy(listens, periodOf)].sort(byFirst).map(([period, all]) => {
    const tracks = groupBy(all, ({ track }) => track)
    const artists = new Map<string, number>()
    for (const [track, { length }] of tracks) {
      const names = (songs.get(track) ?? []).flatMap(({ artists = "" }) => artists.split(";"))
      for (const name of new Set(names.map((name) => name.trim()).filter((name) => name !== "")))
        artists.set(name, (artists.get(name) ?? 0) + length)
    }
    const top = [...artists].sort((a, b) => b[1] - a[1] || byBytes(a[0], b[0])).slice(0, 10)
    const listeners = new Set(all.map(({ user }) => user)).size
    return [period, all.length, listeners, tracks.size, share(tracks.size, all.length, 6), ...top.flat()]
  })
}

function answerCountries(listens: readonly Listen[], users: ReadonlyMap<string | undefined, Row>): Cells[] {
  const countryOf = ({ user }: Listen) => {
    const found = users.get(user)
    return found === undefined ? "(not in users)" : found.user_country || "(unknown)"
  }
  return [...groupBy(listens, countryOf)]
    .sort((a, b) => b[1].length - a[1].length || byBytes(a[0], b[0]))
    .map(([country, own]) => [
      ...[country, own.length, new Set(own.map(({ user }) => user)).size],
      share(100 * own.length, listens.length, 2),
    ])
}

/** a ÷ b, whole numbers from 0, rounded half up to so many digits behind the point. */
export function share(a: number, b: number, digits: number): string {
  const scale = 10n ** BigInt(digits)
  const scaled = (BigInt(a) * scale * 2n + BigInt(b)) / (2n * BigInt(b))
  return `${scaled / scale}.${String(scaled % scale).padStart(digits, "0")}`
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const byFirst = (a: readonly [string, unknown], b: readonly [string, unknown]) => byBytes(a[0], b[0])
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
