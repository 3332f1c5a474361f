/** The last step of a repair, and for rows that nothing else tells: insert them, and halve what Postgres refuses. */
import pg from "pg"
import { quoteNames } from "./identifier.ts"
import type { RepairTables } from "./refused-lines.ts"
import type { StagingColumn } from "./staging.ts"

// One bad row of 10,000 takes about 15 tries. Past this the chunk as a whole is refused.
const maxTries = 2_000

/**
 * A block that inserts the rows of `typed`, whose lines are 1 to `lines`, into staging, first all at once; notes the lines
 * that staging refuses, and how many it took. When too many tries would be needed the last error is raised.
 */
export function moveOthers(
  columns: readonly StagingColumn[],
  lines: number,
  { staging, typed, faults, line }: RepairTables,
): string {
  const names = quoteNames(columns.map(({ name }) => name))
  const insert = `insert into ${staging} (${names}) select ${names} from ${typed} where ${line} between $1 and $2`
  // Spans still to be tried are a stack, the first one on top, so that rows are found in their order.
  return `declare
      firsts bigint[] := array[1];
      lasts bigint[] := array[${lines}];
      top integer;
      low bigint;
      high bigint;
      middle bigint;
      tries integer := 0;
      counted bigint;
      moved bigint := 0;
      state text;
      said text;
      wrong text;
    begin
      loop
        top := pg_catalog.cardinality(firsts);
        exit when top = 0;
        low := firsts[top];
        high := lasts[top];
        firsts := firsts[:top - 1];
        lasts := lasts[:top - 1];
        tries := tries + 1;
        begin
          execute ${pg.escapeLiteral(insert)} using low, high;
          get diagnostics counted = row_count;
          moved := moved + counted;
        exception when data_exception or integrity_constraint_violation then
          if tries >= ${maxTries} then
            raise;
          end if;
          if low = high then
            get stacked diagnostics state = returned_sqlstate, said = message_text, wrong = column_name;
            insert into ${faults} (line, kind, column_name, detail)
            values (low, case when state like '22%' then 'value' else 'row' end, nullif(wrong, ''), said);
          else
            middle := (low + high) / 2;
            firsts := firsts || array[middle + 1, low];
            lasts := lasts || array[high, middle];
          end if;
        end;
      end loop;
      insert into ${faults} (line, kind, detail) values (0, 'moved', moved::text);
    end;`
}
