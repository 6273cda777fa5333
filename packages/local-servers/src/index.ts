export { type PostgresOptions, type PostgresServer, type StopMode, startPostgres } from './start-postgres.ts'
