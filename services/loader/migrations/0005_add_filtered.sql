-- Records that the source leaves out because a filter in its settings says so: no rows, and no rejects.

alter table flatbed.runs add column filtered bigint not null default 0;
comment on column flatbed.runs.filtered is 'Records that the source''s filter leaves out. Rows and filtered are all records of the version''s files.';
comment on column flatbed.runs.rows is 'Records that are not filtered, rejects included.';

alter table flatbed.chunks add column filtered bigint not null default 0;
comment on column flatbed.chunks.filtered is 'Records of the chunk that the source''s filter leaves out.';

alter table flatbed.publications add column filtered bigint not null default 0;
comment on column flatbed.publications.filtered is 'Records of the version that the source''s filter left out.';
comment on column flatbed.publications.rejects is 'Records of the version that were set aside. Rows, rejects and filtered are all its records.';
