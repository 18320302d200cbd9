// A worker thread that answers each message with an empty one.
import { parentPort } from 'node:worker_threads'

parentPort?.on('message', () => parentPort?.postMessage(null))
parentPort?.postMessage(null)
