-- Runs of models: SQL that builds a table or a view after a load.

create table model_runs (
  model text not null,
  number bigint not null check (number > 0),
  state text not null check (state in ('making', 'made', 'failed')),
  token text not null unique,
  form text not null check (form in ('table', 'view', 'append', 'upsert')),
  definition_sha256 text not null,
  target text not null,
  target_oid oid,
  made_table boolean not null default false,
  column_names text[] not null default '{}',
  seen_publications jsonb not null default '{}',
  seen_models jsonb not null default '{}',
  rows bigint,
  table_rows bigint,
  inserted bigint,
  updated bigint,
  unchanged bigint,
  deleted bigint,
  rejects bigint not null default 0,
  new_versions integer,
  checks jsonb not null default '[]',
  problem_code text,
  problem_detail text,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  primary key (model, number)
);
comment on table model_runs is 'One making of a model each. The row is written in the transaction that changes the model''s table, so the two are true together; failures are written after it.';
comment on column model_runs.number is 'From 1 for each model. Its row is the lock: a second loader waits for it.';
comment on column model_runs.state is 'making: only its own transaction sees that.';
comment on column model_runs.token is 'By it a loader that lost the answer to its COMMIT finds its run.';
comment on column model_runs.form is 'What became of the rows: `as` of the settings.';
comment on column model_runs.definition_sha256 is 'Of what shapes the rows: SQL, table, form, key, indexes, checks.';
comment on column model_runs.target_oid is 'The table or view itself: one dropped and made anew under the same name is another one.';
comment on column model_runs.made_table is 'Whether the loader made the table, so that its columns follow the select.';
comment on column model_runs.column_names is 'The select''s columns.';
comment on column model_runs.seen_publications is 'Of each pipeline that the model needs, directly or through others, the last publication_id that the run''s snapshot showed; 0 for none.';
comment on column model_runs.seen_models is 'Of each model that it needs the number of the run that it saw.';
comment on column model_runs.rows is 'Rows of the select, without those that checks left out.';
comment on column model_runs.table_rows is 'Rows of the table behind the run; null of a view.';
comment on column model_runs.rejects is 'Rows that a check of severity reject left out.';
comment on column model_runs.new_versions is 'How many versions :new_versions held; null when the SQL does not ask for them.';
comment on column model_runs.checks is 'How the checks came out: name, severity, failed.';

create table model_rejects (
  model text not null,
  number bigint not null,
  check_name text not null,
  cells jsonb not null,
  foreign key (model, number) references model_runs on delete cascade
);
create index model_rejects_of_run on model_rejects (model, number);
comment on table model_rejects is 'Rows that checks left out of models: of each check and run the first 1,000.';
