import { BrokenBarrierError, type BrokenBarrierReason, ClosedError, DeadlockError, TimeoutError } from './errors.js'
import type { Session } from './native.js'
import { native } from './native.js'
import { checkOptions } from './options.js'
import { AGAIN, closedError, deadlineOf, TIMED_OUT, type TimeoutOptions, timeLeft, type WaitOptions } from './wait.js'
import type { Place } from './waiter.js'

/** What an arrival comes to: the binding's numbers, in the low four bits of a status. */
const STATUS_BITS = 4
const STATUS = (1 << STATUS_BITS) - 1
const PASSED = 1
const BROKEN = 3
const ALREADY_ARRIVED = 5
const CANCELLED = 6
const WRONG_EPOCH = 7

/** Why a barrier is broken: the binding's numbers. */
const REASONS: readonly BrokenBarrierReason[] = ['returned', 'threw', 'timeout', 'broken', 'died', 'cancelled']
const EXPLICIT = 3
const RUN_CANCELLED = 5

/** No end, as the binding takes it. */
const FOREVER = -1

/**
 * A barrier between processes: whoever comes waits until all have come; then all go on, and the next round begins.
 *
 * When a party cannot come any more, nobody is left waiting: its death, its leaving the task, a time-out, an abort and
 * {@link break} break the barrier for all, with a {@link BrokenBarrierError} that says who and why. A named barrier
 * stays broken until {@link reset}; the run's own is fresh in each run.
 *
 * A named barrier knows a party from its first arrival on. The death of a worker that has never come to it is not
 * noticed by the barrier itself; the end of the run frees those who wait.
 */
export class Barrier {
  /** Its name in the cluster. */
  readonly name: string
  readonly #session: Session
  readonly #index: number
  readonly #interrupt: () => void
  readonly #run: (() => number) | undefined
  #callOff: ((reason: unknown) => void) | undefined

  /**
   * `run` says which run the default barrier is to be of; a named one has none.
   *
   * @internal
   */
  constructor(place: Place, run?: () => number) {
    this.name = place.name
    this.#session = place.session
    this.#index = place.index
    this.#interrupt = place.interrupt
    this.#run = run
  }

  /**
   * Waits until all have come. Blocks the thread. What each did before it came is seen by all after it.
   *
   * @returns the index of arrival: 0 for the first that came in this round, parties - 1 for the last
   * @throws BrokenBarrierError when the barrier is, or gets, broken or reset
   * @throws TimeoutError after `timeout` milliseconds; the barrier is broken then, for all
   * @throws DeadlockError when this thread waits in it asynchronously already
   * @throws InvalidArgumentError, ClosedError
   */
  wait(options?: TimeoutOptions): number {
    let timeout = Number.POSITIVE_INFINITY
    if (options !== undefined) timeout = checkOptions('wait', options, { timeout: 'time' }).timeout ?? timeout
    this.#checkAlone()
    const deadline = deadlineOf(timeout)
    let status = native.barrierArrive(this.#session, this.#index, this.#epoch(), timeLeft(deadline), false)
    while ((status & STATUS) === AGAIN) {
      try {
        this.#interrupt()
      } catch (reason) {
        native.barrierBreak(this.#session, this.#index, RUN_CANCELLED)
        throw reason
      }
      status = native.barrierSlice(this.#session, this.#index, timeLeft(deadline))
    }
    return this.#passed(status, timeout)
  }

  /**
   * Waits until all have come, without blocking the thread. A thread waits once at a time.
   *
   * @returns a promise of what {@link wait} returns; it rejects with what that throws, or with the signal's reason: the
   *   barrier is broken then, for all, unless all had come before
   * @throws InvalidArgumentError, as a rejection
   */
  async waitAsync(options?: WaitOptions): Promise<number> {
    const { timeout = Number.POSITIVE_INFINITY, signal } = checkOptions('waitAsync', options, {
      timeout: 'time',
      signal: 'signal',
    })
    signal?.throwIfAborted()
    this.#checkAlone()
    const deadline = deadlineOf(timeout)
    const arrival = native.barrierArrive(this.#session, this.#index, this.#epoch(), FOREVER, true)
    if ((arrival & STATUS) !== AGAIN) return this.#passed(arrival, timeout)

    let reason: unknown
    let status = 0
    let abort: (() => void) | undefined
    try {
      status = await new Promise<number>(resolve => {
        const wait = native.barrierWait(this.#session, this.#index, timeLeft(deadline), resolve)
        // Not rejected at once: the last party may have come just before, and then this one has passed as well.
        this.#callOff = why => {
          reason = why
          native.waitCancel(wait)
        }
        abort = () => this.#callOff?.(signal?.reason)
        signal?.addEventListener('abort', abort, { once: true })
      })
    } finally {
      this.#callOff = undefined
      if (abort !== undefined) signal?.removeEventListener('abort', abort)
    }
    if ((status & STATUS) === CANCELLED && reason !== undefined) throw reason
    return this.#passed(status, timeout)
  }

  /**
   * Makes the barrier sound again. Whoever waits in it gets a BrokenBarrierError.
   *
   * @throws ClosedError
   */
  reset(): void {
    native.barrierReset(this.#session, this.#index)
  }

  /**
   * Breaks the barrier for all who wait and all who come.
   *
   * @throws ClosedError
   */
  break(): void {
    native.barrierBreak(this.#session, this.#index, EXPLICIT)
  }

  /** Whether the barrier is broken. */
  get broken(): boolean {
    return native.barrierInfo(this.#session, this.#index).broken
  }

  /** How many have to come. */
  get parties(): number {
    return native.barrierInfo(this.#session, this.#index).parties
  }

  /**
   * Ends the asynchronous wait of this thread: the task that it belongs to is over.
   *
   * @internal
   */
  callOff(reason: unknown): void {
    this.#callOff?.(reason)
  }

  /** The epoch that this thread may arrive in; 0 for any. */
  #epoch(): number {
    if (this.#run === undefined) return 0
    const run = this.#run()
    if (run === 0) throw new ClosedError("the run's own barrier exists inside a task only", { barrierName: this.name })
    return run
  }

  #passed(status: number, timeout: number): number {
    if ((status & STATUS) === PASSED) return status >> STATUS_BITS
    throw this.#error(status & STATUS, timeout)
  }

  #error(status: number, timeout: number): Error {
    const barrierName = this.name
    switch (status) {
      case BROKEN:
        return this.#brokenError()
      case TIMED_OUT: {
        const missing = inOrder(native.barrierInfo(this.#session, this.#index).missing)
        return new TimeoutError(
          `not all came to barrier '${barrierName}' within ${timeout} ms, so it is broken now${missingText(missing)}`,
          { barrierName, timeout, missing },
        )
      }
      case ALREADY_ARRIVED:
        return this.#inItAlready()
      case WRONG_EPOCH:
        return new ClosedError(`the run that barrier '${barrierName}' was for is over`, { barrierName })
      default:
        return closedError(`barrier '${barrierName}'`)
    }
  }

  /** Also from the end of a round until its promise has settled: the binding keeps one arrival for each thread. */
  #checkAlone(): void {
    if (this.#callOff !== undefined) throw this.#inItAlready()
  }

  #inItAlready(): Error {
    return new DeadlockError(`this thread waits in barrier '${this.name}' already`, { barrierName: this.name })
  }

  #brokenError(): BrokenBarrierError {
    const barrierName = this.name
    const { broken, reason: code, byWorker, missing: late } = native.barrierInfo(this.#session, this.#index)
    const missing = broken ? inOrder(late) : []
    // Broken for those who waited, and sound again: somebody has reset it.
    const reason = broken ? (REASONS[code] ?? 'broken') : 'reset'
    const workerId = !broken || byWorker < 0 ? null : byWorker
    const who = workerId === null ? 'a participant' : `worker ${workerId}`
    return new BrokenBarrierError(
      `barrier '${barrierName}' is broken: ${describe(reason, who)}${missingText(missing)}`,
      { barrierName, reason, workerId, missing },
    )
  }
}

function describe(reason: BrokenBarrierReason, who: string): string {
  switch (reason) {
    case 'returned':
      return `${who} returned from its task`
    case 'threw':
      return `${who} threw`
    case 'timeout':
      return `${who} gave up waiting`
    case 'broken':
      return `${who} broke it`
    case 'died':
      return `${who} died`
    case 'cancelled':
      return 'the run was cancelled'
    case 'reset':
      return 'it was reset'
  }
}

/** Workers come by slot, and slots are taken in any order. */
function inOrder(workers: readonly number[]): number[] {
  return [...workers].sort((a, b) => a - b)
}

function missingText(missing: readonly number[]): string {
  if (missing.length === 0) return ''
  return missing.length === 1 ? ` (worker ${missing[0]} had not come)` : ` (workers ${missing.join(', ')} had not come)`
}
