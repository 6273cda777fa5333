import { fileURLToPath } from 'node:url'
import { describeShutdown } from '@sherd/conformance/shutdown'

describeShutdown('Fastify 5', fileURLToPath(new URL('support/shutdown-app.ts', import.meta.url)))
