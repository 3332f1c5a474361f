/** Which cells do not become values of their column's type: one way per generation of Postgres, each in PL/pgSQL. */
import pg from "pg"
import { quoteName, quoteNames } from "./identifier.ts"
import type { RepairTables } from "./refused-lines.ts"
import type { StagingColumn } from "./staging.ts"

/**
 * - `input-check`: each cell is asked about with pg_input_is_valid (Postgres 16, 9.27.9).
 * - `trial-assignment`: each cell is assigned, and the error caught: Postgres 15 has nothing else that needs no
 *   superuser and leaves no function behind.
 */
export type RepairWay = "input-check" | "trial-assignment"

/**
 * A block that brings the lines whose cells convert from `texts` into `typed`, and notes the first cell at fault of each
 * other. Unless told, the server chooses the way by its version.
 */
export function convertCells(
  columns: readonly StagingColumn[],
  tables: RepairTables,
  way: RepairWay | undefined,
): string {
  const version = "pg_catalog.current_setting('server_version_num')::integer >= 160000"
  return `if ${way === undefined ? version : way === "input-check"} then
      ${checkInput(columns, tables)}
    else
      ${tryAssignments(columns, tables)}
    end if;`
}

function checkInput(columns: readonly StagingColumn[], { texts, typed, faults, line }: RepairTables): string {
  const described = columns.map(({ name, type }, place) => {
    const cell = quoteName(name)
    return { cell, type, name: pg.escapeLiteral(name), typeName: pg.escapeLiteral(type), place }
  })
  // Any text is a text; and of NULL neither function says anything.
  const asked = described.filter(({ type }) => type !== "text")
  const valid = asked.map(
    ({ cell, typeName }) => `pg_catalog.pg_input_is_valid(t.${cell}, ${typeName}) is false`,
  )
  const cells = asked.map(
    ({ cell, typeName, name, place }) => `(${place}, gone.${cell}, ${typeName}, ${name})`,
  )
  const takeOut = `with gone as (delete from ${texts} as t where ${valid.join(" or ")} returning t.*)
      insert into ${faults} (line, kind, column_name, detail)
      select distinct on (gone.${line}) gone.${line}, 'cell', cell.name, info.message
        from gone,
             lateral (values ${cells.join(", ")}) as cell (place, content, type, name),
             lateral pg_catalog.pg_input_error_info(cell.content, cell.type) as info
       where info.message is not null
       order by gone.${line}, cell.place;`
  const values = described.map(({ cell, type }) => `t.${cell}::${type}`)
  return `${asked.length === 0 ? "" : takeOut}
      insert into ${typed} select ${[`t.${line}`, ...values].join(", ")} from ${texts} as t;`
}

function tryAssignments(
  columns: readonly StagingColumn[],
  { texts, typed, faults, line }: RepairTables,
): string {
  const names = columns.map(({ name }) => pg.escapeLiteral(name)).join(", ")
  const variables = columns.map(({ type }, i) => `v${i} ${type};`)
  const assignments = columns.map(({ name }, i) => `nth := ${i + 1}; v${i} := r.${quoteName(name)};`)
  const values = [`r.${line}`, ...columns.map((_, i) => `v${i}`)]
  // An assignment converts as COPY does, and unlike a cast it refuses text that is too long instead of cutting it.
  return `declare
        r record;
        nth integer;
        names text[] := array[${names}];
        ${variables.join(" ")}
      begin
        for r in select * from ${texts} loop
          begin
            ${assignments.join("\n            ")}
          exception when others then
            insert into ${faults} (line, kind, column_name, detail) values (r.${line}, 'cell', names[nth], sqlerrm);
            continue;
          end;
          insert into ${typed} (${line}, ${quoteNames(columns.map(({ name }) => name))})
          values (${values.join(", ")});
        end loop;
      end;`
}
