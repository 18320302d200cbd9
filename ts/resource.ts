import type { GetSharedOptions } from './array-table.js'
import type { Barrier } from './barrier.js'
import type { DTypeLike } from './dtype.js'
import { InvalidArgumentError } from './errors.js'
import type { Lock } from './lock.js'
import { byName, NamedObjects } from './named-objects.js'
import type { ObjectTable } from './object-table.js'
import { show } from './options.js'
import type { SharedArrayOf } from './shared-array.js'
import type { SplitIndicesOptions as AllSplitOptions, IndexRange, RandomIndices } from './split-indices.js'
import { splitIndices } from './split-indices.js'
import type { WorkerContext } from './worker-context.js'

/** Options of {@link Resource.splitIndices}. */
export interface ResourceSplitOptions extends Omit<AllSplitOptions, 'call'> {
  /** Whose share. Default: this worker's own. */
  id?: number
}

/** What a task gets as its first argument: who it is, and what it shares with the others. */
export class Resource extends NamedObjects {
  /** This worker's id, 0 … size-1. */
  readonly id: number
  /** The number of workers. */
  readonly size: number
  /** The number of this run: 1 for the cluster's first. */
  readonly run: number
  readonly #context: WorkerContext
  readonly #progress: Float64Array
  #splits = 0
  #abort: AbortController | undefined
  #told = false

  /** @internal */
  constructor(context: WorkerContext, run: number) {
    super()
    this.#context = context
    this.id = context.id
    this.size = context.size
    this.run = run
    this.#progress = context.progress
  }

  /** The cluster's seed. */
  get seed(): bigint {
    return this.#context.session.facts.seed
  }

  /** The run's own lock, fresh in each run. */
  get lock(): Lock {
    return this.objects().defaultLock()
  }

  /**
   * Waits until every worker has come here. Blocks the process.
   *
   * @returns the index of arrival: 0 for the first that came
   * @throws BrokenBarrierError when a worker died or left its task, so that not all can come
   */
  barrier(options?: Parameters<Barrier['wait']>[0]): number {
    return this.objects().defaultBarrier().wait(options)
  }

  /**
   * This worker's share of the indices 0 … n-1. All workers have to make the same calls in the same order; nothing is
   * exchanged. The permutations come from the cluster's seed, and each call and run has its own; with a `seed` of
   * one's own, equal calls give equal shares.
   *
   * @throws InvalidArgumentError
   */
  splitIndices(n: number, options: ResourceSplitOptions & { random: false }): IndexRange
  splitIndices(n: number, options?: ResourceSplitOptions & { random?: true }): RandomIndices
  splitIndices(n: number, options?: ResourceSplitOptions): IndexRange | RandomIndices
  splitIndices(n: number, options: ResourceSplitOptions = {}): IndexRange | RandomIndices {
    const { id = this.id, ...rest } = options
    const own = options.seed !== undefined
    return splitIndices(n, id, this.size, {
      ...rest,
      seed: own ? options.seed : this.seed,
      call: own ? 0 : [this.run, this.#splits++],
    })
  }

  /**
   * The shared array `name`, mapped once and handed out again.
   *
   * @param dtype - its element type, for the type checker and checked against the array; none given takes any, and the
   *   type says int32
   * @throws NotFoundError when no array has the name
   * @throws IncompatibleSegmentError when it holds another element type
   */
  getShared<L extends DTypeLike = 'int32'>(name: string, dtype?: L, options?: GetSharedOptions): SharedArrayOf<L> {
    return this.#context.arrays.get(name, dtype, options)
  }

  /** The shared arrays by name: `res.arrays.A` is `res.getShared('A')`. */
  get arrays(): Readonly<Record<string, SharedArrayOf>> {
    return byName(name => this.getShared(name))
  }

  protected override objects(): ObjectTable {
    return this.#context.objects
  }

  /**
   * Says how far this worker is, for `onProgress` of `runProcesses`. Costs two stores into shared memory: call it as
   * often as you like.
   *
   * @throws InvalidArgumentError for what is no finite number of 0 or more
   */
  progress(done: number, total: number): void {
    if (!(done >= 0 && total >= 0 && done < Number.POSITIVE_INFINITY && total < Number.POSITIVE_INFINITY)) {
      throw new InvalidArgumentError(`progress takes two numbers of 0 or more, not ${show(done)} and ${show(total)}`)
    }
    this.#progress[1] = total
    this.#progress[0] = done
  }

  /**
   * Aborts when the run is cancelled: by the caller's signal or time-out, or because another worker threw or died.
   * `signal.aborted` is right at once also in a task that never returns to the event loop.
   */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const controller = new AbortController()
      this.#abort = controller
      const aborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')?.get as () => boolean
      Object.defineProperty(controller.signal, 'aborted', {
        get: () => {
          this.checkCancelled()
          return aborted.call(controller.signal)
        },
      })
    }
    return this.#abort.signal
  }

  /**
   * Whether the run is being cancelled; tells {@link signal}'s listeners of it.
   *
   * @internal
   */
  checkCancelled(): boolean {
    if (!this.#context.session.isCancelled(this.run)) return false
    if (this.#abort !== undefined && !this.#told) {
      this.#told = true
      this.#abort.abort(cancelled())
    }
    return true
  }
}

/** What a wait throws, and {@link Resource.signal} gives as its reason, when the run is cancelled. */
export function cancelled(): DOMException {
  return new DOMException('the run was cancelled', 'AbortError')
}
