// The binding itself, below the public interface: the same instance that the package uses.
import { createRequire } from 'node:module'
import type * as Native from '../../dist/native.js'
import type * as WorkerContext from '../../dist/worker-context.js'
import { freshName } from './process.mjs'

const require = createRequire(import.meta.resolve('tsdsm'))

export const { native }: typeof Native = require('./native.js')

export type { Doorbell, MappedArray, Session, Wait } from '../../dist/native.js'

const { workerContext }: typeof WorkerContext = require('./worker-context.js')

/** In a worker: how many have arrived at the barrier `name`, or at the run's own. */
export function arrivedAt(name: string | undefined): number {
  const session = workerContext()?.session.handle
  if (session === undefined) throw new Error('this is no worker')
  const index = name === undefined ? DEFAULT_BARRIER : native.objectFind(session, BARRIER, name)
  return native.barrierInfo(session, index).arrived
}

/** The options of a small cluster that no other test has. */
export function options(
  what: string,
  { workers = 2, slots = 8 } = {},
): Parameters<typeof native.sessionCreate>[0] & { name: string } {
  return { name: freshName(what), workers, slots, objects: 16, arrays: 16, seed: 7n, mode: 0o600 }
}

export const LOCK = 1
export const BARRIER = 2
export const RW_LOCK = 3
export const SEMAPHORE = 4
export const EVENT = 5
export const LATCH = 6
export const ONCE = 7
export const CONDITION = 9
/** Where the run's own barrier stands among the objects. */
const DEFAULT_BARRIER = 1
/** What `waitSlice` and `waitStart` report for a lock that is held now. */
export const ACQUIRED = 1
/** What `waitStart` and `barrierWait` report for a wait that was called off. */
export const CANCELLED = 6
