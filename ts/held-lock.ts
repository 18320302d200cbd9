import { DeadlockError, NotOwnerError, OwnerDiedError, TimeoutError } from './errors.js'
import { checkOptions } from './options.js'
import { checkFunction, type Guard, guardOf, runSection } from './section.js'
import {
  ACQUIRED_POISONED,
  blockingError,
  closedError,
  DEADLOCK,
  OWNER_DIED,
  TIMED_OUT,
  type TimeoutOptions,
  type WaitOptions,
} from './wait.js'
import { holds, type Place, Waiter } from './waiter.js'

/** How {@link HeldLock.acquire} waits. */
export interface AcquireOptions extends TimeoutOptions {
  /** Takes the lock over from a holder that died, instead of throwing OwnerDiedError. */
  recover?: boolean
}

/** How {@link HeldLock.acquireAsync} waits. */
export interface AcquireAsyncOptions extends AcquireOptions, WaitOptions {}

/** What {@link HeldLock.guard} returns: releases the lock at the end of a `using` block. */
export interface LockGuard extends Guard {
  /** Whether the lock was taken over from a holder that died. */
  readonly recovered: boolean
}

const ACQUIRE = { timeout: 'time', recover: 'boolean' } as const
const ACQUIRE_ASYNC = { ...ACQUIRE, signal: 'signal' } as const

/** What {@link Lock} and the two sides of {@link RwLock} have in common: how a thread takes and releases them. */
export abstract class HeldLock {
  /** Its name in the cluster. */
  readonly name: string
  readonly #place: Place
  readonly #what: string
  /** @internal */
  readonly waiter: Waiter
  readonly #nests: boolean
  /** How often somebody on this thread was told that it holds it: an asynchronous grant on its way does not count. */
  #entered = 0

  /**
   * `operation` is the binding's number; `what` it is called in messages; `nests`: one thread may hold it several times.
   *
   * @internal
   */
  constructor(place: Place, operation: number, what: string, nests: boolean) {
    this.name = place.name
    this.#place = place
    this.#what = `${what} '${place.name}'`
    this.#nests = nests
    this.waiter = new Waiter(place, operation, {
      isHeldHere: () => this.isBusyHere(),
      entered: () => this.#enter(),
      others: () => this.otherWaiters(),
      error: (status, timeout) => this.#error(status, timeout),
    })
  }

  /**
   * Waits for the lock. Blocks the thread: in main, and in asynchronous tasks, {@link acquireAsync} is the better one.
   *
   * @returns whether it was taken over from a holder that died (only with `recover`): what it protects may be half done
   * @throws OwnerDiedError when a holder died and `recover` is not set; the lock is not held then
   * @throws TimeoutError after `timeout` milliseconds; with 0, it never waits
   * @throws DeadlockError when this thread holds it, or waits for it asynchronously, already
   * @throws InvalidArgumentError, ClosedError
   */
  acquire(options?: AcquireOptions): boolean {
    if (options === undefined && this.#tryFast()) return false
    const { timeout = Number.POSITIVE_INFINITY, recover = false } = checkOptions('acquire', options, ACQUIRE)
    return this.#wait(timeout, recover)
  }

  /** The same as {@link acquire}, under the name that py-dsm gives it. */
  apply(options?: AcquireOptions): boolean {
    return this.acquire(options)
  }

  /**
   * Takes the lock if nobody holds it, and never waits.
   *
   * @returns whether it is held now by this call; a lock that this thread held before counts as held by somebody
   * @throws OwnerDiedError when a holder died and `recover` is not set
   * @throws InvalidArgumentError, ClosedError
   */
  tryAcquire(options?: Pick<AcquireOptions, 'recover'>): boolean {
    if (options === undefined && this.#tryFast()) return true
    const { recover = false } = checkOptions('tryAcquire', options, { recover: 'boolean' })
    this.checkOpen()
    const status = this.waiter.attempt(0, recover)
    if (status === TIMED_OUT || status === DEADLOCK) return false
    this.#granted(status)
    return true
  }

  /**
   * Waits for the lock without blocking the thread. Acquires of one thread are served in the order of their calls,
   * also while another section of the same thread holds the lock.
   *
   * @returns a promise of what {@link acquire} returns; it rejects with what that throws, or with the signal's reason
   * @throws InvalidArgumentError, as a rejection
   */
  async acquireAsync(options?: AcquireAsyncOptions): Promise<boolean> {
    const checked = checkOptions('acquireAsync', options, ACQUIRE_ASYNC)
    checked.signal?.throwIfAborted()
    this.checkOpen()
    if (!this.waiter.occupied && this.#tryFast()) return false
    if (checked.timeout === 0 && (this.isBusyHere() || this.waiter.occupied)) throw this.#error(TIMED_OUT, 0)
    return this.waiter.enter(0, checked.recover ?? false, checked)
  }

  /**
   * Takes the lock for a wait that had given it back, and that ends only when it has it again: not even the end of the
   * run keeps it from that. Blocks.
   *
   * @returns as {@link acquire}
   * @throws OwnerDiedError, ClosedError
   * @internal
   */
  retake(recover: boolean): boolean {
    if (this.#tryFast()) return false
    return this.#granted(this.waiter.block(0, recover, Number.POSITIVE_INFINITY, true))
  }

  /**
   * Like {@link retake}, without blocking the thread.
   *
   * @internal
   */
  async retakeAsync(recover: boolean): Promise<boolean> {
    this.checkOpen()
    if (!this.waiter.occupied && this.#tryFast()) return false
    return this.waiter.enter(0, recover, {}, true)
  }

  /**
   * Gives the lock back. A lock that was recovered and not cleared stays poisoned.
   *
   * @throws NotOwnerError when this thread does not hold it; nothing has changed then
   * @throws ClosedError
   */
  release(): void {
    this.checkOpen()
    const entered = this.#entered
    if (entered > 0) this.#entered -= 1
    if (entered === 0 || !this.giveBack()) {
      throw new NotOwnerError(`${this.#what} is not held by this thread, which releases it`, { lockName: this.name })
    }
    this.released()
  }

  /**
   * Holds the lock while `fn` runs and, where `fn` returns a promise, until that settles. Acquires as {@link acquire}.
   *
   * @returns what `fn` returns
   */
  withLock<T>(fn: () => T, options?: AcquireOptions): T {
    checkFunction('withLock', fn)
    this.acquire(options)
    return runSection(fn, () => this.release())
  }

  /** Like {@link withLock}, acquiring as {@link acquireAsync}. */
  async withLockAsync<T>(fn: () => T, options?: AcquireAsyncOptions): Promise<Awaited<T>> {
    checkFunction('withLockAsync', fn)
    await this.acquireAsync(options)
    return (await runSection(fn, () => this.release())) as Awaited<T>
  }

  /** Acquires as {@link acquire}; the guard releases: `using guard = lock.guard()`. */
  guard(options?: AcquireOptions): LockGuard {
    return guardOf(() => this.release(), { recovered: this.acquire(options) })
  }

  /** Acquires as {@link acquireAsync}; the guard releases: `using guard = await lock.guardAsync()`. */
  async guardAsync(options?: AcquireAsyncOptions): Promise<LockGuard> {
    return guardOf(() => this.release(), { recovered: await this.acquireAsync(options) })
  }

  /** Whether this thread holds the lock. */
  get held(): boolean {
    this.checkOpen()
    return this.#entered > 0
  }

  /**
   * Ends the asynchronous acquires of this thread: the task that they belong to is over.
   *
   * @internal
   */
  callOff(reason: unknown): void {
    this.waiter.callOffAll(reason)
  }

  /**
   * Lets the asynchronous acquires of this thread try.
   *
   * @internal
   */
  advance(): void {
    if (this.waiter.occupied) this.waiter.advance()
  }

  /**
   * Whether somebody on this thread waits for it asynchronously.
   *
   * @internal
   */
  get isAwaitedHere(): boolean {
    return this.waiter.occupied
  }

  /** Takes it without a call of the binding, where that is possible. */
  protected takeFast(): boolean {
    return false
  }

  /** Gives it back. False, and nothing changed, where this thread does not hold it. */
  protected giveBack(): boolean {
    return this.waiter.giveBack(0)
  }

  /** Whether an asynchronous acquire of this thread has to wait for this thread. */
  protected isBusyHere(): boolean {
    return this.held
  }

  /** Whether a blocking wait of this thread could keep an asynchronous one from ever ending. */
  protected isAwaited(): boolean {
    return this.isAwaitedHere && !this.held
  }

  /** Of the same object. */
  protected otherWaiters(): readonly Waiter[] {
    return []
  }

  /** Something on this thread has been given back. */
  protected released(): void {
    this.advance()
  }

  /** The worker that died while it held the lock; less than 0 for none. */
  protected abstract lastDeadWorker(): number

  /** @throws ClosedError */
  protected checkOpen(): void {
    if (this.#place.words.length === 0) throw closedError(this.#what)
  }

  #tryFast(): boolean {
    if (!this.takeFast()) return false
    this.#enter()
    return true
  }

  #wait(timeout: number, recover: boolean): boolean {
    this.checkOpen()
    if (this.#tryFast()) return false
    if (!this.isAwaited()) return this.#granted(this.waiter.block(0, recover, timeout), timeout)
    const status = this.waiter.attempt(0, recover)
    if (status !== TIMED_OUT && status !== DEADLOCK) return this.#granted(status)
    throw blockingError(this.#what, { lockName: this.name })
  }

  /** Whether a status that holds the lock is a recovery; throws for those that do not hold it. */
  #granted(status: number, timeout?: number): boolean {
    if (!holds(status)) throw this.#error(status, timeout)
    this.#enter()
    return status === ACQUIRED_POISONED
  }

  #enter(): void {
    // Not one more where it cannot be: a task that was left while it held the run's own lock never released it.
    this.#entered = this.#nests ? this.#entered + 1 : 1
  }

  #error(status: number, timeout?: number): Error {
    const lockName = this.name
    switch (status) {
      case OWNER_DIED: {
        const lastDead = this.lastDeadWorker()
        const workerId = lastDead < 0 ? null : lastDead
        const who = workerId === null ? 'a participant' : `worker ${workerId}`
        return new OwnerDiedError(
          `${who} died, or left its task, while it held ${this.#what}: what the lock protects may be half done; acquire({ recover: true }) takes it over`,
          { workerId, lockName },
        )
      }
      case TIMED_OUT:
        return new TimeoutError(`${this.#what} could not be had within ${timeout} ms`, { lockName, timeout })
      case DEADLOCK:
        return new DeadlockError(`this thread holds ${this.#what} already`, { lockName })
      default:
        return closedError(this.#what)
    }
  }
}
