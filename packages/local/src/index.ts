export { openPostgres, type Postgres, type PostgresInput, removePostgres } from "./postgres.ts"
