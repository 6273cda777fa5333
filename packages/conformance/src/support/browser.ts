import type { RunningApplication } from './application.ts'

/** A client that keeps the cookies that it is sent, whatever they are for. */
export class Browser {
  readonly #app: RunningApplication
  readonly #tenant: string
  readonly cookies = new Map<string, string>()

  constructor(app: RunningApplication, tenant = 'acme') {
    this.#app = app
    this.#tenant = tenant
  }

  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const cookie = Array.from(this.cookies, ([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...init.headers, ...(cookie === '' ? {} : { cookie }) }
    const response = await this.#app.ask(path, this.#tenant, { ...init, headers })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      this.cookies.set(name, value)
    }
    return response
  }

  async get<T = unknown>(path: string): Promise<T> {
    return (await this.ask(path)).json() as Promise<T>
  }

  async post<T = unknown>(path: string): Promise<T> {
    return (await this.ask(path, { method: 'POST' })).json() as Promise<T>
  }
}
