import { DeadlockError, InvalidArgumentError, NotOwnerError, TimeoutError } from './errors.js'
import { native } from './native.js'
import { checkOptions } from './options.js'
import { checkFunction, type Guard, guardOf, runSection } from './section.js'
import { blockingError, closedError, DEADLOCK, TIMED_OUT, type TimeoutOptions, type WaitOptions } from './wait.js'
import { holds, type Place, Waiter } from './waiter.js'

/** How {@link Semaphore.acquire} waits. */
export interface PermitOptions extends TimeoutOptions {
  /** How many permits to take, all at once. Default: 1. */
  permits?: number
}

/** How {@link Semaphore.acquireAsync} waits. */
export interface PermitAsyncOptions extends PermitOptions, WaitOptions {}

const ACQUIRE = { timeout: 'time', permits: 'count' } as const
const ACQUIRE_ASYNC = { ...ACQUIRE, signal: 'signal' } as const

/** The binding's number of the operation. */
const PERMITS = 4

/** The most permits that the binding can count. */
const MOST = 2 ** 20 - 1

/**
 * A counting semaphore between all processes of a cluster: so many permits, each with one holder at a time.
 *
 * A permit belongs to the thread that took it, which gives it back; when it dies, its permits are free again. An
 * *unowned* semaphore (`owned: false`) does not know whose they are: any thread may release what another has acquired,
 * also more than there were at first, and the permits of the dead stay lost.
 *
 * Newcomers may overtake those who wait, and who wants few permits may overtake who wants many.
 */
export class Semaphore {
  /** Its name in the cluster. */
  readonly name: string
  readonly #place: Place
  readonly #waiter: Waiter
  /** How many there are in all; 0 for an unowned one. */
  readonly #capacity: number
  /** How many somebody on this thread was told that it holds. */
  #entered = 0

  /** @internal */
  constructor(place: Place) {
    this.name = place.name
    this.#place = place
    this.#capacity = native.semaphoreInfo(place.session, place.index).capacity
    this.#waiter = new Waiter(place, PERMITS, {
      isHeldHere: () => false,
      entered: permits => {
        this.#entered += permits
      },
      error: (status, timeout) => this.#error(status, timeout),
    })
  }

  /**
   * Waits for permits. Blocks the thread: in main, and in asynchronous tasks, {@link acquireAsync} is the better one.
   *
   * @throws TimeoutError after `timeout` milliseconds; with 0, it never waits
   * @throws DeadlockError when this thread holds so many itself that it would wait for ever, or waits asynchronously
   * @throws InvalidArgumentError, also for more permits than there are; ClosedError
   */
  acquire(options?: PermitOptions): void {
    const { timeout = Number.POSITIVE_INFINITY, permits = 1 } = checkOptions('acquire', options, ACQUIRE)
    this.#check(permits)
    if (!this.#waiter.occupied) {
      this.#granted(this.#waiter.block(permits, false, timeout), permits, timeout)
      return
    }
    const status = this.#waiter.attempt(permits, false)
    if (status === TIMED_OUT) throw blockingError(`semaphore '${this.name}'`, { semaphoreName: this.name })
    this.#granted(status, permits)
  }

  /**
   * Takes permits if so many are free, and never waits.
   *
   * @returns whether it has them
   * @throws InvalidArgumentError, ClosedError
   */
  tryAcquire(options?: Pick<PermitOptions, 'permits'>): boolean {
    const { permits = 1 } = checkOptions('tryAcquire', options, { permits: 'count' })
    this.#check(permits)
    const status = this.#waiter.attempt(permits, false)
    if (status === TIMED_OUT || status === DEADLOCK) return false
    this.#granted(status, permits)
    return true
  }

  /**
   * Waits for permits without blocking the thread. Acquires of one thread are served in the order of their calls.
   *
   * @returns a promise; it rejects with what {@link acquire} throws, or with the signal's reason
   * @throws InvalidArgumentError, as a rejection
   */
  async acquireAsync(options?: PermitAsyncOptions): Promise<void> {
    const { permits = 1, ...wait } = checkOptions('acquireAsync', options, ACQUIRE_ASYNC)
    wait.signal?.throwIfAborted()
    this.#check(permits)
    if (wait.timeout === 0 && this.#waiter.occupied) throw this.#error(TIMED_OUT, 0)
    await this.#waiter.enter(permits, false, wait)
  }

  /**
   * Gives permits back.
   *
   * @throws NotOwnerError when this thread does not hold so many; nothing has changed then
   * @throws InvalidArgumentError, also when an unowned one would have more than 1,048,575; ClosedError
   */
  release(permits = 1): void {
    checkOptions('release', { permits }, { permits: 'count' })
    this.#checkOpen()
    if (this.#capacity === 0) {
      if (permits > MOST || !this.#waiter.giveBack(permits)) {
        throw new InvalidArgumentError(`semaphore '${this.name}' cannot have more than ${MOST} permits`, { permits })
      }
    } else {
      if (this.#entered < permits || !this.#waiter.giveBack(permits)) {
        throw new NotOwnerError(
          `this thread holds ${this.#entered} permits of semaphore '${this.name}', and releases ${permits}`,
          { semaphoreName: this.name },
        )
      }
      this.#entered -= permits
    }
    if (this.#waiter.occupied) this.#waiter.advance()
  }

  /**
   * Holds permits while `fn` runs and, where `fn` returns a promise, until that settles. Acquires as {@link acquire}.
   *
   * @returns what `fn` returns
   */
  withPermits<T>(fn: () => T, options?: PermitOptions): T {
    checkFunction('withPermits', fn)
    this.acquire(options)
    return runSection(fn, () => this.release(options?.permits))
  }

  /** Like {@link withPermits}, acquiring as {@link acquireAsync}. */
  async withPermitsAsync<T>(fn: () => T, options?: PermitAsyncOptions): Promise<Awaited<T>> {
    checkFunction('withPermitsAsync', fn)
    await this.acquireAsync(options)
    return (await runSection(fn, () => this.release(options?.permits))) as Awaited<T>
  }

  /** Acquires as {@link acquire}; the guard releases: `using guard = semaphore.guard()`. */
  guard(options?: PermitOptions): Guard {
    this.acquire(options)
    return guardOf(() => this.release(options?.permits), {})
  }

  /** Acquires as {@link acquireAsync}; the guard releases: `using guard = await semaphore.guardAsync()`. */
  async guardAsync(options?: PermitAsyncOptions): Promise<Guard> {
    await this.acquireAsync(options)
    return guardOf(() => this.release(options?.permits), {})
  }

  /** How many permits are free now. */
  get available(): number {
    this.#checkOpen()
    return native.semaphoreInfo(this.#place.session, this.#place.index).free
  }

  /** How many permits this thread holds; always 0 for an unowned semaphore. */
  get held(): number {
    this.#checkOpen()
    return this.#capacity === 0 ? 0 : this.#entered
  }

  /**
   * Ends the asynchronous acquires of this thread: the task that they belong to is over.
   *
   * @internal
   */
  callOff(reason: unknown): void {
    this.#waiter.callOffAll(reason)
  }

  #granted(status: number, permits: number, timeout?: number): void {
    if (!holds(status)) throw this.#error(status, timeout)
    this.#entered += permits
  }

  #check(permits: number): void {
    this.#checkOpen()
    const most = this.#capacity === 0 ? MOST : this.#capacity
    if (permits > most) {
      throw new InvalidArgumentError(
        `semaphore '${this.name}' never has more than ${most} permits: ${permits} is too many`,
        {
          permits,
        },
      )
    }
  }

  #error(status: number, timeout?: number): Error {
    const details = { semaphoreName: this.name }
    switch (status) {
      case TIMED_OUT:
        return new TimeoutError(`semaphore '${this.name}' had not enough permits within ${timeout} ms`, {
          ...details,
          timeout,
        })
      case DEADLOCK:
        return new DeadlockError(
          `this thread holds ${this.#entered} permits of semaphore '${this.name}' itself: there can never be so many more`,
          details,
        )
      default:
        return closedError(`semaphore '${this.name}'`)
    }
  }

  #checkOpen(): void {
    if (this.#place.words.length === 0) throw closedError(`semaphore '${this.name}'`)
  }
}
