// A worker: listens once it has its share of the server's connections, and gives that back before it ends.
import { onBoot } from '@sherd/core/processes'
import { shutdownOnSignals } from '@sherd/express'
import { createApp } from './app.ts'
import { config } from './config.ts'

const sharding = await onBoot({ config })
const server = createApp(sharding).listen(Number(process.env['PORT'] ?? 0), '127.0.0.1')
shutdownOnSignals(server, sharding)
