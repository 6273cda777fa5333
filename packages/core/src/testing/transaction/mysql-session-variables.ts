import { type MysqlConnection, send } from '../../pool/mysql/mysql-connection.ts'

/** Variables that tell what has happened, or that end the transaction when they are set. */
const NOT_SETTINGS = new Set([
  'autocommit',
  'error_count',
  'identity',
  'in_transaction',
  'insert_id',
  'last_gtid',
  'last_insert_id',
  'proxy_user',
  'pseudo_thread_id',
  'rand_seed1',
  'rand_seed2',
  'skip_replication',
  'statement_id',
  'timestamp',
  'warning_count',
])

/** The server's complaints about a variable that no session has of its own. */
const NOT_OF_A_SESSION = new Set(['ER_GLOBAL_VARIABLE', 'ER_INCORRECT_GLOBAL_LOCAL_VAR'])

type Row = { readonly Variable_name: string; readonly Value: string }

/** The settings of a session and the variables of its user, as they were at one moment. */
export class SessionVariables {
  readonly #settings: ReadonlyMap<string, string>

  private constructor(settings: ReadonlyMap<string, string>) {
    this.#settings = settings
  }

  static async read(connection: MysqlConnection): Promise<SessionVariables> {
    return new SessionVariables(await readSettings(connection))
  }

  /** Sets those back that have changed since. */
  async restore(connection: MysqlConnection): Promise<void> {
    for (const [name, value] of await readSettings(connection)) {
      const before = this.#settings.get(name)
      if (before === undefined || before === value) continue
      await send(connection, `SET SESSION ${name} = ${literal(before)}`).catch((error) => {
        if (!NOT_OF_A_SESSION.has(error.code)) throw error
      })
    }
    for (const name of await userVariables(connection))
      await send(connection, `SET @${quoteName(name)} = NULL`)
  }
}

async function readSettings(connection: MysqlConnection): Promise<Map<string, string>> {
  const rows = (await send(connection, 'SHOW SESSION VARIABLES')) as Row[]
  const settings = rows.filter(({ Variable_name: name }) => !NOT_SETTINGS.has(name))
  return new Map(settings.map(({ Variable_name: name, Value: value }) => [name, value]))
}

/** MariaDB and MySQL keep them in different places, and a user may not be allowed to look. */
async function userVariables(connection: MysqlConnection): Promise<string[]> {
  for (const sql of [
    'SELECT VARIABLE_NAME AS name FROM information_schema.USER_VARIABLES',
    'SELECT VARIABLE_NAME AS name FROM performance_schema.user_variables_by_thread WHERE THREAD_ID = PS_CURRENT_THREAD_ID()',
  ]) {
    const rows = await send(connection, sql).catch(() => undefined)
    if (rows !== undefined) return (rows as { name: string }[]).map(({ name }) => name)
  }
  return []
}

function literal(value: string): string {
  return /^-?\d+(?:\.\d+)?$/.test(value) ? value : `'${value.replaceAll("'", "''")}'`
}

function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}
