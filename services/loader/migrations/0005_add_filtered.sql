-- Records that the source leaves out because a filter in its settings says so: no rows, and no rejects.

alter table runs add column filtered bigint not null default 0;
comment on column runs.filtered is 'Records that the source''s filter leaves out. Rows and filtered are all records of the version''s files.';
comment on column runs.rows is 'Records that are not filtered, rejects included.';

alter table chunks add column filtered bigint not null default 0;
comment on column chunks.filtered is 'Records of the chunk that the source''s filter leaves out.';

alter table publications add column filtered bigint not null default 0;
comment on column publications.filtered is 'Records of the version that the source''s filter left out.';
comment on column publications.rejects is 'Records of the version that were set aside. Rows, rejects and filtered are all its records.';
