import type { OutputMode } from './worker-output.js'

/** The variable that tells a process that it is a worker, and of which cluster. The worker deletes it at once. */
export const IDENTITY = 'TSDSM_WORKER'

/** What the variable holds, as JSON. */
export interface Identity {
  cluster: string
  worker: number
  /** Main's process: a grandchild that inherits the variable has another parent. */
  parent: number
  output: OutputMode
}

/** The descriptors of a worker; 0 to 2 are the usual ones. */
export const IPC_FD = 3
export const DOORBELL_FD = 4
export const MAIN_DOORBELL_FD = 5

/** A worker's last words over the fork's own channel. */
export interface Farewell {
  tsdsm: 'uncaught'
  /** An error record, in base64. */
  record: string
}
