-- When each table was last known to show the newest version, and what `reset` made the ledger forget.

alter table attempts add column proven_at timestamptz;
update attempts set proven_at = ended_at where outcome in ('published', 'up-to-date');
comment on column attempts.proven_at is 'When an attempt last ended with the newest version in that table; attempts that failed since leave it as it is.';

alter table publications add column forgotten_at timestamptz;
comment on column publications.forgotten_at is 'When reset made the ledger forget it: nothing is known of the table from it any more. Null as a rule.';
