import { DeadlockError, InvalidArgumentError, NotOwnerError, OwnerDiedError, TimeoutError } from './errors.js'
import type { Session } from './native.js'
import { native } from './native.js'
import { checkOptions, show } from './options.js'
import {
  ACQUIRED,
  ACQUIRED_POISONED,
  AGAIN,
  closedError,
  DEADLOCK,
  deadlineOf,
  LockQueue,
  OWNER_DIED,
  TIMED_OUT,
  type TimeoutOptions,
  timeLeft,
  type WaitOptions,
} from './wait.js'

/** How {@link Lock.acquire} waits. */
export interface AcquireOptions extends TimeoutOptions {
  /** Takes the lock over from a holder that died, instead of throwing OwnerDiedError. */
  recover?: boolean
}

/** How {@link Lock.acquireAsync} waits. */
export interface AcquireAsyncOptions extends AcquireOptions, WaitOptions {}

/** What {@link Lock.guard} returns: releases the lock at the end of a `using` block. */
export interface LockGuard extends Disposable {
  /** Whether the lock was taken over from a holder that died. */
  readonly recovered: boolean
  /** Releases the lock; later calls do nothing. */
  release(): void
}

/** Flags of the binding's `lockSlice`. */
const RECOVER = 1
const RESUMED = 2
const TRY = 4

const ACQUIRE = { timeout: 'time', recover: 'boolean' } as const
const ACQUIRE_ASYNC = { ...ACQUIRE, signal: 'signal' } as const

/**
 * A mutual exclusion lock between all processes of a cluster.
 *
 * One *thread* holds it at a time (a worker, main, or a worker_thread of one), and releases it; it is not reentrant.
 * The death of the holder is an answer: whoever waits, and whoever comes, gets an {@link OwnerDiedError}, until
 * somebody takes it over with `recover` and calls {@link clearPoison}. A task that is left while it holds the run's
 * own lock counts as a death.
 *
 * Free, it is taken and given back without a system call. Newcomers may overtake those who wait.
 */
export class Lock {
  /** Its name in the cluster. */
  readonly name: string
  readonly #session: Session
  readonly #words: Int32Array
  readonly #at: number
  readonly #index: number
  readonly #me: number
  readonly #bits: { readonly POISON: number; readonly OWNER_MASK: number }
  readonly #interrupt: () => void
  readonly #queue: LockQueue
  /** Somebody on this thread was told that it holds the lock: an asynchronous grant on its way does not count. */
  #entered = false

  /** @internal */
  constructor(session: Session, words: Int32Array, index: number, name: string, me: number, interrupt: () => void) {
    this.name = name
    this.#session = session
    this.#words = words
    this.#at = native.objectOffset(session, index) >> 2
    this.#index = index
    this.#me = me
    this.#bits = native.layout(session)
    this.#interrupt = interrupt
    this.#queue = new LockQueue({
      isOpen: () => this.#words.length !== 0,
      heldHere: () => this.held,
      attempt: recover => native.lockSlice(session, index, (recover ? RECOVER : 0) | TRY, -1),
      wait: (recover, done) => native.lockWait(session, index, recover ? RECOVER : 0, -1, done),
      entered: () => {
        this.#entered = true
      },
      giveBack: () => native.lockRelease(session, index),
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
    this.#checkOpen()
    const status = this.#slice((recover ? RECOVER : 0) | TRY, -1)
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
    this.#checkOpen()
    if (!this.#queue.occupied && this.#tryFast()) return false
    if (checked.timeout === 0 && (this.held || this.#queue.occupied)) throw this.#error(TIMED_OUT, 0)
    return this.#queue.enter(checked.recover ?? false, checked)
  }

  /**
   * Gives the lock back. A lock that was recovered and not cleared stays poisoned.
   *
   * @throws NotOwnerError when this thread does not hold it; nothing has changed then
   * @throws ClosedError
   */
  release(): void {
    this.#checkOpen()
    const entered = this.#entered
    this.#entered = false
    if (
      !entered ||
      (Atomics.compareExchange(this.#words, this.#at, this.#me, 0) !== this.#me &&
        native.lockRelease(this.#session, this.#index) === 0)
    ) {
      throw new NotOwnerError(`lock '${this.name}' is not held by this thread, which releases it`, {
        lockName: this.name,
      })
    }
    if (this.#queue.occupied) this.#queue.advance()
  }

  /**
   * Holds the lock while `fn` runs and, where `fn` returns a promise, until that settles. Acquires as {@link acquire}.
   *
   * @returns what `fn` returns
   */
  withLock<T>(fn: () => T, options?: AcquireOptions): T {
    checkFunction('withLock', fn)
    this.acquire(options)
    return this.#run(fn)
  }

  /** Like {@link withLock}, acquiring as {@link acquireAsync}. */
  async withLockAsync<T>(fn: () => T, options?: AcquireAsyncOptions): Promise<Awaited<T>> {
    checkFunction('withLockAsync', fn)
    await this.acquireAsync(options)
    return (await this.#run(fn)) as Awaited<T>
  }

  /** Acquires as {@link acquire}; the guard releases: `using guard = lock.guard()`. */
  guard(options?: AcquireOptions): LockGuard {
    return this.#makeGuard(this.acquire(options))
  }

  /** Acquires as {@link acquireAsync}; the guard releases: `using guard = await lock.guardAsync()`. */
  async guardAsync(options?: AcquireAsyncOptions): Promise<LockGuard> {
    return this.#makeGuard(await this.acquireAsync(options))
  }

  /** Whether this thread holds the lock. */
  get held(): boolean {
    return (Atomics.load(this.#open(), this.#at) & this.#bits.OWNER_MASK) === this.#me && this.#entered
  }

  /** Whether a holder died, or left its task, and nobody has called {@link clearPoison} since. */
  get poisoned(): boolean {
    return (Atomics.load(this.#open(), this.#at) & this.#bits.POISON) !== 0
  }

  /**
   * Says that what the lock protects is whole again.
   *
   * @throws NotOwnerError when this thread does not hold it
   * @throws ClosedError
   */
  clearPoison(): void {
    this.#checkOpen()
    if (native.lockClearPoison(this.#session, this.#index) === 0) {
      throw new NotOwnerError(
        `lock '${this.name}' is not held by this thread: take it with acquire({ recover: true }) before clearPoison()`,
        { lockName: this.name },
      )
    }
  }

  /**
   * Ends the asynchronous acquires of this thread: the task that they belong to is over.
   *
   * @internal
   */
  callOff(reason: unknown): void {
    this.#queue.callOffAll(reason)
  }

  #tryFast(): boolean {
    if (this.#words.length === 0 || Atomics.compareExchange(this.#words, this.#at, 0, this.#me) !== 0) return false
    this.#entered = true
    return true
  }

  #wait(timeout: number, recover: boolean): boolean {
    this.#checkOpen()
    if (this.#tryFast()) return false
    if (this.#queue.occupied && !this.held) {
      throw new DeadlockError(
        `this thread waits for lock '${this.name}' asynchronously already: a blocking wait could keep that one from ever releasing it`,
        { lockName: this.name },
      )
    }
    const deadline = deadlineOf(timeout)
    let flags = recover ? RECOVER : 0
    for (;;) {
      const status = this.#slice(flags, timeLeft(deadline))
      if (status !== AGAIN) return this.#granted(status, timeout)
      flags |= RESUMED
      try {
        this.#interrupt()
      } catch (reason) {
        native.lockAbandon(this.#session, this.#index)
        throw reason
      }
    }
  }

  #slice(flags: number, timeout: number): number {
    const status = native.lockSlice(this.#session, this.#index, flags, timeout)
    if (status !== DEADLOCK || this.#entered || !this.#queue.adopt()) return status
    // An asynchronous wait of this thread that was called off had been granted before it could end.
    this.#entered = true
    if (!this.poisoned) return ACQUIRED
    if ((flags & RECOVER) !== 0) return ACQUIRED_POISONED
    this.release()
    return OWNER_DIED
  }

  /** Whether a status that holds the lock is a recovery; throws for those that do not hold it. */
  #granted(status: number, timeout?: number): boolean {
    if (status !== ACQUIRED && status !== ACQUIRED_POISONED) throw this.#error(status, timeout)
    this.#entered = true
    return status === ACQUIRED_POISONED
  }

  #error(status: number, timeout?: number): Error {
    const lockName = this.name
    switch (status) {
      case OWNER_DIED: {
        const { lastDeadWorker } = native.lockInfo(this.#session, this.#index)
        const workerId = lastDeadWorker < 0 ? null : lastDeadWorker
        const who = workerId === null ? 'a participant' : `worker ${workerId}`
        return new OwnerDiedError(
          `${who} died, or left its task, while it held lock '${lockName}': what the lock protects may be half done; acquire({ recover: true }) takes it over`,
          { workerId, lockName },
        )
      }
      case TIMED_OUT:
        return new TimeoutError(`lock '${lockName}' could not be had within ${timeout} ms`, { lockName, timeout })
      case DEADLOCK:
        return new DeadlockError(`this thread holds lock '${lockName}' already`, { lockName })
      default:
        return this.#closed()
    }
  }

  #run<T>(fn: () => T): T {
    let result: T
    try {
      result = fn()
    } catch (error) {
      this.#releaseAfterThrow()
      throw error
    }
    if (!isThenable(result)) {
      this.release()
      return result
    }
    return Promise.resolve(result).then(
      value => {
        this.release()
        return value
      },
      error => {
        this.#releaseAfterThrow()
        throw error
      },
    ) as T
  }

  /** What was thrown is the news, not that the lock was lost on the way. */
  #releaseAfterThrow(): void {
    try {
      this.release()
    } catch {}
  }

  #makeGuard(recovered: boolean): LockGuard {
    let held = true
    const release = () => {
      if (!held) return
      held = false
      this.release()
    }
    return { recovered, release, [Symbol.dispose]: release }
  }

  /** The words, which a close of the cluster takes away. */
  #open(): Int32Array {
    this.#checkOpen()
    return this.#words
  }

  #checkOpen(): void {
    if (this.#words.length === 0) throw this.#closed()
  }

  #closed(): Error {
    return closedError(`lock '${this.name}'`)
  }
}

function checkFunction(call: string, fn: unknown): void {
  if (typeof fn !== 'function') throw new InvalidArgumentError(`${call} takes a function, not ${show(fn)}`)
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
}
