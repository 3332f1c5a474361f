-- The receipt of a publication: the equation that it balanced. Written beside the sums, and held by Postgres itself.

alter table publications
  add column records bigint,
  add column refused bigint,
  add column table_rows bigint;
update publications as p set
  records = p.rows + p.rejects + p.filtered,
  refused = coalesce((select sum(c.refused) from chunks as c where c.run_id = p.run_id), 0);
alter table publications
  alter column records set not null,
  alter column refused set not null,
  add constraint records_add_up check (records = rows + rejects + filtered and refused between 0 and rejects),
  add constraint rows_add_up check (rows = inserted + updated + unchanged + repeated + older);
comment on column publications.records is 'Records in the files of what was loaded, as the source counted them: rows + rejects + filtered.';
comment on column publications.refused is 'Of the rejects those that the source had served as rows, and the loader set aside.';
comment on column publications.table_rows is 'Rows of the table behind the load, counted where it has triggers or rules; else null.';
