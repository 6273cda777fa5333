/**
 * Functions of PostgreSQL's own that change nothing of a session, whichever types they are called with. An overload counts
 * like its name.
 */
export const PURE_FUNCTIONS: readonly string[] = [
  'abs',
  'array_length',
  'avg',
  'btrim',
  'ceil',
  'char_length',
  'coalesce',
  'concat',
  'concat_ws',
  'count',
  'date_part',
  'date_trunc',
  'dense_rank',
  'extract',
  'floor',
  'gen_random_uuid',
  'greatest',
  'jsonb_array_length',
  'jsonb_build_array',
  'jsonb_build_object',
  'jsonb_typeof',
  'json_build_object',
  'least',
  'left',
  'length',
  'lower',
  'ltrim',
  'max',
  'md5',
  'min',
  'mod',
  'now',
  'nullif',
  'random',
  'rank',
  'replace',
  'right',
  'round',
  'row_number',
  'rtrim',
  'statement_timestamp',
  'substring',
  'substr',
  'sum',
  'timezone',
  'transaction_timestamp',
  'trunc',
  'upper',
  'uuidv7',
]

/**
 * Extensions that come with PostgreSQL and whose functions in C, operators and types change nothing of a session. Not
 * `isn`, which keeps a switch in it.
 */
export const TRUSTED_EXTENSIONS: readonly string[] = [
  'btree_gin',
  'btree_gist',
  'citext',
  'cube',
  'fuzzystrmatch',
  'hstore',
  'intarray',
  'ltree',
  'pg_trgm',
  'pgcrypto',
  'seg',
  'unaccent',
  'uuid-ossp',
]

/** What there is in them all the same. */
export const UNTRUSTED_FUNCTIONS: readonly string[] = ['set_limit']
