/** A request as the tour sends it. */
export interface Question {
  /** Sent as `x-tenant-id`; none where it is left out. */
  readonly tenant?: string
  readonly method?: 'GET' | 'POST'
  readonly path: string
  readonly json?: unknown
}

export interface Answer {
  readonly question: Question
  readonly status: number
  /** Seconds, as text. */
  readonly retryAfter: string | null
  readonly body: AnswerBody
  readonly ms: number
}

/** What the application and Sherd's refusals answer: each answer has some of it. */
export interface AnswerBody {
  readonly shard?: string
  readonly backend?: number
  readonly projects?: readonly { name: string }[]
  readonly project?: { name: string }
  readonly done?: readonly string[]
  readonly code?: string
}

/** Sends a request and waits for the whole answer. */
export async function ask(base: string, question: Question, signal: AbortSignal): Promise<Answer> {
  const { tenant, method = 'GET', path, json } = question
  const start = performance.now()
  const response = await fetch(new URL(path, base), {
    method,
    signal,
    headers: {
      ...(tenant === undefined ? {} : { 'x-tenant-id': tenant }),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  })
  const body = (await response.json()) as AnswerBody
  const ms = performance.now() - start
  return { question, status: response.status, retryAfter: response.headers.get('retry-after'), body, ms }
}
