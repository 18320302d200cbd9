import { closeSync } from 'node:fs'
import { SystemError, type WorkerDiedError } from './errors.js'
import { type LaunchPlan, WorkerProcess, within } from './launch.js'
import { native, type Settled } from './native.js'
import type { Session } from './session.js'

/** How often in a row a worker may die without having been given work, before it is given up. */
const ATTEMPTS = 3

/** How long a worker that was told to end may take, before it is told more firmly. */
const FIRMNESS_MS = 1000

/** A worker: its id, its doorbell, and the process that is it now. */
export class Worker {
  readonly id: number
  readonly doorbell: number
  process: WorkerProcess | undefined
  ready = false
  /** The number of the run that it works on; 0 when it is idle. */
  run = 0
  /** Deaths in a row without work. */
  idleDeaths = 0

  constructor(id: number) {
    this.id = id
    this.doorbell = native.doorbellCreate()
  }
}

/** What a crew tells its cluster. */
export interface CrewEvents {
  /** All workers are ready. */
  complete(): void
  /** A worker died; `run` is the number of the run that it worked on, or 0. */
  died(run: number, error: WorkerDiedError): void
  /** No fresh worker can be had. */
  broken(error: Error): void
}

/** The workers of a cluster: starts them, puts a fresh one in the place of one that died, ends them. */
export class Crew {
  readonly workers: readonly Worker[]
  readonly ids: readonly number[]
  readonly doorbells: readonly number[]
  /** Changes with every process that is started: what the workers were told before, the fresh one does not know. */
  generation = 0
  readonly #session: Session
  readonly #plan: LaunchPlan
  readonly #respawn: boolean
  readonly #events: CrewEvents
  readonly #onProcess: (process: WorkerProcess) => void
  /** What keeps the cluster from ever running again. */
  #failure: Error | undefined
  #readyCount = 0
  #started = false
  #closing = false

  constructor(
    size: number,
    session: Session,
    plan: LaunchPlan,
    respawn: boolean,
    events: CrewEvents,
    onProcess: (process: WorkerProcess) => void,
  ) {
    this.#session = session
    this.#plan = plan
    this.#respawn = respawn
    this.#events = events
    this.#onProcess = onProcess
    const workers: Worker[] = []
    try {
      for (let id = 0; id < size; id++) workers.push(new Worker(id))
    } catch (error) {
      closeDoorbells(workers)
      throw error
    }
    this.workers = workers
    this.ids = workers.map(worker => worker.id)
    this.doorbells = workers.map(worker => worker.doorbell)
  }

  /** Whether every worker is ready. */
  get complete(): boolean {
    return this.#readyCount === this.workers.length
  }

  /** Forks all workers; `complete` or `broken` follows. */
  start(): void {
    for (const worker of this.workers) {
      if (this.#failure !== undefined) return
      this.#launch(worker)
    }
  }

  /** A worker has attached. */
  becameReady(id: number): void {
    const worker = this.workers[id]
    if (worker.ready || this.#closing) return
    worker.ready = true
    this.#readyCount += 1
    if (this.complete) {
      this.#started = true
      this.#events.complete()
    }
  }

  /** A worker's process has ended, and what it held is released. */
  async hasDied(report: Settled): Promise<void> {
    const worker = this.workers[report.worker]
    const { process } = worker
    if (process === undefined || (report.pid !== undefined && report.pid !== process.pid)) return
    const { ready, run } = worker
    worker.process = undefined
    worker.run = 0
    worker.ready = false
    if (ready) this.#readyCount -= 1
    if (this.#closing) return
    worker.idleDeaths = run === 0 ? worker.idleDeaths + 1 : 0
    const error = await process.reason(report, duringOf(ready, run))
    if (this.#closing) return
    this.#events.died(run, error)
    if (!this.#started || !this.#respawn || worker.idleDeaths >= ATTEMPTS) {
      this.#break(error)
      return
    }
    // A fork takes milliseconds: whoever waits for the run hears of the death first.
    await new Promise(resolve => setImmediate(resolve))
    if (!this.#closing) this.#launch(worker)
  }

  /** Ends all workers: idle ones by asking, others by SIGTERM, and by SIGKILL in the end. */
  async close(): Promise<void> {
    this.#closing = true
    const alive = this.workers.filter(worker => worker.process !== undefined)
    await Promise.all(alive.map(worker => end(worker.process as WorkerProcess, worker.ready && worker.run === 0)))
    closeDoorbells(this.workers)
  }

  #launch(worker: Worker): void {
    this.generation += 1
    try {
      const process = new WorkerProcess(worker.id, worker.doorbell, this.#plan)
      if (process.pid === 0) {
        process.failure.then(cause => this.#break(cannotFork(worker.id, cause)))
        return
      }
      worker.process = process
      this.#onProcess(process)
      native.watchWorker(this.#session.handle, worker.id, process.pid, this.#plan.mainDoorbell)
    } catch (cause) {
      this.#break(cannotFork(worker.id, cause))
    }
  }

  #break(error: Error): void {
    if (this.#failure !== undefined || this.#closing) return
    this.#failure = error
    this.#events.broken(error)
  }
}

async function end(process: WorkerProcess, idle: boolean): Promise<void> {
  let gone = false
  const leaving = process.gone().then(() => {
    gone = true
  })
  if (idle) {
    process.dismiss()
    await within(FIRMNESS_MS, leaving)
  }
  if (!gone) {
    process.kill('SIGTERM')
    await within(FIRMNESS_MS, leaving)
  }
  if (!gone) process.kill('SIGKILL')
  await leaving
}

function duringOf(ready: boolean, run: number): string {
  if (!ready) return 'before it was ready; what it printed to its standard error may say why'
  return run === 0 ? 'between two runs' : 'while it ran its task'
}

function cannotFork(worker: number, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new SystemError(`worker ${worker} cannot be started: ${why}`, { worker }, { cause })
}

function closeDoorbells(workers: readonly Worker[]): void {
  for (const worker of workers) closeSync(worker.doorbell)
}
