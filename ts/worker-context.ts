import type { ArrayTable } from './array-table.js'
import type { ObjectTable } from './object-table.js'
import type { Resource } from './resource.js'
import type { Session } from './session.js'

/** What a worker process has for all its tasks. */
export interface WorkerContext {
  readonly session: Session
  readonly id: number
  readonly size: number
  readonly arrays: ArrayTable
  readonly objects: ObjectTable
  /** Where this worker says how far it is: done and total. */
  readonly progress: Float64Array
  /** The run in progress; 0 between two runs. */
  run: number
  /** The resource of the task in progress. */
  resource: Resource | undefined
}

let context: WorkerContext | undefined

/** This process' context; undefined in a process that is no worker. */
export function workerContext(): WorkerContext | undefined {
  return context
}

/** Makes this process a worker. */
export function setWorkerContext(made: WorkerContext): void {
  context = made
}
