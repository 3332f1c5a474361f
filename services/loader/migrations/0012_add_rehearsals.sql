-- Runs that did all of their work and took the publish back.

alter table runs
  add column rehearsal boolean not null default false,
  drop constraint runs_state_check,
  add constraint runs_state_check check (state in ('loading', 'published', 'rehearsed', 'failed', 'abandoned'));
comment on column runs.rehearsal is 'Whether it was to publish nothing: such a run is never resumed, and its staging is dropped at its end.';
comment on column runs.state is 'loading and failed runs can be resumed while their staging is there; abandoned ones cannot. A rehearsed one is over.';
