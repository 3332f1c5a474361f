// If this fails, somebody who loads the song and log files of a streaming company gets another star schema, or other
// answers, than the files hold; or sparkify's README shows what no command prints.
import { execFile } from "node:child_process"
import { appendFile, cp, readdir, readFile, rm } from "node:fs/promises"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Example, openExample, type ReportRow } from "./example.test-kit.ts"
import { disagreements } from "./readme-output.test-kit.ts"
import { order, readSparkifyFiles, type SparkifyFiles } from "./sparkify-files.test-kit.ts"

const folder = resolve(import.meta.dirname, "../data/sparkify")
const readme = join(folder, "README.md")
const closers: (() => Promise<unknown>)[] = []

/** The tables' columns as the plain model has them: times in milliseconds, decimals as doubles. */
const selections = {
  users: `user_id, first_name, last_name, gender, level, ${milliseconds("registered_at")}`,
  songs: "song_id, title, artist_id, year, duration::float8",
  artists: "artist_id, name, location, latitude::float8, longitude::float8",
  time: `${milliseconds("started_at")}, hour, day, week, month, year, weekday`,
  songplays: `${milliseconds("started_at")}, user_id, level, song_id, artist_id, session_id::integer, item_in_session,
    location, user_agent, song, artist, length::float8`,
} as const

let told: string[]
let samples: Example
let others: Example
let elsewhere: TemporaryFolder

beforeAll(async () => {
  samples = await openExample({ folder: "sparkify" })
  closers.push(samples.close)
  // The page loads the files itself, as its first command.
  told = await disagreements(readme, samples)

  // The folders lie below another one of root.
  const above = await temporaryFolder()
  closers.push(above.remove)
  elsewhere = {
    ...above,
    path: join(above.path, "data"),
    write: (file, content) => above.write(join("data", file), content),
  }
  await generate(elsewhere.path, "--seed", "7", "--songs", "130", "--sessions", "60", "--month", "2020-02")
  await writeAsOthersDo(elsewhere)
  others = await openExample({ folder: "sparkify", root: above.path })
  closers.push(others.close)
  expect(await others.loader("load")).toMatchObject({ code: 0 })
}, 180_000)

afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

test("the sample files are byte for byte what the generator makes", async () => {
  const made = await temporaryFolder()
  closers.push(made.remove)
  await generate(made.path)
  const names = async (root: string) =>
    (await Promise.all(["song_data", "log_data"].map((part) => list(join(root, part))))).flat().sort()
  const files = await names(made.path)
  expect(await names(folder)).toEqual(files)
  const parts = files.map((name) => (name.endsWith("-events.json") ? "log_data" : "song_data"))
  for (const [i, name] of files.entries()) {
    const read = (root: string) => readFile(join(root, parts[i] ?? "", name), "utf8")
    expect(await read(folder), name).toBe(await read(made.path))
  }
})

test("the README's blocks are what its commands print", () => {
  expect(told).toEqual([])
})

test("the README draws the star schema that the database has", async () => {
  const drawn = readDiagram(await readFile(readme, "utf8"))
  const columns = await samples.query<{ table: string; column: string }>(
    `select c.relname as "table",
            replace(format_type(a.atttypid, a.atttypmod), 'timestamp with time zone', 'timestamptz') || ' ' || a.attname
              || case when exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p' and a.attnum = any (k.conkey)) then ' PK' else '' end
              || case when exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'f' and a.attnum = any (k.conkey)) then ' FK' else '' end
              as "column"
       from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = 'sparkify'::regnamespace and c.relkind = 'r' and c.relname not like 'staging%'
      order by c.relname, a.attnum`,
  )
  const keys = await samples.query<{ key: string }>(
    `select k.conrelid::regclass::text || ' ' || k.confrelid::regclass::text || ' ' || a.attname as key
       from pg_constraint k
       join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
      where k.contype = 'f' and k.connamespace = 'sparkify'::regnamespace`,
  )
  expect(drawn.columns).toEqual(columns.map(({ table, column }) => `${table}: ${column}`))
  expect(drawn.keys).toEqual(keys.map(({ key }) => key.replaceAll(/sparkify\.|"/g, "")).sort())
})

describe.each([
  ["the sample files", () => samples, () => folder],
  ["other files of this shape", () => others, () => elsewhere.path],
])("%s", (_name, example, root) => {
  let files: SparkifyFiles
  beforeAll(() => {
    files = readSparkifyFiles(root())
  })

  test.each(Object.entries(selections))(
    "fill the table %s with the rows that they hold",
    async (table, columns) => {
      const rows = await example().query<{ row: unknown[] }>(
        `select jsonb_build_array(${columns}) as row from sparkify."${table}"`,
      )
      const expected = files.tables[table as keyof typeof selections]
      expect(expected.length).toBeGreaterThan(10)
      expect(rows.map(({ row }) => JSON.stringify(row)).sort()).toEqual(
        expected.map((row) => JSON.stringify(row)).sort(),
      )
    },
  )

  test("analyze counts rows and orphans", async () => {
    const { songs, events, plays, tables } = files
    const played = (place: number) => new Set(tables.songplays.map((row) => row[place]))
    const [players, playedSongs] = [played(1), played(3)]
    expect(plain(await example().report("analyze"), 3)).toEqual(
      texts([
        ["staging_events", events.length, 0],
        ["staging_songs", songs.length, 0],
        ["songplays", plays.length, plays.filter(({ song_id }) => song_id === null).length],
        ["users", tables.users.length, tables.users.filter(([id]) => !players.has(id ?? null)).length],
        ["songs", tables.songs.length, tables.songs.filter(([id]) => !playedSongs.has(id ?? null)).length],
        ["artists", tables.artists.length, 0],
        ["time", tables.time.length, 0],
      ]),
    )
  })

  test.each(["all", "known"])(
    "most_played_songs tells the ten songs of %s that were played most",
    async (which) => {
      const plays = files.plays.filter(({ song_id }) => which === "all" || song_id !== null)
      const expected = counted(plays, ({ song, artist }) => JSON.stringify([song, artist]))
        .map(([key, own]) => ({ key: JSON.parse(key) as [string, string], own }))
        .sort((a, b) => b.own.length - a.own.length || order(a.key[0], b.key[0]) || order(a.key[1], b.key[1]))
        .slice(0, 10)
      const ranks = expected.map(({ own }) => expected.findIndex((one) => one.own.length === own.length) + 1)
      expect(plain(await example().report("most_played_songs", { songs: which }), 5)).toEqual(
        texts(
          expected.map(({ key, own }, i) => [
            ranks[i],
            ...key,
            own.length,
            new Set(own.map(({ userId }) => userId)).size,
          ]),
        ),
      )
      expect(expected).toHaveLength(10)
    },
  )

  test.each(["UTC", "Asia/Kolkata"])("hours_of_day counts plays by the hours of %s", async (zone) => {
    const clock = new Intl.DateTimeFormat("en", { timeZone: zone, hour: "2-digit", hourCycle: "h23" })
    const hours = Array.from({ length: 24 }, () => 0)
    for (const { ts } of files.plays)
      hours[Number(clock.format(ts))] = (hours[Number(clock.format(ts))] ?? 0) + 1
    const most = Math.max(...hours)
    const rows = await example().report("hours_of_day", { time_zone: zone })
    expect(plain(rows, 3)).toEqual(
      texts(hours.map((plays, hour) => [hour, plays, percent(plays, files.plays.length)])),
    )
    expect(rows.map(({ bar }) => String(bar).length)).toEqual(
      hours.map((plays) => Math.floor((40 * plays) / most + 0.5)),
    )
  })

  test("level_by_location counts plays by the level of that moment", async () => {
    const expected = counted(files.plays, ({ location }) => location ?? "(unknown)")
      .sort(([a, x], [b, y]) => y.length - x.length || order(a, b))
      .slice(0, 5)
      .map(([place, own]) => {
        const paid = own.filter(({ level }) => level === "paid").length
        const listeners = new Set(own.map(({ userId }) => userId)).size
        return [place, own.length, own.length - paid, paid, percent(paid, own.length), listeners]
      })
    expect(plain(await example().report("level_by_location", { top: "5" }), 6)).toEqual(texts(expected))
  })
})

describe("when files come and go", () => {
  let written: string

  beforeAll(async () => {
    written = (await others.query<{ at: string }>("select pg_current_xact_id()::text as at"))[0]?.at ?? ""
    // A day's log once more, as a day of the year after; and a song that was played goes.
    const [play] = readSparkifyFiles(elsewhere.path).plays.filter(({ song_id }) => song_id !== null)
    for (const song of readSparkifyFiles(elsewhere.path).songs)
      if (song.song_id === play?.song_id) await rm(join(elsewhere.path, song.file))
    const days = join(elsewhere.path, "log_data/2020/02")
    const [day = ""] = (await readdir(days)).filter((name) => name.endsWith("-events.json")).sort()
    const text = await readFile(join(days, day), "utf8")
    await elsewhere.write(
      "log_data/2021/02/2021-02-01-events.json",
      text.replaceAll(/"ts":(\d+)/g, (_, ts: string) => `"ts":${Number(ts) + 366 * 86_400_000}`),
    )
    expect(await others.loader("load")).toMatchObject({ code: 0 })
  }, 120_000)

  test.each(Object.entries(selections))(
    "the table %s holds what the files now hold",
    async (table, columns) => {
      const rows = await others.query<{ row: unknown[] }>(
        `select jsonb_build_array(${columns}) as row from sparkify."${table}"`,
      )
      const expected = readSparkifyFiles(elsewhere.path).tables[table as keyof typeof selections]
      expect(rows.map(({ row }) => JSON.stringify(row)).sort()).toEqual(
        expected.map((row) => JSON.stringify(row)).sort(),
      )
    },
  )

  test("songs that stayed were not written again", async () => {
    const [songs] = await others.query<{ rewritten: number }>(
      "select count(*)::integer as rewritten from sparkify.songs where xmin::text::bigint >= $1::bigint",
      [written],
    )
    expect(songs?.rewritten).toBe(0)
  })
})

function milliseconds(column: string): string {
  return `(extract(epoch from ${column}) * 1000)::float8`
}

async function generate(into: string, ...options: string[]): Promise<void> {
  const script = join(folder, "generate.mjs")
  await promisify(execFile)(process.execPath, [script, "--out", into, ...options])
}

/** What other programs leave among such files, and how they write some of them. */
async function writeAsOthersDo(into: TemporaryFolder): Promise<void> {
  const finder = Buffer.from([0, 0, 0, 1, 0x42, 0x75, 0x64, 0x31, 0xff, 0xfe])
  for (const at of ["song_data", "song_data/A", "log_data", "log_data/2020/02"]) {
    await into.write(join(at, ".DS_Store"), finder)
  }
  await into.write("song_data/A/._TRAAAAA.json", finder)
  const song = {
    num_songs: 1,
    label: "a key that the others do not have",
    artist_id: "AROTHER12AAAAAAAAA",
    artist_latitude: null,
    artist_longitude: null,
    artist_location: "",
    artist_name: 'Somebody "Else"',
    song_id: "SOOTHER12AAAAAAAAA",
    title: "1999",
    duration: 300,
    year: 0,
  }
  await into.write("song_data/B/A/A/TRBAAOTHER.json", `${JSON.stringify(song, undefined, 2)}\n`)
  const days = join(into.path, "log_data/2020/02")
  const [first = "", second = ""] = (await readdir(days))
    .filter((name) => name.endsWith("-events.json"))
    .sort()
  // A floating point number in its other spelling, a line end behind the last line, and the same file twice.
  const event = {
    ...song,
    auth: "Logged In",
    firstName: "Zoë",
    gender: null,
    itemInSession: 0,
    lastName: null,
  }
  const play = { artist: song.artist_name, song: song.title, length: 300, level: "paid", location: null }
  const rest = {
    method: "PUT",
    page: "NextSong",
    sessionId: 9_000_000,
    status: 200,
    userAgent: null,
    userId: "u-1",
  }
  const line = JSON.stringify({ ...event, ...play, ...rest, ts: 1_582_000_000_123, registration: 0 })
  await appendFile(
    join(days, first),
    `\n${line.replace('"registration":0', '"registration":1.540919166796E12')}\n`,
  )
  // One user as a text, a number, and a number with a point; whole numbers with a point; texts that say nothing.
  const empty = { firstName: "", gender: "", location: "", userAgent: "" }
  for (const [i, userId] of ['"4711"', "4711", "4711.0"].entries()) {
    const written = JSON.stringify({ ...event, ...play, ...rest, ...empty, ts: 1_582_000_100_000 + i })
    const floats = written
      .replace('"userId":"u-1"', `"userId":${userId}`)
      .replace(/"(sessionId|itemInSession|status)":(\d+)/g, '"$1":$2.0')
    await appendFile(join(days, first), `${floats}\n`)
  }
  const early = { ...song, song_id: "SOEARLY12AAAAAAAAA", title: "Early", year: 2001 }
  const text = JSON.stringify(early).replace('"year":2001', '"year": 2001.0')
  await into.write("song_data/B/A/A/TRBAAEARLY.json", text)
  await cp(join(days, second), join(into.path, "log_data", second))
}

async function list(root: string): Promise<string[]> {
  return (await readdir(root, { recursive: true, encoding: "utf8" })).filter((name) => name.endsWith(".json"))
}

function counted<T>(items: readonly T[], keyOf: (item: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return [...groups]
}

/** One decimal, halves up: in tenths of a percent, which are whole numbers until the division. */
function percent(part: number, whole: number): number {
  return Math.floor((2000 * part + whole) / (2 * whole)) / 10
}

/** The first cells of each row, as texts. */
function plain(rows: readonly ReportRow[], columns: number): string[][] {
  return texts(rows.map((row) => Object.values(row).slice(0, columns)))
}

/** Decimals without the zeros that change nothing, since JSON may have them as numbers or as texts. */
function texts(rows: readonly (readonly unknown[])[]): string[][] {
  return rows.map((row) => row.map((cell) => String(cell).replace(/^(-?\d+)\.0+$/, "$1")))
}

/** The Mermaid diagram's tables with their columns, and its arrows, both in the order of the alphabet by table. */
function readDiagram(page: string): { columns: string[]; keys: string[] } {
  const [, text = ""] = /```mermaid\nerDiagram\n([\s\S]*?)\n```/.exec(page) ?? []
  const tables = [...text.matchAll(/^ +(\w+) \{\n([\s\S]*?)\n +\}/gm)].map(([, table = "", body = ""]) => ({
    table,
    columns: body.split("\n").map((line) => line.trim().replace(/ ".*"$/, "")),
  }))
  const arrows = text.matchAll(/^ +(\w+) [|}{o]+[-.]+[|}{o]+ (\w+) : "?(\w+)"?$/gm)
  return {
    columns: tables
      .sort((a, b) => order(a.table, b.table))
      .flatMap(({ table, columns }) => columns.map((column) => `${table}: ${column}`)),
    keys: [...arrows].map(([, from, to, column]) => `${from} ${to} ${column}`).sort(),
  }
}
