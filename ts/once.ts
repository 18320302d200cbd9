import { DeadlockError, InvalidArgumentError, TimeoutError } from './errors.js'
import { native } from './native.js'
import { checkOptions } from './options.js'
import { checkFunction, isThenable } from './section.js'
import {
  ACQUIRED_POISONED,
  closedError,
  DEADLOCK,
  OVER,
  TIMED_OUT,
  type TimeoutOptions,
  type WaitOptions,
} from './wait.js'
import { holds, type Place, Waiter } from './waiter.js'

/** The binding's number of the operation. */
const ONCE = 7

/** What an asynchronous wait rejects with when there is nothing left to do. */
const DONE = new Error('it is done')

/**
 * Something that one of all processes of a cluster does, once, while the others wait for it.
 *
 * When whoever is at it dies or throws, the next in line does it anew. Whoever finds it done sees what was done.
 */
export class Once {
  /** Its name in the cluster. */
  readonly name: string
  readonly #place: Place
  readonly #waiter: Waiter
  /** Somebody on this thread is at it. */
  #entered = false

  /** @internal */
  constructor(place: Place) {
    this.name = place.name
    this.#place = place
    this.#waiter = new Waiter(place, ONCE, {
      isHeldHere: () => this.#entered,
      entered: () => {
        this.#entered = true
      },
      error: (status, timeout) => this.#error(status, timeout),
    })
  }

  /**
   * Calls `fn` unless that was done before, here or elsewhere; waits while another is at it. Blocks the thread.
   *
   * @param fn - gets whether one before died over it: what it did may be half done. What it throws, this throws, and the
   *   next in line does it.
   * @returns whether it was done by this call
   * @throws TimeoutError when another is at it for more than `timeout` milliseconds
   * @throws DeadlockError when this thread is at it itself
   * @throws InvalidArgumentError, also for an `fn` that returns a promise; ClosedError
   */
  run(fn: (recovered: boolean) => void, options?: TimeoutOptions): boolean {
    checkFunction('run', fn)
    const { timeout = Number.POSITIVE_INFINITY } = checkOptions('run', options, { timeout: 'time' })
    if (this.done) return false
    const status = this.#waiter.block(0, false, timeout)
    if (status === OVER) return false
    if (!holds(status)) throw this.#error(status, timeout)
    this.#entered = true
    let finished = false
    try {
      const result: unknown = fn(status === ACQUIRED_POISONED)
      if (isThenable(result)) {
        Promise.resolve(result).catch(() => {})
        throw new InvalidArgumentError(
          'run takes a function that is done when it returns, not one that returns a promise: use runAsync',
        )
      }
      finished = true
    } finally {
      this.#leave(finished)
    }
    return true
  }

  /**
   * Like {@link run}, without blocking the thread; `fn` may return a promise, which is waited for.
   *
   * @returns a promise of what {@link run} returns; it rejects with what that throws, or with the signal's reason where
   *   it has not begun
   */
  async runAsync(fn: (recovered: boolean) => unknown, options?: WaitOptions): Promise<boolean> {
    checkFunction('runAsync', fn)
    const checked = checkOptions('runAsync', options, { timeout: 'time', signal: 'signal' })
    checked.signal?.throwIfAborted()
    if (this.done) return false
    let finished = false
    let recovered: boolean
    try {
      recovered = await this.#waiter.enter(0, false, checked)
    } catch (reason) {
      if (reason === DONE) return false
      throw reason
    }
    try {
      await fn(recovered)
      finished = true
    } finally {
      this.#leave(finished)
    }
    return true
  }

  /** Whether it is done. */
  get done(): boolean {
    return native.onceIsDone(this.#place.session, this.#place.index)
  }

  /**
   * Ends the asynchronous waits of this thread: the task that they belong to is over.
   *
   * @internal
   */
  callOff(reason: unknown): void {
    this.#waiter.callOffAll(reason)
  }

  #leave(finished: boolean): void {
    this.#entered = false
    // A cluster that was closed meanwhile has nobody left to tell.
    if (this.#place.words.length === 0) return
    if (finished) native.onceFinish(this.#place.session, this.#place.index)
    else this.#waiter.giveBack(0)
    if (this.#waiter.occupied) this.#waiter.advance()
  }

  #error(status: number, timeout?: number): Error {
    const details = { onceName: this.name }
    switch (status) {
      case OVER:
        return DONE
      case TIMED_OUT:
        return new TimeoutError(`'${this.name}' was not done within ${timeout} ms`, { ...details, timeout })
      case DEADLOCK:
        return new DeadlockError(`this thread is at '${this.name}' itself`, details)
      default:
        return closedError(`once '${this.name}'`)
    }
  }
}
