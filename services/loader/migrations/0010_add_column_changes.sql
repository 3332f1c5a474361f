-- The history of the columns of each table: as a load made them, and what the contract let become of them.

create table column_changes (
  change_id bigint generated always as identity primary key,
  run_id bigint not null references runs,
  pipeline text not null,
  target text not null,
  column_name text not null,
  kind text not null,
  before text,
  file text,
  after text,
  policy text,
  outcome text not null,
  changed_at timestamptz not null default clock_timestamp()
);
create index column_changes_of_target on column_changes (target, column_name, change_id);
comment on table column_changes is 'What loads did about columns that were not the same in table and file, written in the transaction that published the rows.';
comment on column column_changes.kind is 'made: with the table. added: by the file. dropped: from the file. type, null: values that the column did not hold.';
comment on column column_changes.before is 'The column''s type in the table until then; null when it had none of this name.';
comment on column column_changes.file is 'Its type in the version; null when that had none of this name.';
comment on column column_changes.after is 'The column''s type in the table from then on; null when it has none of this name.';
comment on column column_changes.policy is 'What the pipeline''s contract said; null for columns that were made with the table.';
