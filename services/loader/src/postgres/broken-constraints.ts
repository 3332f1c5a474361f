/** Which rows break a NOT NULL or CHECK constraint of staging, told by the constraints' own expressions, in PL/pgSQL. */
import pg from "pg"
import { quoteTable, type TableName } from "./identifier.ts"
import type { RepairTables } from "./refused-lines.ts"

/**
 * A block that takes the rows that break a constraint of staging out of `typed` and notes the first that each one breaks,
 * as Postgres goes through them: NOT NULL before CHECK, these by name. An expression that fails on some row tells
 * nothing; such rows are found by trying.
 */
export function takeOutBroken(staging: TableName, { typed, faults, line }: RepairTables): string {
  const oid = `${pg.escapeLiteral(quoteTable(staging))}::pg_catalog.regclass`
  const [from, into, number] = [inFormat(typed), inFormat(faults), inFormat(line)]
  return `declare
      nulls text;
      broken record;
    begin
      select pg_catalog.string_agg(pg_catalog.format('when %1$I is null then %1$L', a.attname), ' ' order by a.attnum)
        into nulls
        from pg_catalog.pg_attribute as a
       where a.attrelid = ${oid} and a.attnotnull and a.attnum > 0 and not a.attisdropped;
      if nulls is not null then
        execute pg_catalog.format(
          'with broken as (delete from ${from} where (case %1$s end) is not null
                           returning ${number} as line, (case %1$s end) as name)
           insert into ${into} (line, kind, column_name) select line, ''null'', name from broken', nulls);
      end if;
      for broken in
        select c.conname as name, pg_catalog.pg_get_expr(c.conbin, c.conrelid) as expression,
               case when pg_catalog.cardinality(c.conkey) = 1 then (
                 select a.attname from pg_catalog.pg_attribute as a
                  where a.attrelid = c.conrelid and a.attnum = c.conkey[1]) end as only_column
          from pg_catalog.pg_constraint as c
         where c.conrelid = ${oid} and c.contype = 'c' order by c.conname
      loop
        begin
          -- A check holds when it is true or NULL (Postgres manual, 5.5.1).
          execute pg_catalog.format(
            'with broken as (delete from ${from} where (%s) is false returning ${number} as line)
             insert into ${into} (line, kind, column_name, constraint_name, detail)
             select line, ''check'', $1, $2, $3 from broken', broken.expression)
            using broken.only_column::text, broken.name::text, broken.expression;
        exception when data_exception or integrity_constraint_violation then
          null;
        end;
      end loop;
    end;`
}

// A name stands in the text of a format(), where a percent sign and a quote would be others.
const inFormat = (name: string) => name.replaceAll("%", "%%").replaceAll("'", "''")
