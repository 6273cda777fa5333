import { createHmac, timingSafeEqual } from 'node:crypto'
import type { RequestHandler } from 'express'

const secret = process.env['TOKEN_SECRET'] ?? 'for development only'

function signatureOf(tenant: string): Buffer {
  return createHmac('sha256', secret).update(tenant).digest()
}

/** What somebody of this tenant sends as `authorization: Bearer …`. */
export function tokenFor(tenant: string): string {
  return signatureOf(tenant).toString('hex')
}

/** Lets a request pass whose token is its tenant's: 401 and 403 for all others. */
export const authenticate: RequestHandler = (req, res, next) => {
  const token = /^Bearer ([0-9a-f]{64})$/.exec(req.get('authorization') ?? '')?.[1]
  const tenant = req.get('x-tenant-id')
  if (token === undefined || tenant === undefined) {
    res.status(401).json({ error: 'unauthorized' })
  } else if (!timingSafeEqual(Buffer.from(token, 'hex'), signatureOf(tenant))) {
    res.status(403).json({ error: 'forbidden' })
  } else {
    res.locals['tenant'] = tenant
    next()
  }
}
