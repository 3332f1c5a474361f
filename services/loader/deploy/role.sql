-- What flatbed-loader may do in a database, and nothing more. A superuser runs it once, in the database that is to be
-- filled, with names of your own; then gives the role a password, in psql:  \password flatbed_loader

create role flatbed_loader login;

-- The ledger and staging, where rows wait until they are published. Another name stands here and in database.schema.
create schema flatbed authorization flatbed_loader;

-- A schema for the tables that the loader makes, and for the tables and views of models. It owns them, so that models may
-- read what pipelines loaded; who else may read them, default privileges say:
--   alter default privileges for role flatbed_loader in schema vendor grant select on tables to analysts;
create schema vendor;
grant usage, create on schema vendor to flatbed_loader;

-- A table that is there already and stays its owner's: its rows, and no other table of the schema. Mode `append` needs
-- insert alone, `replace` without a key insert and delete, `upsert` no delete, `mirror` with soft deletes neither.
grant usage on schema crm to flatbed_loader;
grant select, insert, update, delete on crm.people to flatbed_loader;

-- What models and reports read beside that needs a grant of its own:
--   grant usage on schema crm to flatbed_loader; grant select on crm.regions to flatbed_loader;
