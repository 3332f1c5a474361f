-- How the last attempt of each pipeline ended. A run that fails before it has a row in runs, because the source
-- or the table's columns stood in its way, is known from here alone.

create table attempts (
  pipeline text primary key,
  target text not null,
  outcome text not null check (outcome in ('published', 'up-to-date', 'stopped', 'failed')),
  version text,
  problem_code text,
  problem_detail text,
  ended_at timestamptz not null default clock_timestamp()
);
comment on table attempts is 'One row per pipeline: how its last attempt ended, also one that failed before it had a run.';
comment on column attempts.target is 'The table, written schema.table and quoted where need be.';
comment on column attempts.version is 'The version that was to be loaded; null when the source did not come to name one.';
comment on column attempts.problem_code is 'What stopped it; null when nothing did.';
