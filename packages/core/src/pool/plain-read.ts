import { mayWrite, withoutLiterals } from './write-detection.ts'

/**
 * Whether a statement certainly changes no data: it has only words that read, and calls no function but those of the
 * database that are known to change nothing. What cannot be judged is none. A view or an operator of the user's that
 * calls a function of the user's is not seen.
 */
export function isPlainRead(sql: string): boolean {
  if (mayWrite(sql)) return false
  return withoutLiterals(sql, IDENTIFIER).every((read) => {
    const text = read.replace(AROUND_DOTS, '.')
    if (ENDS_A_TRANSACTION.test(text)) return false
    for (const [, name = ''] of text.matchAll(CALLS)) if (!HARMLESS.has(name.toLowerCase())) return false
    return true
  })
}

/** Stands for what is quoted with double quotes or backticks: it may be the name of a function. */
const IDENTIFIER = '§'
/** What comes before a parenthesis, with the schema that it is in. */
const CALLS = /([\w$.\u0080-\uffff]+)\s*\(/g
const AROUND_DOTS = /\s*\.\s*/g
/** Then what came before it is seen by others. */
const ENDS_A_TRANSACTION = /(?:^|;)\s*(?:commit|end)\b/i

const KEYWORDS =
  'all and any array as between by case cast distinct else except exists extract filter from group having in ' +
  'intersect is join lateral like limit materialized not offset on or over partition row select set some then union ' +
  'using values when where with within'
const TYPES = 'bit bpchar char character decimal interval numeric time timestamp timestamptz varchar'
const FUNCTIONS =
  'abs array_agg array_length avg bool_and bool_or btrim cardinality ceil ceiling char_length coalesce concat concat_ws ' +
  'connection_id count current_database current_schema current_setting database date date_add date_sub date_format date_part date_trunc dense_rank every exp first_value floor ' +
  'format gen_random_uuid generate_series greatest group_concat ifnull instr json_agg json_array json_build_array json_build_object ' +
  'json_extract json_object json_object_agg jsonb_agg jsonb_array_elements jsonb_build_object jsonb_object_agg ' +
  'jsonb_typeof lag last_value lead least left length log lower lpad ltrim max md5 min mod now ntile nullif ' +
  'octet_length overlay pg_backend_pid pg_is_in_recovery pg_sleep pg_typeof position power random rank regexp_replace replace reverse right round ' +
  'row_number row_to_json rpad rtrim sign sleep split_part sqrt stddev strftime string_agg strpos substr substring sum ' +
  'to_char to_date to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector trim trunc unnest upper variance ' +
  'unix_timestamp uuid version year'
const HARMLESS = new Set([KEYWORDS, TYPES, FUNCTIONS].join(' ').split(' '))
