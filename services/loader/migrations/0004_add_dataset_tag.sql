-- What lets a load of an unchanged file ask for nothing but whether it changed.

alter table publications add column dataset_tag text;
comment on column publications.dataset_tag is 'ETag of the source''s dataset document that named this version, as last answered; null when none is known.';
