// If this fails, data/music answers its questions wrongly, counts a play twice or never, or a new file costs more than
// the days and hours that it is about.
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { cp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import type { Dataset } from "@flatbed/contract"
import { type TemporaryFolder, temporaryFolder, waitFor } from "@flatbed/testing"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Example, openExample } from "./example.test-kit.ts"
import {
  answerMusic,
  type Cells,
  cellsOf,
  dayOf,
  hourOf,
  type MusicAnswers,
  readPlays,
  share,
} from "./example-music.test-kit.ts"
import { disagreements } from "./readme-output.test-kit.ts"

const data = resolve(import.meta.dirname, "../data/music")
const samples = ["songs.csv", "users.csv", ...[1, 2, 3].map((n) => `streams/streams${n}.csv`)]
const generate = async (folder: string, ...args: string[]) =>
  await promisify(execFile)(process.execPath, [join(data, "generate.mjs"), "--folder", folder, ...args])

const cases = [
  {
    name: "the samples",
    late: "streams4.csv",
    isWhole: true,
    prepare: async (folder: string) => {
      for (const file of [...samples, "arriving/streams4.csv"]) await cp(join(data, file), join(folder, file))
    },
  },
  {
    name: "other files, whose songs have one more column in front, and whose cells are all in quotes",
    late: "streams6.csv",
    isWhole: false,
    async prepare(folder: string) {
      await generate(
        folder,
        ...["--seed", "7", "--songs", "300", "--users", "80", "--streams", "400", "--days", "5"],
        ...["--arriving", "300", "--arriving-days", "2", "--first-day", "2023-12-29", "--index"],
      )
      const quoted = (cells: readonly string[]) =>
        cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",")
      const streams = join(folder, "streams/streams1.csv")
      // A listen of the files twice more, in parts of its second, and two whose time is in quotes and none.
      const [header = "", play = ""] = (await readFile(streams, "utf8")).split("\n")
      const [user = "", track = "", time = ""] = cellsOf(play)
      const parts = [`${time}.250`, `${time}.750`, "", " "].map((at) => quoted([user, track, at]))
      await writeFile(join(folder, "streams/streams0.csv"), `${[header, ...parts].join("\n")}\n`)
      for (const file of ["songs.csv", "users.csv", "streams/streams1.csv"]) {
        const lines = (await readFile(join(folder, file), "utf8")).trimEnd().split("\n")
        await writeFile(join(folder, file), `${lines.map((line) => quoted(cellsOf(line))).join("\n")}\n`)
      }
    },
  },
]

test("the samples are byte for byte what the generator makes", async () => {
  const folder = await temporaryFolder()
  try {
    await generate(folder.path)
    const read = (from: string, file: string) => readFile(join(from, file), "utf8")
    for (const file of [...samples, "arriving/streams4.csv"])
      expect(await read(folder.path, file), file).toBe(await read(data, file))
  } finally {
    await folder.remove()
  }
})

describe.each(cases)("$name", ({ prepare, late, isWhole }) => {
  let folder: TemporaryFolder
  let music: Example
  let answers: MusicAnswers

  beforeAll(async () => {
    folder = await temporaryFolder()
    await prepare(folder.path)
    music = await openExample({ folder: "music", root: folder.path })
    answers = await answerMusic(folder.path)
  }, 120_000)

  afterAll(async () => {
    await music?.close()
    await folder?.remove()
  })

  test("a load brings every song, user and play once, and the models say what plain code finds", async () => {
    await load()
    const { songs, users, listens } = answers.counts
    expect(
      await music.query(`select (select count(*)::int from music.songs) as songs, (select count(*)::int from music.users) as users,
        (select count(*)::int from (select distinct user_id, track_id, date_trunc('second', listen_time) from music.streams) as l) as listens`),
    ).toEqual([{ songs, users, listens }])
    await expectModels()
  })

  test("the reports say what plain code finds", async () => {
    const [day = ""] = answers.days.map(([first]) => String(first))
    const country = (rows: readonly Cells[]) =>
      rows.map(([country, listens, listeners, share_percent]) => ({
        country,
        listens: Number(listens),
        listeners: Number(listeners),
        share_percent: Number(share_percent),
      }))
    expect(numbers(await music.report("listens_by_country"))).toEqual(country(answers.countries))
    expect(numbers(await music.report("listens_by_country", { min_age: "40" }))).toEqual(
      country(answers.countriesFrom40),
    )

    const ofDay = answers.genreDays
      .filter(([first]) => first === day)
      .sort(
        (a, b) =>
          Number(b[2]) - Number(a[2]) || Buffer.compare(Buffer.from(String(a[1])), Buffer.from(String(b[1]))),
      )
    const genres = numbers(await music.report("genres_by_day", { to: day, top: "4" }))
    expect(genres.map(({ place, genre, listens }) => [place, genre, listens])).toEqual(
      ofDay.slice(0, 4).map(([, genre, listens], i) => [i + 1, genre, listens]),
    )
    expect(genres.map(({ most_popular_track, its_listens }) => [most_popular_track, its_listens])).toEqual(
      ofDay.slice(0, 4).map(([, , , , , track, name, listens]) => [name ?? track, listens]),
    )

    const hours = numbers(await music.report("listening_by_hour", { to: `${day} 12:00` }))
    const morning = answers.hours.filter(([hour]) => String(hour) < `${day} 12`)
    expect(
      hours.map(({ listens, listeners, tracks, top_artist }) => [listens, listeners, tracks, top_artist]),
    ).toEqual(
      morning.map(([, listens, listeners, tracks, , artist]) => [listens, listeners, tracks, artist ?? null]),
    )
    expect(hours.map(({ diversity }) => diversity)).toEqual(
      morning.map(([, listens, , tracks]) => Number(share(Number(tracks), Number(listens), 3))),
    )

    const top = numbers(await music.report("top_artists", { per: "hour", to: `${day} 12:00`, top: "2" }))
    expect(top.map(({ artist, listens }) => [artist, listens])).toEqual(
      morning.flatMap(([, , , , , a = null, x = null, b = null, y = null]) =>
        [
          [a, x],
          [b, y],
        ].filter(([artist]) => artist !== null),
      ),
    )
    const days = numbers(await music.report("top_artists"))
    expect(days.map(({ artist, listens }) => [artist, listens])).toEqual(
      answers.days.flatMap((row) => [5, 7, 9].map((at) => [row[at], row[at + 1]])),
    )
  })

  test("a file that comes later touches the days and hours that it is about, and no other row", async () => {
    const before = await writers()
    const plays = await readPlays(join(folder.path, "arriving", late))
    const touched = { day: new Set(plays.map(dayOf)), hour: new Set(plays.map(hourOf)) }
    await rename(join(folder.path, "arriving", late), join(folder.path, "streams", late))
    await isServed("music_streams", `streams/${late}`)
    await load("music_streams")

    answers = await answerMusic(folder.path)
    await expectModels()
    const after = await writers()
    for (const [table, rows] of Object.entries(before)) {
      const isTouched = ([key]: [string, string]) => {
        const [period = ""] = key.split("|")
        return (table === "hours" ? touched.hour : touched.day).has(period)
      }
      const kept = [...rows].filter((row) => !isTouched(row))
      expect(kept.length, table).toBeGreaterThan(0)
      expect(
        kept.filter(([key, writer]) => after[table]?.get(key) !== writer),
        table,
      ).toEqual([])
      const changed = [...(after[table] ?? [])].filter(([key, writer]) => rows.get(key) !== writer)
      expect(changed.length, table).toBeGreaterThan(0)
    }
  })

  test.runIf(isWhole)("what is there already is not loaded or counted again", async () => {
    const before = await writers()
    expect(await load()).toContain("up to date")
    expect(await writers()).toEqual(before)
  })

  test.runIf(isWhole)(
    "a song that gets another popularity changes the days on which it was played",
    async () => {
      const file = join(folder.path, "songs.csv")
      const text = await readFile(file, "utf8")
      const [, genre = "", , , , track = ""] = answers.genreDays.find(([, , , , mean]) => mean !== null) ?? []
      const isIt = (line: string) => line.includes(String(track)) && line.endsWith(`,${genre}`)
      // popularity is the cell before duration_ms and explicit.
      const raise = (line: string) => line.replace(/,\d+(,\d+,(?:True|False),)/, ",100$1")
      const raised = text.split("\n").map((line) => (isIt(line) ? raise(line) : line))
      await writeFile(`${file}.next`, raised.join("\n"))
      await rename(`${file}.next`, file)
      await isServed("music_songs", "songs.csv")
      await load("music_songs")
      const old = answers
      answers = await answerMusic(folder.path)
      expect(answers.genreDays).not.toEqual(old.genreDays)
      await expectModels()
    },
  )

  test.runIf(isWhole)("a file without a column that is needed is refused before a row moves", async () => {
    await folder.write("streams/streams9.csv", "user_id,track_id\n1,x\n")
    await waitFor(async () => (await documentOf("music_streams")).problem?.code === "files-differ")
    const { code, stderr, stdout } = await music.loader("load", "music_streams")
    expect(code).toBe(5)
    expect(stdout + stderr).toContain('lacks "listen_time"')
    await expectModels()
  })

  /** Runs `load`, which has to end well, and answers what it says. */
  async function load(...pipelines: string[]): Promise<string> {
    const { code, stdout, stderr } = await music.loader("load", ...pipelines)
    expect(code, stdout + stderr).toBe(0)
    return stdout + stderr
  }

  async function expectModels(): Promise<void> {
    const genreDays = await music.query<{ row: Cells }>(
      `select jsonb_build_array(day, genre, listen_count, popularity_index::text, mean_popularity::text, most_popular_track,
                most_popular_track_name, most_popular_track_listens) as row
         from music.genre_day order by day, genre collate "C"`,
    )
    expect(genreDays.map(({ row }) => row)).toEqual(answers.genreDays)
    for (const [table, period] of [
      ["days", "day"],
      ["hours", "hour"],
    ] as const) {
      type Top = { artist: string; listens: number }[]
      const rows = await music.query<{ row: Cells; top: Top }>(
        `select jsonb_build_array(${period}::text, listens, unique_listeners, distinct_tracks, track_diversity_index::text) as row,
                top_artists as top from music.${table} order by ${period}`,
      )
      const found = rows.map(({ row, top }) => [
        ...row,
        ...top.flatMap(({ artist, listens }) => [artist, listens]),
      ])
      expect(found).toEqual(answers[table])
    }
  }

  /** Of each table the transaction that wrote each row, by the row's period and genre. */
  async function writers(): Promise<Record<string, Map<string, string>>> {
    const of = async (table: string, key: string) => {
      const rows = await music.query<{ key: string; xmin: string }>(
        `select ${key} as key, xmin::text from music.${table}`,
      )
      return new Map(rows.map(({ key, xmin }) => [key, xmin]))
    }
    return {
      genre_day: await of("genre_day", "day || '|' || genre"),
      days: await of("days", "day::text"),
      hours: await of("hours", "hour::text"),
    }
  }

  const documentOf = async (dataset: string) =>
    (await (await fetch(`${music.sourceUrl}/v1/datasets/${dataset}`)).json()) as Partial<Dataset>

  /** Waits until the dataset's version has the file as it lies there now. */
  async function isServed(dataset: string, file: string): Promise<void> {
    const sha256 = createHash("sha256")
      .update(await readFile(join(folder.path, file)))
      .digest("hex")
    const isThere = async () =>
      (await documentOf(dataset)).files?.some((one) => one.file === file && one.sha256 === sha256)
    await waitFor(isThere, { what: `a version of ${dataset} with ${file}` })
  }
})

/** Rows of a report whose numbers may have come as texts, so that no digit is lost. */
function numbers(rows: readonly Readonly<Record<string, unknown>>[]) {
  const isNumber = (value: unknown) => typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value)
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, isNumber(value) ? Number(value) : value]),
    ),
  )
}

test("the README shows what its commands print", async () => {
  const folder = await temporaryFolder()
  await cases[0]?.prepare(folder.path)
  const music = await openExample({ folder: "music", root: folder.path })
  try {
    const place = (path: string) => join(folder.path, path.replace("data/music/", ""))
    const serves = async (file: string, is: boolean) =>
      await waitFor(
        async () => {
          const answer = await (await fetch(`${music.sourceUrl}/v1/datasets/music_streams`)).json()
          return (answer as Dataset).files?.some((one) => one.file === file) === is
        },
        { what: `a version ${is ? "with" : "without"} ${file}` },
      )
    const bring = async (from: string, to: string) => {
      const file = from.split("/").at(-1) ?? ""
      await cp(place(from), join(place(to), file))
      await serves(`streams/${file}`, true)
      return ""
    }
    const take = async (path: string) => {
      await rm(place(path))
      await serves(path.replace("data/music/", ""), false)
      return ""
    }
    const others = (command: string) => {
      const [name, from = "", to = ""] = command.split(" ")
      if (name === "cp") return bring(from, to)
      return name === "rm" ? take(from) : undefined
    }
    expect(await disagreements(join(data, "README.md"), { ...music, others })).toEqual([])
  } finally {
    await music.close()
    await folder.remove()
  }
})
