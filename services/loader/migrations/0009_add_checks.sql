-- How the checks of a run came out.
create table checks (
  run_id bigint not null references runs on delete cascade,
  place integer not null,
  name text not null,
  severity text not null check (severity in ('fail', 'reject', 'warn')),
  column_names text,
  expected text not null,
  failed bigint not null,
  primary key (run_id, place)
);
comment on table checks is 'One check of the pipeline each, as it was asked of the rows of a run. Not there for a run that ended before.';
comment on column checks.place is 'Its number in the settings, from 1.';
comment on column checks.severity is 'What becomes of rows that break it: nothing is loaded, they are set aside, or it is only told.';
comment on column checks.column_names is 'The columns that it is about; null of a condition in SQL, which names its own.';
comment on column checks.expected is 'What is expected of them, in words.';
comment on column checks.failed is 'Rows that broke it: 0 when it holds.';
