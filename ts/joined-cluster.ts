import { ArrayTable } from './array-table.js'
import { ClosedError } from './errors.js'
import { native } from './native.js'
import { ObjectTable } from './object-table.js'
import { checkName, checkOptions } from './options.js'
import { Session } from './session.js'
import { SharedSpace } from './shared-space.js'

/** Options of {@link Cluster.join}. */
export interface JoinOptions {
  /** Leaves the cluster when it aborts. */
  signal?: AbortSignal
}

/**
 * A running cluster, joined by a thread that is neither its main nor a worker's own: by {@link Cluster.join}, from an
 * unrelated program or from a worker_thread. It has the same arrays, locks and barriers as they, and runs no tasks.
 *
 * It does not keep the program alive. {@link close} leaves in order. A thread that ends in any other way, by
 * `process.exit`, an exception, `terminate()` or a kill, counts as dead: the locks that it holds become poisoned, and the
 * barriers that it is a member of break. In either case nobody else notices.
 *
 * The end of the cluster's main process does not end this one: waits end with a ClosedError, so does every later call,
 * and {@link signal} aborts. Arrays that are mapped stay readable.
 */
export class JoinedCluster extends SharedSpace implements Disposable {
  /** The cluster's name. */
  readonly name: string
  /** The number of its workers. */
  readonly size: number
  /** What its random numbers come from. */
  readonly seed: bigint
  readonly #session: Session
  readonly #arrays: ArrayTable
  readonly #objects: ObjectTable
  readonly #doorbell: ReturnType<typeof native.doorbellListen>
  readonly #abort = new AbortController()
  readonly #release: () => void
  /** Why there is nothing to be had any more. */
  #ended: string | undefined

  /** @internal */
  constructor(name: string, options?: JoinOptions) {
    super()
    const { signal } = checkOptions('Cluster.join', options, { signal: 'signal' })
    this.name = checkName('cluster', name)
    signal?.throwIfAborted()
    const bell = native.doorbellCreate()
    // Closes the descriptor in any case.
    this.#doorbell = native.doorbellListen(bell, () => this.#end(this.#mainEnded()))
    try {
      this.#session = new Session(native.sessionJoin(name, bell))
    } catch (error) {
      native.doorbellClose(this.#doorbell)
      throw error
    }
    const { workers, seed } = this.#session.facts
    this.size = workers
    this.seed = seed
    this.#arrays = new ArrayTable(this.#session)
    const interrupt = () => {
      if (native.sessionHasEnded(this.#session.handle)) throw this.#error(this.#mainEnded())
    }
    this.#objects = new ObjectTable(this.#session, interrupt, () => 0)
    const abort = () => this.#end(`this program has left cluster '${name}', since its signal aborted`, signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    this.#release = () => signal?.removeEventListener('abort', abort)
  }

  /** Whether it was closed, or the cluster has ended: right at once, also in a program that never waits for an event. */
  get closed(): boolean {
    return this.#ended !== undefined || native.sessionHasEnded(this.#session.handle)
  }

  /** Aborts, with a ClosedError as its reason, when the cluster ends or is left. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /**
   * Leaves the cluster in order: asynchronous waits end with a ClosedError, locks that are held become poisoned, and a
   * barrier that this thread waits in breaks; in another barrier its place is free for whoever comes. Arrays stay
   * readable. Closing twice is fine.
   */
  close(): void {
    this.#end(`this program has left cluster '${this.name}'`)
  }

  /** The same as {@link close}. */
  [Symbol.dispose](): void {
    this.close()
  }

  protected override arrayTable(): ArrayTable {
    this.#checkOpen()
    return this.#arrays
  }

  protected override objects(): ObjectTable {
    this.#checkOpen()
    return this.#objects
  }

  #checkOpen(): void {
    if (this.closed) throw this.#error(this.#ended ?? this.#mainEnded())
  }

  #end(why: string, reason: unknown = this.#error(why)): void {
    if (this.#ended !== undefined) return
    this.#ended = why
    this.#release()
    this.#objects.callOff(reason)
    this.#session.close()
    native.doorbellClose(this.#doorbell)
    this.#abort.abort(reason)
  }

  #mainEnded(): string {
    return `the main process of cluster '${this.name}' has ended, or has closed it`
  }

  #error(why: string): ClosedError {
    return new ClosedError(why, { cluster: this.name })
  }
}
