-- Which files' rows a table holds, so that `append` loads each of them once, and of one that has grown what is new.

create table files (
  file_id bigint generated always as identity primary key,
  target text not null,
  target_oid oid not null,
  file text not null,
  sha256 text not null,
  bytes bigint not null,
  rows bigint not null,
  rejects bigint not null,
  filtered bigint not null,
  run_id bigint not null references runs,
  is_current boolean not null default true,
  published_at timestamptz not null default clock_timestamp()
);
create index files_of_target on files (target, sha256);
comment on table files is 'Contents whose rows a table holds, written in the transaction that published them.';
comment on column files.target_oid is 'The table itself: in one that was dropped and made anew there is nothing of them.';
comment on column files.file is 'The path at which this content stood, as the manifest named it.';
comment on column files.sha256 is 'Of the file, or of its text where it is packed or not UTF-8; so a file that was packed since is the same.';
comment on column files.bytes is 'Of the same.';
comment on column files.rows is 'Rows of this content that the table took; of a file that grew, those of all loads.';
comment on column files.rejects is 'Its records that were set aside.';
comment on column files.filtered is 'Its records that the source''s filter left out.';
comment on column files.run_id is 'The run that published it at this path.';
comment on column files.is_current is 'Whether it stood there in the version that was published last.';

alter table publications
  add column known_rows bigint not null default 0,
  add column files_new bigint,
  add column files_grown bigint,
  add column files_known bigint;
comment on column publications.rows is 'Rows of what was loaded of the version that were not set aside: inserted + updated + unchanged + repeated + older.';
comment on column publications.known_rows is 'Rows of the version''s files that the table had from before; 0 but for append.';
comment on column publications.files_new is 'Files that were appended whole; null but for append.';
comment on column publications.files_grown is 'Files of which the new end was appended.';
comment on column publications.files_known is 'Files of which nothing was fetched: the table had their content, or another file of the version brings it.';
