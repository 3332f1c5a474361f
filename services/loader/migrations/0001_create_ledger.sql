-- The ledger: what was loaded, by whom, and who may go on. It shares the database, and every transaction,
-- with the rows it speaks about.

create table leases (
  pipeline text primary key,
  epoch bigint not null,
  owner text,
  backend_pid integer,
  backend_start timestamptz,
  expires_at timestamptz not null
);
comment on table leases is 'One row per pipeline: whose turn it is. Every later transaction of a run reads it first and holds it to its commit.';
comment on column leases.epoch is 'Raised by each takeover; a transaction that carries an older epoch refuses to work.';
comment on column leases.owner is 'The run that holds the lease; null when it was given back.';
comment on column leases.backend_pid is 'The session of the owner that claimed or last extended the lease. When it is gone, so is the owner.';
comment on column leases.backend_start is 'When that session began: process ids come again.';
comment on column leases.expires_at is 'By this database''s clock: when another run may try. Safety rests on the epoch, never on this.';

create table runs (
  run_id bigint generated always as identity primary key,
  pipeline text not null,
  dataset text not null,
  version text not null,
  settings_sha256 text not null,
  target text not null,
  staging_columns jsonb not null,
  chunks bigint not null,
  rows bigint not null,
  bytes bigint not null,
  state text not null default 'loading' check (state in ('loading', 'published', 'failed', 'abandoned')),
  epoch bigint not null,
  attempts integer not null default 1,
  problem_code text,
  problem_detail text,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz
);
create index runs_of_pipeline on runs (pipeline, run_id desc);
comment on table runs is 'One execution of a pipeline for one version. Its rows wait in staging_<run_id> until they are published.';
comment on column runs.settings_sha256 is 'Of the pipeline''s settings that shape the table: dataset, table, mode.';
comment on column runs.target is 'The table, written schema.table and quoted where need be.';
comment on column runs.staging_columns is 'Names and Postgres types of the staging table.';
comment on column runs.chunks is 'How many chunks the manifest lists.';
comment on column runs.rows is 'How many rows the manifest lists, rejects included.';
comment on column runs.bytes is 'Bytes of the version''s files.';
comment on column runs.state is 'loading and failed runs can be resumed while their staging is there; abandoned ones cannot.';
comment on column runs.epoch is 'The lease''s epoch that worked on it last.';
comment on column runs.attempts is 'How often the run was started or resumed.';

create table chunks (
  run_id bigint not null references runs on delete cascade,
  chunk bigint not null,
  first_row bigint not null,
  rows bigint not null,
  rejects bigint not null,
  raw_sha256 text not null,
  loaded_at timestamptz not null default clock_timestamp(),
  primary key (run_id, chunk)
);
comment on table chunks is 'Receipts: a chunk''s rows are in staging exactly when its receipt is here, for both commit together.';
comment on column chunks.rows is 'Records of the chunk, rejects included.';
comment on column chunks.raw_sha256 is 'The manifest''s digest of the chunk''s bytes in the file.';

create table publications (
  publication_id bigint generated always as identity primary key,
  run_id bigint not null unique references runs,
  pipeline text not null,
  dataset text not null,
  version text not null,
  settings_sha256 text not null,
  target text not null,
  target_oid oid not null,
  rows bigint not null,
  bytes bigint not null,
  published_at timestamptz not null default clock_timestamp()
);
create index publications_of_target on publications (target, publication_id desc);
create index publications_of_pipeline on publications (pipeline, publication_id desc);
comment on table publications is 'Versions that were made visible, written in the transaction that did it.';
comment on column publications.target_oid is 'The table itself: one dropped and made anew under the same name is another one, and is loaded again.';

create table ticks (
  pipeline text primary key,
  tick timestamptz not null,
  claimed_by text not null,
  claimed_at timestamptz not null default clock_timestamp()
);
comment on table ticks is 'The last due moment of each schedule that a loader took, so that several loaders run it once.';
