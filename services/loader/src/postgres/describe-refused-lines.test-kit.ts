/** The conformance suite of finding refused rows: every way and every generation of Postgres says the same. */
import { randomBytes } from "node:crypto"
import pg from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { splitLines } from "../staging/copy-lines.ts"
import type { RepairWay } from "./cell-conversion.ts"
import { asSession, type Session } from "./database.ts"
import { type RefusedLine, repairCopy, tryCopy } from "./refused-lines.ts"
import { createStaging, type StagingColumn, stagingTable } from "./staging.ts"
import type { TableCheck } from "./table.ts"

export type RefusedLinesCase = {
  readonly name: string
  /** Undefined lets the server's version decide. */
  readonly way: RepairWay | undefined
  /** A server with an empty database; ended after the suite. */
  readonly open: () => Promise<{ readonly url: string; close(): Promise<void> }>
}

const columns: StagingColumn[] = [
  { name: "id", type: "integer", notNull: true },
  { name: "line", type: "smallint" },
  { name: "we\"ird; '$do$", type: "numeric(5,2)" },
  { name: "born", type: "date" },
  { name: "name", type: "character varying(5)" },
  { name: "note", type: "text" },
]
const checks: TableCheck[] = [
  { name: "adult", definition: "CHECK ((id <> 25))" },
  { name: "zero div", definition: "CHECK (((100 / line) > 0))" },
]
const good = (id: number): (string | null)[] => [String(id), "1", "1.25", "2024-02-29", "Zoë", "a\tb\nc\\"]
const withCell = (id: number, index: number, cell: string | null) =>
  good(id).map((value, i) => (i === index ? cell : value))

/** Runs the suite against one server in one way. */
export function describeRefusedLines({ name, way, open }: RefusedLinesCase): void {
  describe(`refused lines, ${name}`, () => {
    let server: Awaited<ReturnType<RefusedLinesCase["open"]>>
    let pool: pg.Pool
    let session: Session
    let role: string

    // Everything here is done by a role that may connect and create, and nothing more.
    beforeAll(async () => {
      server = await open()
      role = `plain_${randomBytes(4).toString("hex")}`
      const owner = new pg.Client({ connectionString: server.url })
      await owner.connect()
      await owner.query(`create role ${role} login password 'plain'`)
      await owner.query("create schema if not exists flatbed")
      await owner.query(`grant create, usage on schema flatbed to ${role}`)
      await owner.end()
      const url = new URL(server.url)
      url.username = role
      url.password = "plain"
      pool = new pg.Pool({ connectionString: url.href, max: 1 })
    })

    afterAll(async () => {
      await pool.end()
      const owner = new pg.Client({ connectionString: server.url })
      await owner.connect()
      await owner.query(`drop owned by ${role}`)
      await owner.query(`drop role ${role}`)
      await owner.end()
      await server.close()
    })

    beforeEach(async () => {
      session = asSession(await pool.connect(), "flatbed")
      await session.query("begin")
      await session.query("set local search_path = ''; set local datestyle = 'ISO, YMD'")
    })

    afterEach(async () => {
      await session.query("rollback")
      session.release()
    })

    const linesOf = (rows: readonly (string | null)[][]) =>
      splitLines(Buffer.from(rows.map((row) => `${row.map(encode).join("\t")}\n`).join("")))
    const find = async (rows: readonly (string | null)[][], withChecks = checks) => {
      await createStaging(session, 1, { columns, checks: withChecks })
      const [staging, lines] = [stagingTable(session, 1), linesOf(rows)]
      await tryCopy(session, staging, columns, Buffer.concat(lines))
      const side = { schema: "flatbed", name: "repair_1_1" }
      const { refused, moved } = await repairCopy(session, { staging, columns, lines, side }, way)
      expect(moved).toBe(rows.length - refused.length)
      return refused
    }
    const staged = async () => (await session.query("select * from flatbed.staging_1 order by id")).rows
    const short = (lines: readonly RefusedLine[]) =>
      lines.map(({ line, code, column }) => [line, code, column])

    test("a COPY of rows that staging takes needs no repair", async () => {
      await createStaging(session, 1, { columns, checks })
      const rows = [good(1), good(2), withCell(3, 1, null)]
      expect(await tryCopy(session, stagingTable(session, 1), columns, Buffer.concat(linesOf(rows)))).toBe(3)
      expect(await staged()).toHaveLength(3)
    })

    test("the other lines arrive as COPY brings them", async () => {
      const rows = [
        good(1),
        withCell(2, 1, "40000"),
        withCell(3, 4, null),
        withCell(4, 5, ""),
        withCell(5, 4, "ab       "),
        withCell(6, 5, "\u{1f600} \\N 'quoted' $do$ %s"),
        withCell(7, 2, "  -1.254e2 "),
        withCell(8, 3, "infinity"),
      ]
      await find(rows)
      const repaired = await staged()
      await session.query("create table flatbed.plain (like flatbed.staging_1 including constraints)")
      const left = rows.filter((_, i) => i !== 1)
      await tryCopy(session, { schema: "flatbed", name: "plain" }, columns, Buffer.concat(linesOf(left)))
      const { rows: plain } = await session.query("select * from flatbed.plain order by id")
      expect(plain).toHaveLength(7)
      expect(repaired).toEqual(plain)
    })

    test("each type's misfits are found with their column, the first of a row", async () => {
      const found = await find([
        good(1),
        withCell(2, 1, "40000"),
        withCell(3, 2, "1234.5"),
        withCell(4, 3, "2023-02-29"),
        withCell(5, 4, "toolong"),
        ["x", "y", "z", "w", "v", "u"],
        good(7),
      ])
      expect(short(found)).toEqual([
        [2, "type-error", "line"],
        [3, "type-error", "we\"ird; '$do$"],
        [4, "type-error", "born"],
        [5, "type-error", "name"],
        [6, "type-error", "id"],
      ])
      expect(found.map(({ reason }) => reason)).toEqual([
        expect.stringMatching(/"40000".*out of range.*column is smallint/),
        expect.stringMatching(/numeric field overflow.*numeric\(5,2\)/),
        expect.stringMatching(/2023-02-29/),
        expect.stringMatching(/too long.*character varying\(5\)/),
        expect.stringMatching(/"x".*integer/),
      ])
    })

    test("broken constraints are found, also by an expression that fails, and after wrong types", async () => {
      const found = await find([
        good(25),
        withCell(2, 0, null),
        withCell(3, 3, "never"),
        withCell(4, 1, "0"),
        withCell(5, 1, "101"),
        good(6),
      ])
      expect(short(found)).toEqual([
        [1, "constraint-error", "id"],
        [2, "constraint-error", "id"],
        [3, "type-error", "born"],
        [4, "type-error", null],
        [5, "constraint-error", null],
      ])
      expect(found[0]?.reason).toContain('"adult": check ((id <> 25))')
      expect(found[1]?.reason).toContain("not null")
      expect(found[3]?.reason).toContain("division by zero")
    })

    test("many bad rows of many are found, and the others are exactly what COPY takes", async () => {
      const bad = new Set(Array.from({ length: 113 }, (_, i) => i * 44 + 7))
      const rows = Array.from({ length: 5_000 }, (_, i) => {
        const line = i + 1
        if (!bad.has(line)) return good(line === 25 ? 0 : line)
        return line % 2 === 0 ? withCell(line, 3, "2024-13-01") : withCell(25, 5, "note")
      })
      const onlyAdult = checks.slice(0, 1)
      const found = await find(rows, onlyAdult)
      expect(found.map(({ line }) => line)).toEqual([...bad])
      expect(await staged()).toHaveLength(5_000 - 113)
    })

    test("when almost every row would have to be tried the COPY is refused as a whole", async () => {
      const rows = Array.from({ length: 1_200 }, (_, i) => withCell(i + 1, 1, "0"))
      await expect(find(rows)).rejects.toThrow("division by zero")
    })

    test("nothing is left behind but staging", async () => {
      await find([withCell(1, 3, "x"), withCell(2, 1, "0")])
      const { rows } = await session.query(
        "select relname from pg_catalog.pg_class where relnamespace = 'flatbed'::regnamespace and relkind = 'r' and relname ~ '^(repair|staging)'",
      )
      expect(rows).toEqual([{ relname: "staging_1" }])
      const functions = await session.query(
        "select from pg_catalog.pg_proc where pronamespace = 'flatbed'::regnamespace or pronamespace = pg_my_temp_schema()",
      )
      expect(functions.rowCount).toBe(0)
    })
  })
}

// COPY's text format (Postgres manual, COPY), for the few characters that these tests use.
function encode(cell: string | null): string {
  return cell === null ? "\\N" : cell.replaceAll("\\", "\\\\").replaceAll("\t", "\\t").replaceAll("\n", "\\n")
}
