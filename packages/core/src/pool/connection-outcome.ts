/** What a query has shown of its connection: the server has answered it, or the connection was lost. */
export type ConnectionOutcome = 'answered' | 'lost'
