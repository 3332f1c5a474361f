-- How the file of a run is written, so that its rejects can be exported as they stood in it, whether or not the source
-- still has that version.

alter table runs add column dialect jsonb;
comment on column runs.dialect is 'The file''s dialect, encoding and the names of its cells, as the manifest told them; null when it did not.';
