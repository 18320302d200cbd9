/** Waits: their options, what they come to, and the tickets of those who wait without blocking their thread. */
import { ClosedError, DeadlockError, type ErrorDetails } from './errors.js'

/** How long a blocking wait lasts at most. */
export interface TimeoutOptions {
  /** Milliseconds, Infinity (the default) for no end. */
  timeout?: number
}

/** How an asynchronous wait ends early. */
export interface WaitOptions extends TimeoutOptions {
  /** Ends the wait when it aborts; the promise then rejects with its reason. */
  signal?: AbortSignal
}

/** What a slice of waiting comes to: the binding's numbers. */
export const AGAIN = 0
export const ACQUIRED = 1
export const ACQUIRED_POISONED = 2
export const OWNER_DIED = 3
export const TIMED_OUT = 4
export const DEADLOCK = 5
export const CANCELLED = 6
export const HALFWAY = 7
export const OVER = 8

/** A longer timer fires at once. */
const LONGEST_TIMER = 2 ** 31 - 1

/** When a wait of `timeout` milliseconds is over. */
export function deadlineOf(timeout: number): number {
  return timeout === Number.POSITIVE_INFINITY ? timeout : performance.now() + timeout
}

/** What is left until then, as the binding takes it: less than 0 for no end. */
export function timeLeft(deadline: number): number {
  return deadline === Number.POSITIVE_INFINITY ? -1 : Math.max(0, deadline - performance.now())
}

/** One asynchronous wait: a promise that is settled once, by whoever comes first. */
export class Ticket {
  /** What the operation goes with: permits, or what was there when the wait began. */
  readonly argument: number
  readonly recover: boolean
  /** Whether it goes on when the waits of its task are ended. */
  readonly lasting: boolean
  readonly promise: Promise<boolean>
  #resolve!: (recovered: boolean) => void
  #reject!: (reason: unknown) => void
  #cleanUp: (() => void) | undefined
  #settled = false

  constructor(argument: number, recover: boolean, lasting: boolean) {
    this.argument = argument
    this.recover = recover
    this.lasting = lasting
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get settled(): boolean {
    return this.#settled
  }

  /** From now on, `timeout` and `signal` end it through `callOff`. */
  watch(options: WaitOptions, timedOut: () => Error, callOff: (reason: unknown) => void): void {
    const { timeout = Number.POSITIVE_INFINITY, signal } = options
    const timer = timeout <= LONGEST_TIMER ? setTimeout(() => callOff(timedOut()), timeout) : undefined
    const aborted = () => callOff(signal?.reason)
    signal?.addEventListener('abort', aborted, { once: true })
    this.#cleanUp = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', aborted)
    }
  }

  resolve(recovered: boolean): void {
    if (this.#finish()) this.#resolve(recovered)
  }

  reject(reason: unknown): void {
    if (this.#finish()) this.#reject(reason)
  }

  #finish(): boolean {
    if (this.#settled) return false
    this.#settled = true
    this.#cleanUp?.()
    return true
  }
}

/** The error of whoever waited for something that was closed. */
export function closedError(what: string): ClosedError {
  return new ClosedError(`${what} belongs to a cluster that was closed`)
}

/** The error of whoever would block a thread that waits for the same asynchronously. */
export function blockingError(what: string, details: ErrorDetails): DeadlockError {
  return new DeadlockError(
    `this thread waits for ${what} asynchronously already: a blocking wait could keep that one from ever releasing it`,
    details,
  )
}
