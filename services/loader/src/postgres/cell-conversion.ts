/** Which cells of a COPY do not become values of their column's type: one way per generation of Postgres. */
import pg from "pg"
import { numberLines, readCells } from "../copy-lines.ts"
import { copyRows } from "./copy.ts"
import type { Session } from "./database.ts"
import { quoteName, quoteNames, quoteTable, type TableName } from "./identifier.ts"
import { queryAll } from "./query-all.ts"
import type { RefusedCopy, RefusedLine, SideTable } from "./refused-lines.ts"
import type { RepairWay } from "./repair-way.ts"

/** Brings the lines whose cells convert into the side table, with one COPY, and returns the others. */
export async function fillSide(
  session: Session,
  copy: RefusedCopy,
  side: SideTable,
  way: RepairWay,
): Promise<RefusedLine[]> {
  switch (way) {
    case "on-error-ignore":
      return await ignoreErrors(session, copy, side)
    case "input-check":
      return await checkInput(session, copy, side)
    case "trial-assignment":
      return await tryAssignments(session, copy, side)
  }
}

async function ignoreErrors(session: Session, copy: RefusedCopy, side: SideTable): Promise<RefusedLine[]> {
  const names = [side.lineColumn, ...copy.columns.map(({ name }) => name)]
  await copyRows(session, side.table, names, numberLines(copy.lines), "on_error ignore")
  // A line that was left out is told by its absence; the notices of log_verbosity are in the server's language.
  const line = quoteName(side.lineColumn)
  const { rows } = await session.query(
    `select line from pg_catalog.generate_series(1, $1::bigint) as line
     except select ${line} from ${quoteTable(side.table)} order by 1`,
    [copy.lines.length],
  )
  return await explain(
    session,
    copy,
    rows.map((row) => Number(row.line)),
  )
}

async function checkInput(session: Session, copy: RefusedCopy, side: SideTable): Promise<RefusedLine[]> {
  const { columns } = copy
  const texts = await copyTexts(session, copy, side)
  const line = quoteName(side.lineColumn)
  const valid = columns.map(({ name, type }) => {
    const cell = quoteName(name)
    return `(${cell} is null or pg_catalog.pg_input_is_valid(${cell}, ${pg.escapeLiteral(type)}))`
  })
  const { rows } = await session.query(
    `delete from ${quoteTable(texts)} where not (${valid.join(" and ")}) returning ${line} as line`,
  )
  const values = columns.map(({ name, type }) => `${quoteName(name)}::${type}`)
  await queryAll(session, [
    `insert into ${quoteTable(side.table)} select ${[line, ...values].join(", ")} from ${quoteTable(texts)}`,
    `drop table ${quoteTable(texts)}`,
  ])
  return await explain(
    session,
    copy,
    rows.map((row) => Number(row.line)),
  )
}

/** Postgres 16 and later: which cell of each line it is, in Postgres' own words. */
async function explain(
  session: Session,
  { columns, lines: all }: RefusedCopy,
  lines: readonly number[],
): Promise<RefusedLine[]> {
  if (lines.length === 0) return []
  const cells = lines.flatMap((line) => readCells(all[line - 1]).map((cell, i) => ({ line, i, cell })))
  const { rows } = await session.query(
    `select distinct on (line) line, i, message
       from unnest($1::bigint[], $2::integer[], $3::text[], $4::text[]) as cells (line, i, cell, type),
            lateral pg_catalog.pg_input_error_info(cell, type)
      where message is not null order by line, i`,
    [
      cells.map(({ line }) => line),
      cells.map(({ i }) => i),
      cells.map(({ cell }) => cell),
      cells.map(({ i }) => columns[i]?.type ?? "text"),
    ],
  )
  const found = new Map(rows.map((row) => [Number(row.line), row]))
  return lines.map((line) => {
    const { i, message } = found.get(line) ?? {}
    return notConverted(line, columns[i], message ?? "a cell does not convert to its column's type")
  })
}

async function tryAssignments(session: Session, copy: RefusedCopy, side: SideTable): Promise<RefusedLine[]> {
  const { columns } = copy
  const texts = await copyTexts(session, copy, side)
  const faults = named(side, "_faults")
  const line = quoteName(side.lineColumn)
  const names = quoteNames([side.lineColumn, ...columns.map(({ name }) => name)])
  const variables = columns.map(({ type }, i) => `v${i} ${type};`)
  const assignments = columns.map(({ name }, i) => `i := ${i}; v${i} := r.${quoteName(name)};`)
  const values = [`r.${line}`, ...columns.map((_, i) => `v${i}`)]
  // An assignment converts as COPY does, and unlike a cast it refuses text that is too long instead of cutting it.
  const body = `declare r record; i integer; ${variables.join(" ")}
    begin
      for r in select * from ${quoteTable(texts)} loop
        begin
          ${assignments.join("\n")}
        exception when others then
          insert into ${quoteTable(faults)} values (r.${line}, i, sqlerrm);
          continue;
        end;
        insert into ${quoteTable(side.table)} (${names}) values (${values.join(", ")});
      end loop;
    end`
  const [, , found] = await queryAll(session, [
    `create unlogged table ${quoteTable(faults)} (line bigint, i integer, message text)`,
    `do language plpgsql ${pg.escapeLiteral(body)}`,
    `select line, i, message from ${quoteTable(faults)} order by line`,
    `drop table ${quoteTable(texts)}, ${quoteTable(faults)}`,
  ])
  return (found?.rows ?? []).map((row) => notConverted(Number(row.line), columns[row.i], row.message))
}

async function copyTexts(session: Session, copy: RefusedCopy, side: SideTable): Promise<TableName> {
  const texts = named(side, "_texts")
  const names = copy.columns.map(({ name }) => name)
  const list = names.map((name) => `${quoteName(name)} text`).join(", ")
  await session.query(
    `create unlogged table ${quoteTable(texts)} (${quoteName(side.lineColumn)} bigint, ${list})`,
  )
  await copyRows(session, texts, [side.lineColumn, ...names], numberLines(copy.lines))
  return texts
}

const named = ({ table }: SideTable, suffix: string): TableName => ({
  ...table,
  name: `${table.name}${suffix}`,
})

function notConverted(
  line: number,
  column: { readonly name: string; readonly type: string } | undefined,
  message: string,
): RefusedLine {
  const expected = column === undefined ? "" : ` The column is ${column.type}.`
  return {
    line,
    code: "type-error",
    column: column?.name ?? null,
    reason: `Postgres: ${message}.${expected}`,
  }
}
