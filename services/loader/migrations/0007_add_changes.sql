-- What a publication did to the table, by the load mode's own count.
alter table publications
  add column inserted bigint,
  add column updated bigint not null default 0,
  add column unchanged bigint not null default 0,
  add column repeated bigint not null default 0,
  add column older bigint not null default 0,
  add column deleted bigint not null default 0;
update publications set inserted = rows;
alter table publications alter column inserted set not null;
comment on column publications.rows is 'Rows of the version that were not set aside: inserted + updated + unchanged + repeated + older.';
comment on column publications.unchanged is 'Rows that the table had just so; they were not written.';
comment on column publications.repeated is 'Rows that gave way to another row of the version, as dedupe and order_by say.';
comment on column publications.older is 'Rows that gave way to a newer one of the table, as order_by says.';
comment on column publications.deleted is 'Rows of the table that were deleted, or marked as deleted.';
