import { TimeoutError } from './errors.js'
import { checkOptions } from './options.js'
import { closedError, TIMED_OUT, type TimeoutOptions, type WaitOptions } from './wait.js'
import { holds, type Place, Waiter } from './waiter.js'

/** What {@link SharedEvent} and {@link Latch} have in common: how a thread waits for them. */
export abstract class Signal {
  /** Its name in the cluster. */
  readonly name: string
  readonly #place: Place
  readonly #what: string
  readonly #waiter: Waiter

  /**
   * `operation` is the binding's number; `what` it is called in messages.
   *
   * @internal
   */
  constructor(place: Place, operation: number, what: string) {
    this.name = place.name
    this.#place = place
    this.#what = `${what} '${place.name}'`
    this.#waiter = new Waiter(place, operation, {
      isHeldHere: () => false,
      entered: () => {},
      error: (status, timeout) => this.#error(status, timeout),
    })
  }

  /**
   * Waits for it. Blocks the thread: in main, and in asynchronous tasks, {@link waitAsync} is the better one. What was
   * done before it came is seen after it.
   *
   * @throws TimeoutError after `timeout` milliseconds; with 0, it never waits
   * @throws BrokenLatchError when a latch is, or gets, broken or reset
   * @throws InvalidArgumentError, ClosedError
   */
  wait(options?: TimeoutOptions): void {
    const { timeout = Number.POSITIVE_INFINITY } = checkOptions('wait', options, { timeout: 'time' })
    this.checkOpen()
    const status = this.#waiter.block(this.ticket(), false, timeout)
    if (!holds(status)) throw this.#error(status, timeout)
  }

  /**
   * Passes if it has come, and never waits.
   *
   * @returns whether it has
   * @throws BrokenLatchError when a latch is broken
   * @throws ClosedError
   */
  tryWait(): boolean {
    this.checkOpen()
    const status = this.#waiter.attempt(this.ticket(), false)
    if (status === TIMED_OUT) return false
    if (!holds(status)) throw this.#error(status)
    return true
  }

  /**
   * Waits for it without blocking the thread.
   *
   * @returns a promise; it rejects with what {@link wait} throws, or with the signal's reason
   * @throws InvalidArgumentError, as a rejection
   */
  async waitAsync(options?: WaitOptions): Promise<void> {
    const checked = checkOptions('waitAsync', options, { timeout: 'time', signal: 'signal' })
    checked.signal?.throwIfAborted()
    this.checkOpen()
    await this.#waiter.enter(this.ticket(), false, checked)
  }

  /**
   * Ends the asynchronous waits of this thread: the task that they belong to is over.
   *
   * @internal
   */
  callOff(reason: unknown): void {
    this.#waiter.callOffAll(reason)
  }

  /** What a wait begins with: the binding's argument. */
  protected abstract ticket(): number

  /** Why it does not come any more. */
  protected over(): Error {
    return closedError(this.#what)
  }

  /** @throws ClosedError */
  protected checkOpen(): void {
    if (this.#place.words.length === 0) throw closedError(this.#what)
  }

  #error(status: number, timeout?: number): Error {
    if (this.#place.words.length === 0) return closedError(this.#what)
    if (status !== TIMED_OUT) return this.over()
    return new TimeoutError(`${this.#what} did not come within ${timeout} ms`, { name: this.name, timeout })
  }
}
