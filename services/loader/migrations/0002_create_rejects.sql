-- Records that were set aside: by the source, because they break the file's form or a declared type, and by the
-- loader, because Postgres refused the row.

alter table runs add column rejects bigint not null default 0;
comment on column runs.rejects is 'Records set aside: the source''s, and those refused here so far.';
alter table runs add column staging_checks jsonb not null default '[]';
comment on column runs.staging_checks is 'CHECK constraints that the staging table took over from the target: their names and definitions.';

alter table chunks add column refused bigint not null default 0;
comment on column chunks.rejects is 'Records of the chunk that the source set aside.';
comment on column chunks.refused is 'Rows of the chunk that were set aside here: Postgres refused them. So staging holds rows - rejects - refused.';

alter table publications add column rejects bigint not null default 0;
comment on column publications.rows is 'Rows that the version brought into the table.';
comment on column publications.rejects is 'Records of the version that were set aside. Rows and rejects are all its records.';

create table rejects (
  run_id bigint not null references runs on delete cascade,
  row bigint not null,
  chunk bigint not null,
  file text not null,
  line bigint not null,
  byte bigint not null,
  code text not null,
  column_name text,
  value text,
  reason text not null,
  raw bytea not null,
  found_by text not null check (found_by in ('source', 'loader')),
  found_at timestamptz not null default clock_timestamp(),
  primary key (run_id, row)
);
comment on table rejects is 'One record set aside each, written in the transaction of its chunk. Of a run that is refused for too many, at least the first ones.';
comment on column rejects.row is 'The record''s number in the version, from 1.';
comment on column rejects.line is 'The line of the file on which the record begins, from 1.';
comment on column rejects.byte is 'The offset of the record''s first byte in the file, from 0.';
comment on column rejects.column_name is 'The first cell at fault; null when no single cell is.';
comment on column rejects.value is 'That cell, cut after 100 characters; what text cannot hold is replaced.';
comment on column rejects.raw is 'The record''s bytes, without its line end.';
