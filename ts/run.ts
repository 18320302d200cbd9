import type { Crew, Worker } from './crew.js'
import { decodeRecord, type ErrorRecord, rebuild } from './error-record.js'
import { InvalidArgumentError, SystemError, TaskError, TimeoutError, type WorkerDiedError } from './errors.js'
import { native, type Settled } from './native.js'
import { type Progress, ProgressWatch } from './progress.js'
import { readValues, writeValues } from './serialize.js'
import type { Session } from './session.js'
import type { KnownTask } from './task.js'

/** Options of {@link Cluster.runProcesses}. */
export interface RunOptions {
  /** Cancels the run; the promise rejects with the signal's reason. */
  signal?: AbortSignal
  /** Milliseconds from the moment the workers get the task; the promise rejects with a {@link TimeoutError}. */
  timeout?: number
  /** Is called now and then with what the workers report by `res.progress(done, total)`, and once at the end. */
  onProgress?: (progress: Progress) => void
}

const DONE = Promise.resolve()

/** After SIGTERM, a worker that still lives gets SIGKILL. */
const TERM_TO_KILL_MS = 1000

/** One call of `runProcesses`, from the queue to its settlement. */
class Run {
  /** The control segment's number of it; 0 while it is queued. */
  number = 0
  /** The crew that was asked where the task is. */
  generation = -1
  readonly results: unknown[]
  /** Workers that still have to answer, to the question where the task is or with the task's result. */
  pending = 0
  /** Whether the task itself has begun. */
  running = false
  cancelled = false
  settled = false
  /** Makes what the promise rejects with. The first cause counts; what comes after it is its consequence. */
  rejection: (() => unknown) | undefined
  /** The first death. */
  death: WorkerDiedError | undefined
  /** A rejection with what the tasks threw; with the death, where they threw no more than its consequences. */
  readonly blame = () => errorOf(this)
  /** What the tasks threw, by worker. */
  readonly thrown: ErrorRecord[] = []
  timers: NodeJS.Timeout[] | undefined
  progress: ProgressWatch | undefined
  onAbort: (() => void) | undefined

  constructor(
    readonly task: KnownTask,
    readonly message: Uint8Array,
    readonly options: RunOptions | undefined,
    size: number,
    readonly resolve: (results: unknown[]) => void,
    readonly reject: (reason: unknown) => void,
  ) {
    this.results = new Array(size).fill(undefined)
  }
}

/** Runs tasks on a crew, one run after the other. */
export class Runner {
  readonly #session: Session
  readonly #crew: Crew
  readonly #grace: number
  readonly #busy: (busy: boolean) => void
  readonly #collect: () => void
  readonly #queue: Run[] = []
  #current: Run | undefined
  #stopped: Error | undefined
  /** What `busy` was told last; the cluster starts busy. */
  #isBusy = true

  /**
   * `busy` is told whether a run is pending, so that the event loop is kept alive then, and only then. `collect` asks
   * the mailboxes for answers: the last worker to answer rings main, the others do not.
   */
  constructor(session: Session, crew: Crew, grace: number, busy: (busy: boolean) => void, collect: () => void) {
    this.#session = session
    this.#crew = crew
    this.#grace = grace
    this.#busy = busy
    this.#collect = collect
  }

  /** Queues a run. */
  submit(task: KnownTask, paras: readonly unknown[], options: RunOptions | undefined): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      const signal = options?.signal
      if (signal?.aborted) throw signal.reason
      if (this.#stopped !== undefined) throw this.#stopped
      const message = paras.length === 0 ? task.runMessage : writeArguments(task, paras)
      const run = new Run(task, message, options, this.#crew.workers.length, resolve, reject)
      if (signal !== undefined) {
        run.onAbort = () => this.#interrupt(run, () => signal.reason)
        signal.addEventListener('abort', run.onAbort, { once: true })
      }
      this.#setBusy(true)
      this.#queue.push(run)
      this.next()
    })
  }

  /** Begins the next run, if no other is in progress and every worker is ready. */
  next(): void {
    if (this.#current !== undefined) return
    // Not at once: whoever awaits one run after the other submits the next before this.
    if (this.#queue.length === 0) DONE.then(this.#rest)
    else if (this.#crew.complete) {
      const run = this.#queue.shift() as Run
      this.#current = run
      try {
        this.#begin(run)
      } catch (error) {
        this.#fail(run, () => error)
        this.#continue(run)
      }
    }
  }

  /** A worker has answered. */
  answered(report: Settled): void {
    const worker = this.#crew.workers[report.worker]
    const run = this.#current
    if (run === undefined || report.run !== run.number || worker.run !== run.number) return
    worker.run = 0
    if (report.problem !== undefined) {
      const message = `the answer of worker ${worker.id} cannot be read: ${report.problem}`
      this.#fail(run, () => new SystemError(message, { workerId: worker.id }))
    } else if (report.status === 'failed') {
      run.thrown[worker.id] = decodeRecord(report.payload as Buffer)
      // Where one does not find the task, the others may finish looking: nothing runs.
      if (run.running) this.#fail(run, run.blame)
      else run.rejection ??= run.blame
    } else if (run.running && report.payload !== undefined && report.payload.length > 0) {
      this.#noteResult(run, worker, report.payload)
    }
    run.pending -= 1
    if (run.pending === 0) this.#continue(run)
  }

  /** A worker died while it worked on run `number`: that run rejects at once, and the others are freed. */
  workerDied(number: number, error: WorkerDiedError): void {
    const run = this.#current
    if (run === undefined || number !== run.number) return
    run.pending -= 1
    run.death ??= error
    // It frees those who wait for the dead one, and their errors may be here before it.
    const first = run.rejection === undefined || (run.rejection === run.blame && run.blame() === error)
    this.#fail(run, () => error)
    if (first) this.#settle(run)
    if (run.pending === 0) this.#continue(run)
  }

  /** Rejects everything with `error`; no run is taken any more. */
  stop(error: Error): void {
    this.#stopped ??= error
    const current = this.#current
    if (current !== undefined) {
      this.#fail(current, () => error)
      this.#settle(current)
      this.#clearTimers(current)
      this.#current = undefined
    }
    for (const run of this.#queue.splice(0)) {
      run.rejection ??= () => error
      this.#settle(run)
      this.#clearTimers(run)
    }
    this.#setBusy(false)
  }

  readonly #rest = () => {
    if (this.#current === undefined && this.#queue.length === 0) this.#setBusy(false)
  }

  #setBusy(busy: boolean): void {
    if (busy === this.#isBusy) return
    this.#isBusy = busy
    this.#busy(busy)
  }

  #begin(run: Run): void {
    const { generation, ids } = this.#crew
    const again = run.number !== 0
    run.number = native.runBegin(this.#session.handle, ids as number[])
    if (!again && run.options !== undefined) {
      const { timeout, onProgress } = run.options
      if (timeout !== undefined) this.#after(run, timeout, () => this.#timedOut(run, timeout))
      if (onProgress !== undefined) {
        run.progress = new ProgressWatch(this.#session, ids.length, onProgress, error => this.#fail(run, () => error))
      }
    }
    run.generation = generation
    if (run.task.foundBy === generation) this.#post(run)
    else this.#send(run, run.task.resolveMessage)
  }

  #post(run: Run): void {
    run.running = true
    this.#send(run, run.message)
  }

  #send(run: Run, message: Uint8Array): void {
    const { workers, ids, doorbells } = this.#crew
    native.runPost(this.#session.handle, run.number, ids as number[], message, doorbells as number[])
    run.pending = workers.length
    for (const worker of workers) {
      worker.run = run.number
      worker.idleDeaths = 0
    }
  }

  /** Goes on once all have answered. */
  #continue(run: Run): void {
    if (run.running || run.rejection !== undefined) {
      this.#current = undefined
      this.#settle(run)
      this.#clearTimers(run)
      this.next()
    } else if (this.#crew.complete && this.#crew.generation === run.generation) {
      // All have found the task, so now it runs.
      run.task.foundBy = run.generation
      try {
        this.#post(run)
      } catch (error) {
        this.#fail(run, () => error)
        this.#continue(run)
      }
    } else {
      // One that had found the task died since, and the fresh one has to look for it too.
      this.#current = undefined
      this.#queue.unshift(run)
      this.next()
    }
  }

  #noteResult(run: Run, worker: Worker, payload: Buffer): void {
    try {
      run.results[worker.id] = readValues(payload)[0]
    } catch (error) {
      this.#fail(run, () => error)
    }
  }

  /** The run cannot succeed any more: whoever still works on it is told to stop, and made to, if need be. */
  #fail(run: Run, rejection: () => unknown): void {
    run.rejection ??= rejection
    if (run.cancelled || run.number === 0) return
    run.cancelled = true
    native.runCancel(this.#session.handle, run.number)
    for (const worker of this.#crew.workers) {
      if (worker.run === run.number) native.doorbellRing(worker.doorbell)
    }
    this.#after(run, this.#grace, () => {
      this.#killStragglers(run, 'SIGTERM')
      this.#after(run, TERM_TO_KILL_MS, () => this.#killStragglers(run, 'SIGKILL'))
    })
  }

  #killStragglers(run: Run, signal: NodeJS.Signals): void {
    this.#collect()
    for (const worker of this.#crew.workers) {
      if (worker.run === run.number) worker.process?.kill(signal)
    }
  }

  /** An abort or a time-out: a run that waits in the queue is taken out of it. */
  #interrupt(run: Run, rejection: () => unknown): void {
    if (run === this.#current) {
      this.#fail(run, rejection)
      return
    }
    const at = this.#queue.indexOf(run)
    if (at < 0) return
    this.#queue.splice(at, 1)
    run.rejection ??= rejection
    this.#settle(run)
    this.#clearTimers(run)
    this.next()
  }

  #timedOut(run: Run, timeout: number): void {
    this.#collect()
    if (run.settled) return
    const late = this.#crew.workers.filter(worker => worker.run === run.number).map(worker => worker.id)
    const who = late.length === 1 ? `worker ${late[0]} was` : `workers ${late.join(', ')} were`
    const message = `the run of ${run.task.label} took longer than ${timeout} ms; ${who} still at it`
    this.#interrupt(run, () => new TimeoutError(message, { timeout, workers: late }))
  }

  #settle(run: Run): void {
    if (run.settled) return
    // First, since what onProgress throws is the run's failure.
    run.progress?.stop()
    run.settled = true
    if (run.onAbort !== undefined) run.options?.signal?.removeEventListener('abort', run.onAbort)
    if (run.rejection === undefined) run.resolve(run.results)
    else run.reject(run.rejection())
  }

  #after(run: Run, ms: number, then: () => void): void {
    // setTimeout takes what does not fit into 31 bits for 1; and such a time never comes.
    if (ms > 0x7fffffff) return
    run.timers ??= []
    run.timers.push(setTimeout(then, ms))
  }

  #clearTimers(run: Run): void {
    for (const timer of run.timers ?? []) clearTimeout(timer)
    run.timers = undefined
  }
}

function writeArguments(task: KnownTask, paras: readonly unknown[]): Uint8Array {
  try {
    return writeValues(task.runMessage, paras)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new InvalidArgumentError(`an argument of ${task.label} cannot be sent to the workers: ${why}`, {}, { cause })
  }
}

/** What a run that failed by its tasks rejects with. */
function errorOf(run: Run): unknown {
  const ids = [...run.thrown.keys()].filter(id => run.thrown[id] !== undefined)
  if (!run.running) return rebuild(run.thrown[ids[0]])
  // A throw or a death breaks the barrier and poisons the lock for the others, whose errors then are its consequence.
  const cause = ids.find(id => !isConsequence(run.thrown[id]))
  if (cause === undefined && run.death !== undefined) return run.death
  const first = cause ?? ids[0]
  const errors: TaskError[] = []
  const main = taskError(run, first, errors)
  errors.push(...ids.map(id => (id === first ? main : taskError(run, id))))
  return main
}

const CONSEQUENCES = new Set(['BrokenBarrierError', 'OwnerDiedError', 'AbortError'])

function isConsequence(record: ErrorRecord): boolean {
  return CONSEQUENCES.has(record.name)
}

function taskError(run: Run, worker: number, errors?: TaskError[]): TaskError {
  const record = run.thrown[worker]
  const cause = rebuild(record)
  return new TaskError(
    `task ${run.task.label} threw in worker ${worker}: ${record.name}: ${record.message}`,
    {
      workerId: worker,
      originalName: record.name,
      originalMessage: record.message,
      ...(record.stack !== undefined && { originalStack: record.stack }),
      ...(cause !== undefined && { cause }),
    },
    errors,
  )
}
