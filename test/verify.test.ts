// If this fails, a wrong table passes for a right one, or nobody can tell where one of its rows comes from.
import { rename } from "node:fs/promises"
import { join } from "node:path"
import type { Dataset } from "@flatbed/contract"
import {
  describeVerified,
  explainRow,
  formatExplained,
  type Loader,
  type Verified,
  verifyPipeline,
} from "@flatbed/loader"
import type { RunningSource } from "@flatbed/source"
import {
  createTestDatabase,
  startProcess,
  type TemporaryFolder,
  type TestDatabase,
  temporaryFolder,
  waitFor,
  withLedger,
} from "@flatbed/testing"
import pg from "pg"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { createLoaderFrom, startSourceFrom } from "./front-doors.ts"
import { bins } from "./installation.ts"

const people = [
  "id,name,born,amount,at,ok",
  "1,Ann,2001-02-03,1.50,2024-01-01T10:00:00+01:00,True",
  '2,"",,-0.0,2024-01-01T09:00:00Z,false',
  "3,,1999-12-31,.5,,true",
  '4,"D ""x"", \\y",2001-02-03,1e3,2024-06-30T23:59:59.500Z,FALSE',
  "5,Eve,2001-02-03,10,2024-01-01T09:00Z,true",
  '6,"two\nlines",2001-02-03,10,2024-01-01T09:00Z,true',
  "7,Zoë,2001-02-03,10,2024-01-01T09:00Z,true",
  "",
].join("\n")

const source = `root: ./files
listen: { port: 0 }
admin: { port: 0 }
settle: 0ms
datasets:
  people: { files: people.csv, chunk: { rows: 3 } }
  general: { files: general.csv, dialect: { delimiter: ";", comment_char: "#" }, columns: { clean: { b: [trim] } } }
  document: { files: document.json, records: /rows }
  lines: { files: lines.ndjson, chunk: { rows: 1 } }
  stations: { files: stations.txt, format: fixed, widths: [{ name: id, width: 3 }, { name: height, width: 6 }] }
  latin: { files: latin.csv, dialect: { encoding: windows-1252 } }
  nothing: { files: nothing.csv }
  bad: { files: bad.csv, columns: { types: { n: integer } }, filter: { n: { lt: 90 } } }
  logs: { files: "logs/*.csv" }
  twice: { files: twice.csv }
  authors: { files: authors.csv }
  unfilled: { files: unfilled.ndjson }
`

const files: Readonly<Record<string, string | Buffer>> = {
  "people.csv": people,
  "general.csv": "a;b\n# a comment\n1; x \n2;'y'\n",
  "document.json": '{"rows":[{"n":1.10,"o":{"t":"x"},"tags":[1,{"b":2e1,"a":null}]},{"n":-0,"tags":null}]}',
  "lines.ndjson": '{"a":"\\u00e9\\n","b":true}\n{"b":false}\n',
  "stations.txt": "1  12.50 \n22       \n",
  "latin.csv": Buffer.from("name\nZo\xeb\n\x80\n", "latin1"),
  "nothing.csv": "a,b\n",
  "bad.csv": "n,m\n1,a\nx,b\n3,c\n99,d\n70,e\n5,f\n",
  "logs/1.csv": "id,what\n1,a\n2,b\n",
  "twice.csv": "a,b\n1,1.1\n1,1.10\n1,1.1\n2,x\n2,x\n",
  "unfilled.ndjson": '{"id":1,"n":null,"at":null,"o":null}\n{"id":2,"n":null,"at":null,"o":null}\n',
  "authors.csv": "id,name,seen\n1,Ann,2024-01-01\n2,Bob,2024-01-01\n3,Cid,2024-01-01\n",
}

const loaderYaml = (url: string) => `source: { url: "${url}" }
database: { url: "\${DATABASE_URL}" }
admin: { port: 0 }
retries: { attempts: 1 }
pipelines:
  people: { dataset: people, table: people }
  keyed: { dataset: people, table: keyed, key: [id] }
  wider: { dataset: people, table: wider }
  general: { dataset: general, table: general }
  document: { dataset: document, table: document }
  lines: { dataset: lines, table: lines }
  stations: { dataset: stations, table: stations }
  latin: { dataset: latin, table: latin }
  nothing: { dataset: nothing, table: nothing }
  bad: { dataset: bad, table: bad, max_rejects: 2 }
  checked: { dataset: people, table: checked, max_rejects: 3, checks: [{ column: name, not_null: true, severity: reject }] }
  ignoring: { dataset: people, table: ignoring, contract: { added: ignore } }
  logs: { dataset: logs, table: logs, mode: append, lineage: true }
  blind: { dataset: logs, table: blind, mode: append }
  distinct: { dataset: twice, table: distinct, dedupe: exact }
  unfilled: { dataset: unfilled, table: unfilled }
  gathered: { dataset: authors, table: gathered, mode: upsert, key: [id], lineage: true }
  authors: { dataset: authors, table: authors, mode: mirror, key: [id], order_by: seen, lineage: true, deletes: { mode: soft, limit: { share: 50% } } }
`

let folder: TemporaryFolder
let database: TestDatabase
let pool: pg.Pool
let served: RunningSource
let loader: Loader
let config: string

const query = async (text: string) => (await pool.query(withLedger(text))).rows
const write = async (name: string, content: string | Buffer) => {
  await folder.write(join("files", `${name}.new`), content)
  await rename(join(folder.path, "files", `${name}.new`), join(folder.path, "files", name))
}

beforeAll(async () => {
  folder = await temporaryFolder()
  database = await createTestDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 2, options: "-c search_path=public" })
  for (const [name, content] of Object.entries(files)) await folder.write(join("files", name), content)
  served = await startSourceFrom(await folder.write("source.yaml", source))
  config = await folder.write("loader.yaml", loaderYaml(served.url))
  loader = await createLoaderFrom(config, { DATABASE_URL: database.url })
  // Postgres' own rules put some of the rows aside, and show others in types of their own.
  await query("create table bad (n integer check (n < 60), m text)")
  await query(
    "create table wider (id bigint, name varchar(40), born timestamp, amount numeric(12,4), at timestamptz, ok text, extra integer default 7)",
  )
  await query("create table unfilled (id integer, n numeric(4,1), at timestamptz, o jsonb)")
  await query("create table ignoring (id integer, name text)")
  const outcomes = await loader.load()
  expect(outcomes.flatMap(({ problem }) => problem?.message ?? [])).toEqual([])
})

afterAll(async () => {
  await loader?.stop()
  await served?.close()
  await pool?.end()
  await database?.drop()
  await folder?.remove()
})

async function verify(name: string): Promise<Verified> {
  return await loader.look(async ({ pipelines, showCommand, ...parts }) => {
    const pipeline = pipelines.find((one) => one.name === name)
    if (pipeline === undefined) throw new Error(`no pipeline ${name}`)
    return await verifyPipeline(pipeline, parts, showCommand)
  })
}

const explain = async (table: string, key: string[], row?: number) =>
  await loader.look(
    async ({ pipelines, showCommand, ...parts }) =>
      await explainRow(pipelines, { table, key, row }, parts, showCommand),
  )

/** A change to the table that is taken back. */
async function tampered(change: string, look: () => Promise<void>, table = "people"): Promise<void> {
  await query(`create table kept as table ${table}`)
  await query(change)
  try {
    await look()
  } finally {
    await query(`delete from ${table}; insert into ${table} select * from kept; drop table kept`)
  }
}

describe("a table as it was published equals its version", () => {
  test.each<[string, number]>([
    ["people", 7],
    ["keyed", 7],
    // Other types of the table show the same values.
    ["wider", 7],
    ["general", 2],
    ["document", 2],
    ["lines", 2],
    ["stations", 2],
    ["latin", 2],
    ["nothing", 0],
    // One record is filtered, one is set aside by the source and one by Postgres.
    ["bad", 3],
    // NULL in every row says nothing of the type.
    ["unfilled", 2],
    // One is set aside by a check.
    ["checked", 6],
    // Of its six columns the table has two.
    ["ignoring", 7],
    // 1.1 and 1.10 are two rows; of the same ones one is left.
    ["distinct", 3],
  ])("%s", async (name, rows) => {
    expect(await verify(name)).toMatchObject({
      outcome: "equal",
      rows,
      missing: 0,
      extra: 0,
      problem: undefined,
    })
  })

  test("in another order, and after vacuum has moved its rows", async () => {
    await query("update keyed set name = name where id < 4")
    await query("vacuum full keyed")
    expect(await verify("keyed")).toMatchObject({ outcome: "equal", rows: 7 })
  })
})

type Case = {
  readonly what: string
  readonly change: string
  readonly table?: string
  readonly counts: { readonly missing: number; readonly extra: number; readonly repeated?: number }
  readonly first: Readonly<Record<string, unknown>>
}

const one = { missing: 1, extra: 1 }
const at = (row: number, line: number) => ({ row, chunk: Math.ceil(row / 3), file: "people.csv", line })

describe("one change by SQL fails and is named", () => {
  test.each<Case>([
    {
      what: "a cell",
      change: "update people set amount = 10.01 where id = 5",
      counts: one,
      first: { kind: "changed", ...at(5, 6), columns: ["amount"], expected: "10", found: "10.01" },
    },
    {
      what: "a cell, found by the key",
      table: "keyed",
      change: "update keyed set amount = 9, name = 'x', born = null, at = null where id = 7",
      counts: one,
      first: {
        kind: "changed",
        ...at(7, 9),
        columns: ["name", "born", "amount", "at"],
        expected: "Zoë",
        found: "x",
      },
    },
    {
      what: "an empty text that becomes NULL",
      change: "update people set name = null where id = 2",
      counts: one,
      first: { kind: "changed", ...at(2, 3), columns: ["name"], expected: "", found: null },
    },
    {
      what: "a NULL that becomes empty text",
      change: "update people set name = '' where id = 3",
      counts: one,
      first: { kind: "changed", ...at(3, 4), columns: ["name"], expected: null, found: "" },
    },
    {
      what: "a blank more",
      change: "update people set name = name || ' ' where id = 7",
      counts: one,
      first: { kind: "changed", ...at(7, 9), columns: ["name"], expected: "Zoë", found: "Zoë " },
    },
    {
      what: "a microsecond",
      change: "update people set at = at + interval '1 microsecond' where id = 4",
      counts: one,
      first: {
        columns: ["at"],
        expected: "2024-06-30 23:59:59.5+00",
        found: "2024-06-30 23:59:59.500001+00",
      },
    },
    {
      what: "two cells that change places between rows",
      change: "update people set name = case id when 5 then 'Zoë' else 'Eve' end where id in (5, 7)",
      counts: { missing: 2, extra: 2 },
      first: { kind: "changed", ...at(5, 6), columns: ["name"], expected: "Eve", found: "Zoë" },
    },
    {
      what: "a row that is deleted",
      change: "delete from people where id = 6",
      counts: { missing: 1, extra: 0 },
      first: { kind: "missing", ...at(6, 7) },
    },
    {
      what: "a row that is added",
      change: "insert into people values (8, 'New')",
      counts: { missing: 0, extra: 1 },
      first: { kind: "extra", row: null, shown: 'id: "8", name: "New", born: NULL, amount: NULL, …' },
    },
    {
      what: "a row that stands twice",
      change: "insert into people select * from people where id = 4",
      counts: { missing: 0, extra: 1, repeated: 1 },
      first: { kind: "repeated", ...at(4, 5) },
    },
    {
      what: "an empty table",
      change: "delete from people",
      counts: { missing: 7, extra: 0 },
      first: { kind: "missing", ...at(1, 2) },
    },
  ])("$what", async ({ change, table = "people", counts, first }) => {
    await tampered(
      change,
      async () => {
        const found = await verify(table)
        expect(found).toMatchObject({ outcome: "failed", ...counts, first })
        expect(found.problem?.code).toBe("verify-failed")
      },
      table,
    )
    expect((await verify(table)).outcome).toBe("equal")
  })

  test("a row that is gone and another that stands twice are named both, and neither is called a stranger", async () => {
    await tampered(
      "delete from people where id = 6; insert into people select * from people where id = 4",
      async () => {
        const found = await verify("people")
        expect(found).toMatchObject({
          ...{ missing: 1, extra: 1, repeated: 1 },
          ...{ first: { kind: "missing", row: 6 }, firstRepeated: { kind: "repeated", row: 4 } },
        })
        expect(found.problem?.message.slice(found.problem.message.indexOf(":"))).toBe(
          ": 1 row of the version is not in it, 1 row stands in it more often than in the version. First: row 6 (chunk 2, people.csv line 7) is not in the table. Also: row 4 (chunk 2, people.csv line 5) stands more often in the table than in the version.",
        )
      },
    )
  })

  test("a value that a row set aside here would have had", async () => {
    await tampered(
      "alter table bad drop constraint bad_n_check; insert into bad values (70, 'e')",
      async () => {
        const found = await verify("bad")
        expect(found).toMatchObject({ outcome: "failed", missing: 0, extra: 1, first: { kind: "extra" } })
      },
      "bad",
    )
  })

  test("a row of another version among those that dedupe left", async () => {
    await tampered(
      "update distinct set b = 'y' where a = 2".replaceAll("distinct", '"distinct"'),
      async () => {
        const found = await verify("distinct")
        expect(found).toMatchObject({ outcome: "failed", extra: 1 })
        expect(found.problem?.message).toContain("is not in the version")
      },
      '"distinct"',
    )
  })
})

describe("rows that say whence they are are held against that", () => {
  beforeAll(async () => {
    await write(
      "authors.csv",
      "id,name,seen\n1,Ann,2023-01-01\n2,Bo,2024-02-01\n4,Dan,2024-02-01\n5,Eve,2024-02-01\n",
    )
    await write("logs/2.csv", "id,what\n3,c\n")
    await waitFor(
      async () => {
        const [authors, logs] = (await Promise.all(
          ["authors", "logs"].map(async (name) => (await fetch(`${served.url}/v1/datasets/${name}`)).json()),
        )) as Dataset[]
        return (
          [authors, logs].every((one) => one?.state === "ready") && authors?.rows === 4 && logs?.rows === 3
        )
      },
      { what: "the next versions" },
    )
    for (const { problem } of await loader.load(["authors", "gathered", "logs", "blind"]))
      expect(problem).toBeUndefined()
  })

  test("each row against its version, also where versions are mixed, and each kind of change", async () => {
    // Ann of the second version is older, so she is still the first one's; Cid is marked as deleted.
    expect(await verify("authors")).toMatchObject({
      outcome: "equal",
      rows: 4,
      notes: ["by lineage: 4 rows of 2 versions"],
    })
    await tampered(
      "update authors set name = 'Anna' where id = 1",
      async () => {
        const first = { kind: "changed", row: 1, line: 2, columns: ["name"], expected: "Ann", found: "Anna" }
        expect(await verify("authors")).toMatchObject({ outcome: "failed", missing: 1, extra: 1, first })
      },
      "authors",
    )
    await tampered(
      `update authors set _flatbed_row = 99 where id = 4`,
      async () => {
        expect(await verify("authors")).toMatchObject({
          outcome: "failed",
          extra: 1,
          first: { kind: "extra" },
        })
      },
      "authors",
    )
    await tampered(
      `update authors set _flatbed_version = null where id = 4; update authors set _flatbed_version = repeat('0', 64) where id = 2`,
      async () => {
        const found = await verify("authors")
        // The newest version brought Bo, Dan and Eve, and one of them names it.
        expect(found).toMatchObject({ outcome: "failed", rows: 2, missing: 2, extra: 0 })
        expect(found.lacking).toMatchObject([{ expected: 3, found: 1 }])
        expect(found.notes).toEqual([
          "the source no longer has version 000000000000 of 1 row",
          "1 row says no version",
        ])
      },
      "authors",
    )
  })

  test("of what was appended also a row that is gone, or stands twice", async () => {
    expect(await verify("logs")).toMatchObject({
      outcome: "equal",
      rows: 3,
      notes: ["by lineage: 3 rows of 2 versions"],
    })
    await tampered(
      "delete from logs where id = 2",
      async () => {
        expect(await verify("logs")).toMatchObject({
          ...{ outcome: "failed", missing: 1, extra: 0 },
          first: { kind: "missing", row: 2, file: "logs/1.csv", line: 3 },
        })
      },
      "logs",
    )
    await tampered(
      "insert into logs select * from logs where id = 3",
      async () => {
        const first = { kind: "repeated", row: 3, file: "logs/2.csv", line: 2 }
        expect(await verify("logs")).toMatchObject({ outcome: "failed", missing: 0, extra: 1, first })
      },
      "logs",
    )
  })

  describe("a table that lost more than a row", () => {
    const versionsOf = async (table: string) =>
      (
        await query(
          `select distinct on (version) version, publication_id from flatbed.publications
            where target = 'public.${table}' order by version, publication_id`,
        )
      )
        .sort((a, b) => Number(a.publication_id) - Number(b.publication_id))
        .map(({ version }) => version as string)

    test("emptied, it fails, and each version that was published into it is named with its rows", async () => {
      const [first = "", second = ""] = await versionsOf("logs")
      await tampered(
        "truncate logs",
        async () => {
          const found = await verify("logs")
          expect(found).toMatchObject({ outcome: "failed", rows: 0, missing: 3, extra: 0 })
          expect(found.lacking).toEqual([
            { version: first, expected: 2, found: 0 },
            { version: second, expected: 1, found: 0 },
          ])
          expect(found.problem).toMatchObject({ code: "verify-failed", exitCode: 7 })
          expect(found.problem?.message).toBe(
            `public.logs is not what was published into it: 3 rows that were published are not in it. Of version ${first.slice(0, 12)} 0 of 2 rows are there, of version ${second.slice(0, 12)} 0 of 1 row.`,
          )
          expect(found.problem?.hint).toMatch(/public\.logs is empty.*reset logs.*load logs/)
        },
        "logs",
      )
    })

    test("without any row of one version, it fails, also where others have come beside it", async () => {
      const [first = ""] = await versionsOf("logs")
      await tampered(
        "delete from logs where id < 3; insert into logs values (7, 'own'), (8, 'own'), (9, 'own')",
        async () => {
          const found = await verify("logs")
          expect(found).toMatchObject({ outcome: "failed", missing: 2, extra: 0 })
          expect(found.lacking).toEqual([{ version: first, expected: 2, found: 0 }])
        },
        "logs",
      )
    })

    test("of a version that came in part, a row that is gone is not made good by another that stands twice", async () => {
      const [, second = ""] = await versionsOf("logs")
      await query(
        "update flatbed.publications set inserted = inserted + 1, rows = rows + 1, records = records + 1 where version = (select max(_flatbed_version) from logs where id = 3)",
      )
      await tampered(
        "insert into logs select * from logs where id = 3",
        async () => {
          const found = await verify("logs")
          expect(found).toMatchObject({ outcome: "failed", missing: 1, extra: 1, repeated: 1 })
          expect(found.lacking).toEqual([{ version: second, expected: 2, found: 1 }])
        },
        "logs",
      )
      await query(
        "update flatbed.publications set inserted = inserted - 1, rows = rows - 1, records = records - 1 where version = (select max(_flatbed_version) from logs where id = 3)",
      )
    })

    test("rows from before the table had lineage may be those that a version brought, and no more of them than there are", async () => {
      const [first = ""] = await versionsOf("logs")
      const bySettings = `where target = 'public.logs' and version = '${first}'`
      const [{ settings_sha256: was }] = await query(
        `select settings_sha256 from flatbed.publications ${bySettings}`,
      )
      await query(`update flatbed.publications set settings_sha256 = 'without lineage' ${bySettings}`)
      await tampered(
        "update logs set _flatbed_version = null where id < 3",
        async () => {
          expect(await verify("logs")).toMatchObject({
            outcome: "equal",
            notes: ["by lineage: 1 row of 1 version", "2 rows say no version"],
          })
          await query("delete from logs where id = 1")
          const found = await verify("logs")
          expect(found).toMatchObject({ outcome: "failed", missing: 1 })
          expect(found.lacking).toEqual([{ version: first, expected: 2, found: 1 }])
        },
        "logs",
      )
      await query(`update flatbed.publications set settings_sha256 = '${was}' ${bySettings}`)
    })

    test("rows that were deleted on purpose are missed no more once the ledger knows", async () => {
      await tampered(
        "delete from logs where id = 2",
        async () => {
          const [first = ""] = await versionsOf("logs")
          const note = (rows: number) =>
            query(
              `update flatbed.publications set deleted = ${rows} where target = 'public.logs' and version = '${first}' and inserted > 0`,
            )
          await note(1)
          expect(await verify("logs")).toMatchObject({ outcome: "equal", rows: 2, lacking: [] })
          await note(0)
          expect((await verify("logs")).outcome).toBe("failed")
        },
        "logs",
      )
    })

    test.each([
      ["gathered", 5],
      ["authors", 4],
    ])("%s: of rows by key those that the newest version has are to be there", async (table, rows) => {
      expect(await verify(table)).toMatchObject({ outcome: "equal", rows, lacking: [] })
      await tampered(
        `truncate ${table}`,
        async () => {
          const found = await verify(table)
          expect(found).toMatchObject({ outcome: "failed", rows: 0, missing: 4 })
          expect(found.problem?.message).toContain(
            `public.${table} has 0 rows, and 4 rows were published into it.`,
          )
        },
        table,
      )
    })
  })

  test("what to do keeps the rows that no file has any more", async () => {
    const hintFor = async (name: string, change: string) => {
      let hint: string | undefined
      const look = async () => {
        hint = (await verify(name)).problem?.hint
      }
      await tampered(change, look, name)
      return hint
    }
    const appended = await hintFor("logs", "update logs set what = 'x' where id = 1")
    expect(appended).toMatch(/Do not drop the table.*Nor reset.*explain logs KEY/)
    expect(await hintFor("people", "delete from people where id = 1")).toMatch(/reset people.*load people/)

    // Cid stands in no file any more, and Bo was changed.
    await query("update gathered set name = 'zz' where id = 2")
    const { problem } = await verify("gathered")
    expect(problem?.hint).toMatch(
      /Do not drop the table.*reset gathered.*load gathered.*explain gathered KEY/,
    )
    expect(await run("reset", "gathered", "--yes")).toMatchObject({ code: 0 })
    for (const { problem } of await loader.load(["gathered"])) expect(problem).toBeUndefined()
    expect(await query("select id, name from gathered order by id")).toEqual(
      ["Ann", "Bo", "Cid", "Dan", "Eve"].map((name, i) => ({ id: i + 1, name })),
    )
    expect(await verify("gathered")).toMatchObject({ outcome: "equal", rows: 5 })
  })

  test("without lineage it says that only counts were compared, and a row too few fails", async () => {
    expect(await verify("blind")).toMatchObject({ outcome: "counts-only", rows: 3, problem: undefined })
    await tampered(
      "delete from blind where id = 1",
      async () => expect(await verify("blind")).toMatchObject({ outcome: "failed", missing: 1 }),
      "blind",
    )
  })

  test("explain follows a row's lineage to its record", async () => {
    const [{ version }] = await query("select _flatbed_version as version from authors where id = 1")
    expect(await explain("public.authors", ["1"])).toMatchObject({
      ...{ by: "lineage", matches: 1, version, row: 1, run: { run: expect.any(Number) } },
      origin: { chunk: 1, file: "authors.csv", line: 2, byte_from: 13, byte_to: 30 },
    })
  })

  test("explain names the run that brought the row, also when its version was published again", async () => {
    const [{ version }] = await query("select _flatbed_version as version from logs where id = 1")
    const before = (await explain("logs", ["id=1"])).run
    const [again] = await loader.load(["logs"], undefined, { version })
    expect(again).toMatchObject({ outcome: "published", rows: 0, version })
    expect(await verify("logs")).toMatchObject({ outcome: "equal", rows: 3, lacking: [] })
    expect((await explain("logs", ["id=1"])).run).toEqual(before)
  })
})

describe("explain", () => {
  test("finds a row without lineage by its key in the version that was published last", async () => {
    const found = await explain("keyed", ["6"])
    expect(found).toMatchObject({ by: "search", matches: 1, row: 6, key: [{ column: "id", value: "6" }] })
    expect(found.live?.cells).toMatchObject({ id: "6", name: "two\nlines" })
    expect(found.origin).toMatchObject({ chunk: 2, file: "people.csv", line: 7 })
    const raw = Buffer.from(found.origin?.raw ?? "", "base64").toString()
    expect(raw).toBe('6,"two\nlines",2001-02-03,10,2024-01-01T09:00Z,true\n')
  })

  test.each<[string, string[], number]>([
    ["a column that is named", ["name=Zoë"], 7],
    ["a value in another spelling", ["amount=0.50"], 3],
    ["two columns, one of them a date", ["born=2001-02-03", "name=Eve"], 5],
    ["the empty text", ["name="], 2],
  ])("finds it by %s", async (_what, key, row) => {
    expect(await explain("people", key)).toMatchObject({ row, version: expect.any(String) })
  })

  test("a table's row that is another one than its record names the columns that differ", async () => {
    expect((await explain("keyed", ["6"])).differences).toEqual([])
    await tampered(
      "update keyed set at = null, ok = false where id = 6",
      async () => {
        const found = await explain("keyed", ["6"])
        expect(found.differences).toEqual([
          { column: "at", found: null, expected: "2024-01-01 09:00:00+00" },
          { column: "ok", found: "false", expected: "true" },
        ])
        expect(formatExplained(found)).toContain(
          '\ndiffers   "at" is NULL, the record has "2024-01-01 09:00:00+00"; "ok" is "false", the record has "true"',
        )
      },
      "keyed",
    )
  })

  test.each<[string, string[], number, RegExp]>([
    ["a key and a number", ["6"], 2, /by a key \(6\) or by its number \(--row 2\), and both were given/],
    ["a number that no row has", [], 99, /has 7 rows; there is no row 99/],
  ])("%s is told as a wrong argument", async (_what, key, row, message) => {
    const error = await explain("keyed", key, row).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: "usage-invalid",
      exitCode: 2,
      message: expect.stringMatching(message),
    })
  })

  test("says which rows were set aside, by a row's number", async () => {
    expect(await explain("bad", [], 2)).toMatchObject({
      ...{ by: "number", row: 2, reject: { code: "type-error" } },
      origin: { line: 3 },
    })
    expect((await explain("bad", [], 4)).reject).toMatchObject({ code: "constraint-error" })
  })

  test.each<[string, string[], RegExp, RegExp]>([
    ["peeple", ["1"], /No pipeline loads a table peeple/, /public\.people/],
    ["people", ["1"], /public\.people has no key in the settings; 1 was given/, /id=/],
    ["keyed", ["1", "2"], /has the key id; 1 2 was given/, /--row/],
    ["keyed", [], /has the key id; no value was given/, /explain keyed/],
    ["people", ["nam=Eve"], /has no column "nam"/, /"name"/],
    ["keyed", ["x"], /cannot be that: invalid input syntax/, /id integer/],
    ["keyed", ["99"], /No row of public\.keyed has id = "99", nor has one of version/, /lineage/],
  ])("%s %j is answered with what to do", async (table, key, message, hint) => {
    const error = await explain(table, key).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: "usage-invalid", message: expect.stringMatching(message) })
    expect((error as { hint?: string }).hint).toMatch(hint)
  })
})

describe("what there is nothing to compare with fails, and says why", () => {
  test.each<[string, string, RegExp]>([
    ["a table that was dropped", "alter table lines rename to away", /is not there any more/],
    [
      "another table of its name",
      "alter table lines rename to away; create table lines (a text)",
      /is another table/,
    ],
  ])("%s", async (_what, change, message) => {
    await query(change)
    const found = await verify("lines")
    await query("drop table if exists lines; alter table away rename to lines")
    expect(found).toMatchObject({ outcome: "failed", problem: { code: "verify-failed" } })
    expect(found.problem?.message).toMatch(message)
  })

  test("a version that the source no longer has", async () => {
    await query("update flatbed.publications set version = repeat('0', 64) where target = 'public.stations'")
    const { problem } = await verify("stations")
    expect(problem).toMatchObject({ code: "version-gone", exitCode: 3 })
    expect(problem?.hint).toContain("load stations")
  })

  test("a version that is gone, of a dataset that has no other: what is the matter with the file", async () => {
    await query("update flatbed.publications set version = repeat('0', 64) where target = 'public.stations'")
    await rename(join(folder.path, "files", "stations.txt"), join(folder.path, "files", "away.txt"))
    await waitFor(
      async () =>
        ((await (await fetch(`${served.url}/v1/datasets/stations`)).json()) as Dataset).state !== "ready",
      { what: "the source to see that the file is gone" },
    )
    const { problem } = await verify("stations")
    expect(problem).toMatchObject({ code: "version-gone", message: expect.stringContaining("stations.txt") })
    expect(problem?.hint).toMatch(/^First put that right: /)
    expect(problem?.hint).not.toContain("load stations")
  })

  test("a column that somebody dropped is no table as it was published; one that is only the table's is", async () => {
    await query("alter table document drop column tags, add column own text")
    const found = await verify("document")
    expect(found).toMatchObject({
      outcome: "failed",
      rows: 2,
      problem: { code: "verify-failed", exitCode: 7 },
    })
    expect(found.problem?.message).toMatch(
      /^public\.document has no column "tags", which version [0-9a-f]{12} has\. In the other columns its 2 rows are equal\.$/,
    )
    expect(found.problem?.hint).toMatch(/added: ignore.*alter table public\.document add column tags jsonb;/)
  })

  test("a column that the contract lets a table be without is said before anything else", async () => {
    const found = await verify("ignoring")
    expect(found).toMatchObject({ outcome: "equal", columns: { compared: 2, of: 6 } })
    expect(describeVerified(found)).toMatch(
      /^ignoring: 7 rows in public\.ignoring equal version [0-9a-f]{12} in 2 of its 6 columns only, digest .*; left out: "born"/,
    )
  })
})

async function run(...args: string[]) {
  const program = startProcess({
    script: bins.loader,
    args: [...args, "--config", config],
    cwd: folder.path,
    env: { DATABASE_URL: database.url },
  })
  const { code } = await program.end()
  return { code, out: program.stdout() }
}

test("the commands say in a line what they found, and end with 7 when a table is wrong", async () => {
  await tampered("update people set name = 'Eva' where id = 5", async () => {
    const { code, out } = await run("verify", "keyed", "people")
    expect(code).toBe(7)
    const [keyed, wrong] = out.split("\n")
    expect(keyed).toMatch(
      /^keyed: 7 rows in public\.keyed equal version [0-9a-f]{12}, digest [0-9a-f]{16} \(/,
    )
    expect(wrong).toContain('row 5 (chunk 2, people.csv line 6): "name" is "Eva", expected "Eve".')
  })
  const { code, out } = await run("explain", "keyed", "6")
  expect(code).toBe(0)
  expect(out).toMatch(/file +people\.csv, line 7, bytes \d+ to \d+/)
  expect(out).toMatch(/record +6,"two\\nlines",2001-02-03/)
})
