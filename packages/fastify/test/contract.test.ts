import { describeHost } from '@sherd/conformance'
import { startHost } from './support/start-host.ts'

describeHost('Fastify 5', startHost)
