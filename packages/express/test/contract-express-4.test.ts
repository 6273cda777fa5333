import { describeHost } from '@sherd/conformance'
import express from 'express4'
import { startHost } from './support/start-host.ts'

describeHost('Express 4', startHost(express))
