import type { Readable } from 'node:stream'
import { ArrayTable } from './array-table.js'
import { type CheckedOptions, type ClusterOptions, checkClusterOptions } from './cluster-options.js'
import { Crew } from './crew.js'
import type { DTypeLike } from './dtype.js'
import { isEntry } from './entry.js'
import { ClosedError, InvalidArgumentError, UnsupportedError, type WorkerDiedError } from './errors.js'
import { JoinedCluster, type JoinOptions } from './joined-cluster.js'
import { checkProgram, type WorkerProcess } from './launch.js'
import { native, type SegmentInfo } from './native.js'
import { ObjectTable } from './object-table.js'
import { checkOptions, show } from './options.js'
import { LineMerge } from './output.js'
import type { Resource } from './resource.js'
import { Runner, type RunOptions } from './run.js'
import { Session } from './session.js'
import type { SharedArrayOf } from './shared-array.js'
import { SharedSpace } from './shared-space.js'
import type { IndexRange, RandomIndices } from './split-indices.js'
import { type Task, TaskTable } from './task.js'
import { workerContext } from './worker-context.js'
import { insideWorker } from './worker-mark.js'

/** What makes a {@link Cluster}; nobody else can. */
const MADE = Symbol('tsdsm.made')

/** The clusters of this process that are open, to be closed when it exits. */
const open = new Set<Cluster>()

/** Takes a cluster's names away at once. */
let forget: (cluster: Cluster) => void

/** A worker, as {@link Cluster.workers} lists it. */
export interface WorkerInfo {
  /** Its id, 0 … size-1. */
  id: number
  /** Its process; `undefined` while a fresh one is on its way. */
  pid: number | undefined
}

/**
 * A main process and its workers around shared memory.
 *
 * Workers are processes: they are forked once, by {@link Cluster.start}, and run one task after the other. What they
 * share with main and with each other are the arrays, locks and barriers made here. An idle cluster does not keep the
 * program alive; a run in progress does. When the program ends, by whatever cause, the workers end and the segments go.
 */
export class Cluster extends SharedSpace implements AsyncDisposable {
  /** Its name, by which its segments are found. */
  readonly name: string
  /** The number of workers. */
  readonly size: number
  /** What its random numbers come from; given to `Cluster.start`, it makes them the same again. */
  readonly seed: bigint
  /** What the workers print, line by line, with `output: 'pipe'`; else `null`. Ends when the cluster is closed. */
  readonly stdout: Readable | null
  /** The same for what they print to their standard error. */
  readonly stderr: Readable | null
  readonly #session: Session
  readonly #crew: Crew
  readonly #runner: Runner
  readonly #tasks = new TaskTable()
  readonly #arrays: ArrayTable
  readonly #objects: ObjectTable
  readonly #outputs: LineMerge[]
  readonly #doorbell: ReturnType<typeof native.doorbellListen>
  readonly #release: () => void
  #started: { resolve: () => void; reject: (error: unknown) => void } | undefined
  #starting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(made: unknown, options: CheckedOptions) {
    super()
    if (made !== MADE) throw new InvalidArgumentError('a cluster is made by Cluster.start(n) or Cluster.run(n, fn)')
    const { name, workers, slots, objects, arrays, seed, mode, output, signal } = options
    this.name = name
    this.size = workers
    this.seed = seed
    this.#session = new Session(native.sessionCreate({ name, workers, slots, objects, arrays, seed, mode }))
    try {
      const mainDoorbell = native.doorbellCreate()
      this.#doorbell = native.doorbellListen(mainDoorbell, () => this.#rung())
      const merged = output === 'pipe' ? { stdout: new LineMerge(), stderr: new LineMerge() } : undefined
      this.stdout = merged?.stdout.stream ?? null
      this.stderr = merged?.stderr.stream ?? null
      this.#outputs = merged === undefined ? [] : [merged.stdout, merged.stderr]
      const onProcess = (process: WorkerProcess) => {
        if (process.stdout !== null) merged?.stdout.add(process.stdout)
        if (process.stderr !== null) merged?.stderr.add(process.stderr)
      }
      const { execArgv, env, respawn, grace } = options
      const plan = { cluster: name, output, execArgv, env, mainDoorbell }
      this.#crew = new Crew(workers, this.#session, plan, respawn, this.#crewEvents(), onProcess)
      this.#runner = new Runner(
        this.#session,
        this.#crew,
        grace,
        busy => native.doorbellRef(this.#doorbell, busy),
        () => this.#rung(),
      )
      this.#arrays = new ArrayTable(this.#session)
      this.#objects = new ObjectTable(
        this.#session,
        () => {},
        () => 0,
      )
    } catch (error) {
      this.#session.close()
      throw error
    }
    if (open.size === 0) process.on('exit', closeAll)
    open.add(this)
    const abort = () => void this.#close(signal?.reason).catch(() => {})
    signal?.addEventListener('abort', abort, { once: true })
    this.#release = () => signal?.removeEventListener('abort', abort)
  }

  /**
   * Starts a cluster of `n` workers and waits until all are ready.
   *
   * @param n - 1 … 1000; default: the usable cores, by CPU affinity and the control group's quota
   * @throws InvalidArgumentError, NameExistsError, OutOfSharedMemoryError, UnsupportedError before anything was started
   * @throws WorkerDiedError when a worker ends before it is ready; the others are ended then
   */
  static async start(n?: number, options?: ClusterOptions): Promise<Cluster> {
    if (insideWorker()) {
      throw new UnsupportedError(
        'Cluster.start was called in a worker: it imported the module that starts the cluster, to find a task there. ' +
          'Start the cluster only in the main process: if (Cluster.isMain(import.meta.url)) { … }',
      )
    }
    const checked = checkClusterOptions(n, options)
    checked.signal?.throwIfAborted()
    checkProgram()
    const cluster = new Cluster(MADE, checked)
    await cluster.#start()
    return cluster
  }

  /**
   * Starts a cluster, calls `use` with it, and closes it when what `use` returned has settled.
   *
   * @returns what `use` returned
   */
  static run<T>(use: (cluster: Cluster) => T): Promise<Awaited<T>>
  static run<T>(n: number | undefined, use: (cluster: Cluster) => T): Promise<Awaited<T>>
  static run<T>(
    n: number | undefined,
    options: ClusterOptions | undefined,
    use: (cluster: Cluster) => T,
  ): Promise<Awaited<T>>
  static async run<T>(...args: unknown[]): Promise<Awaited<T>> {
    const use = args.pop() as (cluster: Cluster) => T
    if (typeof use !== 'function' || args.length > 2) {
      throw new InvalidArgumentError(`Cluster.run takes (n, options, async cluster => …); the last is ${show(use)}`)
    }
    const cluster = await Cluster.start(args[0] as number | undefined, args[1] as ClusterOptions | undefined)
    try {
      return await use(cluster)
    } finally {
      await cluster.close()
    }
  }

  /**
   * Takes part in a cluster that is running, from an unrelated program or from a worker_thread: with the same arrays,
   * locks and barriers. Each thread joins for itself, and counts among the cluster's `maxParticipants`.
   *
   * @param name - the cluster's name, as given to `Cluster.start(n, { name })`
   * @throws NotFoundError when no cluster of that name runs
   * @throws CapacityError when all places are taken
   * @throws IncompatibleSegmentError when it is of another version of tsdsm
   * @throws InvalidArgumentError; ClosedError when it is about to end; and the signal's reason
   */
  static join(name: string, options?: JoinOptions): JoinedCluster {
    return new JoinedCluster(name, options)
  }

  /**
   * Whether `module` is the program's entry, in the main process: `Cluster.isMain(import.meta.url)`, or
   * `Cluster.isMain(module)` in CommonJS. Workers import the entry to find its tasks; what is not a definition belongs
   * under this condition.
   *
   * @throws InvalidArgumentError
   */
  static isMain(module: string | URL | NodeModule): boolean {
    const isModule = typeof module === 'object' && module !== null && 'exports' in module
    if (!isModule && !(module instanceof URL) && !(typeof module === 'string' && URL.canParse(module))) {
      throw new InvalidArgumentError(`isMain takes import.meta.url, or module in CommonJS, not ${show(module)}`)
    }
    return isEntry(module)
  }

  /** All segments of tsdsm in /dev/shm, of this and of every other program, alive or not. */
  static listSegments(): SegmentInfo[] {
    return native.segmentsList()
  }

  /**
   * Removes what clusters have left that were killed together with all who would have cleaned up. (Every start does
   * so, too.) Clusters that are alive, and arrays that are to persist, stay.
   *
   * @returns the names of the segments that were removed
   */
  static prune(): string[] {
    return native.segmentsPrune()
  }

  /** In a task: waits until every worker has come here. The same as `res.barrier()`. */
  static barrier(): number {
    return inTask('barrier()').barrier()
  }

  /** In a task: the shared array `name`. The same as `res.getShared(name)`. */
  static getShared<L extends DTypeLike = 'int32'>(name: string, dtype?: L): SharedArrayOf<L> {
    return inTask('getShared()').getShared(name, dtype)
  }

  /** In a task: worker `id`'s share of the indices 0 … n-1, in random order unless told otherwise. */
  static splitIndices(n: number, id?: number, random?: boolean): IndexRange | RandomIndices {
    return inTask('splitIndices()').splitIndices(n, { id, random })
  }

  /** The workers and their processes. */
  get workers(): readonly WorkerInfo[] {
    return this.#crew.workers.map(worker => ({ id: worker.id, pid: worker.process?.pid }))
  }

  /** Whether it was closed, or is closing. */
  get closed(): boolean {
    return this.#closing !== undefined
  }

  /**
   * Every worker runs `task(res, ...paras)`.
   *
   * Calls that overlap queue in order. `paras` and results are cloned; shared arrays among them arrive as the same
   * memory.
   *
   * @param task - an exported function of the program's entry; or, from any module, `task(import.meta.url, fn)` or
   *   `{ module, name }`
   * @returns what the workers returned, in the order of their ids
   * @throws TaskNotFoundError when the workers cannot find the task; nothing has run
   * @throws TaskError when it threw in a worker, or returned what cannot be cloned
   * @throws WorkerDiedError when a worker died; at once, while the others may still be at it
   * @throws TimeoutError; and the signal's reason
   * @throws InvalidArgumentError for arguments that cannot be cloned; ClosedError
   */
  runProcesses<P extends unknown[], R>(
    task: Task<P, R>,
    paras?: NoInfer<P>,
    options?: RunOptions,
  ): Promise<Awaited<R>[]> {
    // Not `async`, since a promise around the runner's own would be settled some steps after it.
    try {
      this.#checkOpen()
      const known = this.#tasks.find(task as Task<never, unknown>)
      if (paras !== undefined && !Array.isArray(paras)) {
        throw new InvalidArgumentError(`the task's arguments must be an array, not ${show(paras)}`)
      }
      const checked =
        options === undefined
          ? undefined
          : checkOptions('runProcesses', options, { signal: 'signal', timeout: 'time', onProgress: 'function' })
      return this.#runner.submit(known, paras ?? [], checked as RunOptions | undefined) as Promise<Awaited<R>[]>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  protected override arrayTable(): ArrayTable {
    this.#checkOpen()
    return this.#arrays
  }

  protected override objects(): ObjectTable {
    this.#checkOpen()
    return this.#objects
  }

  /**
   * Ends the workers and unlinks the segments. Runs that are not finished reject with a ClosedError. Arrays that main
   * has mapped stay readable. Closing twice is fine.
   */
  close(): Promise<void> {
    return this.#close(undefined)
  }

  /** The same as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #close(reason: unknown): Promise<void> {
    this.#closing ??= this.#end(reason ?? new ClosedError(`cluster '${this.name}' was closed`, { cluster: this.name }))
    return this.#closing
  }

  async #end(reason: unknown): Promise<void> {
    this.#release()
    this.#runner.stop(reason as Error)
    this.#objects.callOff(reason)
    this.#started?.reject(reason)
    try {
      try {
        // Before any worker is told to end: when all have, nobody is left who cleans up after a main that is killed.
        this.#session.unlink()
      } finally {
        await this.#crew.close()
      }
    } finally {
      for (const output of this.#outputs) output.end()
      native.doorbellClose(this.#doorbell)
      this.#forget()
    }
  }

  /** Takes the names away; at once, since the program may be about to exit. */
  #forget(): void {
    this.#session.close()
    open.delete(this)
    if (open.size === 0) process.off('exit', closeAll)
  }

  async #start(): Promise<void> {
    native.doorbellRef(this.#doorbell, true)
    this.#starting = new Promise((resolve, reject) => {
      this.#started = { resolve, reject }
    })
    this.#crew.start()
    try {
      await this.#starting
    } catch (error) {
      await this.close()
      throw error
    } finally {
      this.#started = undefined
    }
    this.#runner.next()
  }

  /** Something has changed in the workers' mailboxes. */
  #rung(): void {
    if (this.#session.closed) return
    for (const report of native.runCollect(this.#session.handle)) {
      if (report.status === 'ready') this.#crew.becameReady(report.worker)
      else if (report.status === 'died') void this.#crew.hasDied(report)
      else this.#runner.answered(report)
    }
  }

  #crewEvents() {
    return {
      complete: () => {
        if (this.#started === undefined) this.#runner.next()
        else this.#started.resolve()
      },
      died: (run: number, error: WorkerDiedError) => {
        if (run !== 0) this.#runner.workerDied(run, error)
        else if (this.#started === undefined) process.emitWarning(error)
      },
      broken: (error: Error) => {
        if (this.#started === undefined) this.#runner.stop(error)
        else this.#started.reject(error)
      },
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) {
      throw new ClosedError(`cluster '${this.name}' is closed`, { cluster: this.name })
    }
  }

  static {
    forget = cluster => cluster.#forget()
  }
}

/** The process exits: the watches would clean up in any case, but not before others look. */
function closeAll(): void {
  for (const cluster of [...open]) forget(cluster)
}

function inTask(call: string): Resource {
  const resource = workerContext()?.resource
  if (resource !== undefined) return resource
  throw new UnsupportedError(
    `Cluster.${call} works only inside a task that runProcesses runs; elsewhere use the cluster that Cluster.start gave`,
  )
}
