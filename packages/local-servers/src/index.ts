export { type MariadbOptions, type MariadbServer, startMariadb, whyNoMariadb } from './start-mariadb.ts'
export { type PostgresOptions, type PostgresServer, type StopMode, startPostgres } from './start-postgres.ts'
export { type RedisOptions, type RedisServer, startRedis, whyNoRedis } from './start-redis.ts'
export { type PostgresStandby, type StandbyOptions, startStandby } from './start-standby.ts'
