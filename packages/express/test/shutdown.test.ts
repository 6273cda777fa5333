import { fileURLToPath } from 'node:url'
import { describeShutdown } from '@sherd/conformance/shutdown'

const module = fileURLToPath(new URL('support/shutdown-app.ts', import.meta.url))

describeShutdown('Express 4', module, '4')
describeShutdown('Express 5', module, '5')
