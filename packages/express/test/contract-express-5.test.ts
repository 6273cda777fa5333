import { describeHost } from '@sherd/conformance'
import express from 'express'
import { startHost } from './support/start-host.ts'

describeHost('Express 5', startHost(express))
