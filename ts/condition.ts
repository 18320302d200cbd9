import { InvalidArgumentError, NotOwnerError, TimeoutError } from './errors.js'
import type { AcquireAsyncOptions, AcquireOptions } from './held-lock.js'
import type { Lock } from './lock.js'
import { native } from './native.js'
import { checkOptions } from './options.js'
import { checkFunction, isThenable } from './section.js'
import { blockingError, closedError, deadlineOf, TIMED_OUT, type WaitOptions } from './wait.js'
import { holds, type Place, Waiter } from './waiter.js'

/** The binding's number of the operation. */
const CONDITION = 8

/** More than can wait. */
const ALL = 2 ** 32 - 1

const WAIT = { timeout: 'time', recover: 'boolean' } as const
const WAIT_ASYNC = { ...WAIT, signal: 'signal' } as const

/** What one wait came to, when the lock is held again. */
interface Turn {
  /** What ended it, where that was no notification. */
  readonly failure: { readonly reason: unknown } | undefined
  /** Whether the lock was taken over from a holder that died. */
  readonly recovered: boolean
}

/**
 * A condition variable between all processes of a cluster: whoever holds its lock gives that back, waits until somebody
 * says that what the lock protects has changed, and has the lock again before it goes on.
 *
 * Those who have waited longest are notified first, and no notification gets lost: one that comes after the release of
 * the lock is seen, and those that were meant for the dead, or for waits that time out, go to others. The price is that a
 * wait may end although nobody has notified it; {@link waitFor} looks again by itself.
 */
export class Condition {
  /** Its name in the cluster. */
  readonly name: string
  /** The lock that protects what is waited for. */
  readonly lock: Lock
  readonly #place: Place
  readonly #waiter: Waiter

  /** @internal */
  constructor(place: Place, lock: Lock) {
    this.name = place.name
    this.lock = lock
    this.#place = place
    this.#waiter = new Waiter(place, CONDITION, {
      isHeldHere: () => false,
      entered: () => {},
      left: ticket => this.#abandon(ticket),
      error: (status, timeout) => this.#error(status, timeout),
    })
  }

  /**
   * Gives the lock back, waits to be notified, and takes the lock again. Blocks the thread: in main, and in asynchronous
   * tasks, {@link waitAsync} is the better one. May end although nobody has notified.
   *
   * The lock is held again when it returns, and also when it throws, but for OwnerDiedError and ClosedError. `timeout`
   * is the time for the notification; the lock is waited for without end.
   *
   * @returns whether the lock was taken over from a holder that died (only with `recover`): see {@link Lock.acquire}
   * @throws OwnerDiedError when a holder died meanwhile and `recover` is not set; the lock is not held then
   * @throws TimeoutError after `timeout` milliseconds
   * @throws NotOwnerError when this thread does not hold the lock
   * @throws DeadlockError when this thread waits for it or its lock asynchronously already
   * @throws InvalidArgumentError, ClosedError
   */
  wait(options?: AcquireOptions): boolean {
    const { timeout = Number.POSITIVE_INFINITY, recover = false } = checkOptions('wait', options, WAIT)
    const { failure, recovered } = this.#turn(timeout, recover)
    if (failure !== undefined) throw failure.reason
    return recovered
  }

  /**
   * Like {@link wait}, without blocking the thread. Waits of one thread are notified in the order of their calls.
   *
   * @returns a promise of what {@link wait} returns; it rejects with what that throws, or with the signal's reason, when
   *   the lock is held again
   * @throws InvalidArgumentError, as a rejection
   */
  async waitAsync(options?: AcquireAsyncOptions): Promise<boolean> {
    const { recover = false, ...wait } = checkOptions('waitAsync', options, WAIT_ASYNC)
    wait.signal?.throwIfAborted()
    const { failure, recovered } = await this.#turnAsync(wait, recover)
    if (failure !== undefined) throw failure.reason
    return recovered
  }

  /**
   * Waits until `predicate` returns true: as often as it takes, within `timeout` in all. Blocks the thread.
   *
   * @param predicate - is called while the lock is held; what it throws, this throws
   * @returns as {@link wait}
   * @throws what {@link wait} throws, unless `predicate` holds by then
   * @throws InvalidArgumentError, also for a predicate that returns a promise
   */
  waitFor(predicate: () => boolean, options?: AcquireOptions): boolean {
    checkFunction('waitFor', predicate)
    const { timeout = Number.POSITIVE_INFINITY, recover = false } = checkOptions('waitFor', options, WAIT)
    this.#check()
    const deadline = deadlineOf(timeout)
    let recovered = false
    let failure: Turn['failure']
    while (!holdsNow('waitFor', predicate)) {
      if (failure !== undefined) throw this.#asked(failure.reason, timeout)
      const turn = this.#turn(left(deadline), recover)
      failure = turn.failure
      recovered ||= turn.recovered
    }
    return recovered
  }

  /** Like {@link waitFor}, waiting as {@link waitAsync}. */
  async waitForAsync(predicate: () => boolean, options?: AcquireAsyncOptions): Promise<boolean> {
    checkFunction('waitForAsync', predicate)
    const checked = checkOptions('waitForAsync', options, WAIT_ASYNC)
    const { timeout = Number.POSITIVE_INFINITY, recover = false, signal } = checked
    signal?.throwIfAborted()
    this.#check()
    const deadline = deadlineOf(timeout)
    let recovered = false
    let failure: Turn['failure']
    while (!holdsNow('waitForAsync', predicate)) {
      if (failure !== undefined) throw this.#asked(failure.reason, timeout)
      const turn = await this.#turnAsync({ timeout: left(deadline), signal }, recover)
      failure = turn.failure
      recovered ||= turn.recovered
    }
    return recovered
  }

  /**
   * Notifies the first `count` of those who wait; fewer, where fewer wait. Whether this thread holds the lock does not
   * matter. Costs no system call where nobody waits.
   *
   * @returns how many were notified
   * @throws InvalidArgumentError, ClosedError
   */
  notify(count = 1): number {
    checkOptions('notify', { count }, { count: 'count' })
    return native.conditionNotify(this.#place.session, this.#place.index, Math.min(count, ALL))
  }

  /**
   * Notifies all who wait.
   *
   * @returns how many they were
   * @throws ClosedError
   */
  notifyAll(): number {
    return this.notify(ALL)
  }

  /** How many wait now, in all processes. Those who have died count until that is noticed. */
  get waiting(): number {
    return native.conditionInfo(this.#place.session, this.#place.index).waiting
  }

  /**
   * Ends the asynchronous waits of this thread: the task that they belong to is over.
   *
   * @internal
   */
  callOff(reason: unknown): void {
    this.#waiter.callOffAll(reason)
  }

  #turn(timeout: number, recover: boolean): Turn {
    this.#check()
    const what = { lockName: this.lock.name, conditionName: this.name }
    // Given back, the lock would go to an asynchronous section of this thread, which cannot run while this one blocks.
    if (this.lock.isAwaitedHere) throw blockingError(`lock '${this.lock.name}'`, what)
    if (this.#waiter.occupied) throw blockingError(`condition '${this.name}'`, what)
    const ticket = this.#begin()
    let failure: Turn['failure']
    try {
      const status = this.#waiter.block(ticket, false, timeout)
      if (!holds(status)) failure = { reason: this.#error(status, timeout) }
    } catch (reason) {
      failure = { reason }
    }
    return { failure, recovered: this.lock.retake(recover) }
  }

  async #turnAsync(wait: WaitOptions, recover: boolean): Promise<Turn> {
    this.#check()
    const notified = this.#waiter.enter(this.#begin(), false, wait)
    const failure = await notified.then(
      () => undefined,
      reason => ({ reason }),
    )
    return { failure, recovered: await this.lock.retakeAsync(recover) }
  }

  /** Takes a ticket before it gives the lock back: whoever has the lock next finds it. */
  #begin(): number {
    const ticket = native.conditionBegin(this.#place.session, this.#place.index)
    try {
      this.lock.release()
    } catch (error) {
      this.#abandon(ticket)
      throw error
    }
    return ticket
  }

  #abandon(ticket: number): void {
    // Nobody is left to be notified in its place where the cluster is closed.
    if (this.#place.words.length === 0) return
    native.waitAbandon(this.#place.session, this.#place.index, CONDITION, ticket, 0)
  }

  #check(): void {
    if (this.#place.words.length === 0) throw closedError(`condition '${this.name}'`)
    if (this.lock.held) return
    throw new NotOwnerError(
      `this thread does not hold lock '${this.lock.name}', which a wait in condition '${this.name}' gives back`,
      { lockName: this.lock.name, conditionName: this.name },
    )
  }

  /** The error of a wait that was asked to take `timeout` in all, whatever was left of it at last. */
  #asked(reason: unknown, timeout: number): unknown {
    return reason instanceof TimeoutError ? this.#error(TIMED_OUT, timeout) : reason
  }

  #error(status: number, timeout?: number): Error {
    if (status !== TIMED_OUT) return closedError(`condition '${this.name}'`)
    return new TimeoutError(`condition '${this.name}' did not come true within ${timeout} ms`, {
      conditionName: this.name,
      timeout,
    })
  }
}

function left(deadline: number): number {
  return Math.max(0, deadline - performance.now())
}

function holdsNow(call: string, predicate: () => boolean): boolean {
  const answer: unknown = predicate()
  if (!isThenable(answer)) return Boolean(answer)
  Promise.resolve(answer).catch(() => {})
  throw new InvalidArgumentError(`${call} takes a function that returns true or false, not a promise`)
}
