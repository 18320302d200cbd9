/**
 * What stands before a lock word for those who wait without blocking their thread.
 */
import { ClosedError } from './errors.js'
import type { Wait } from './native.js'
import { native } from './native.js'

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

function holds(status: number): boolean {
  return status === ACQUIRED || status === ACQUIRED_POISONED
}

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
class Ticket {
  readonly recover: boolean
  readonly promise: Promise<boolean>
  #resolve!: (recovered: boolean) => void
  #reject!: (reason: unknown) => void
  #cleanUp: (() => void) | undefined
  #settled = false

  constructor(recover: boolean) {
    this.recover = recover
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

/** What a {@link LockQueue} stands before. */
export interface Gate {
  /** Whether the cluster is open. */
  isOpen(): boolean
  /** Whether this thread holds the lock. */
  heldHere(): boolean
  /** Takes the lock if it can be had at once: a status, {@link TIMED_OUT} where somebody holds it. */
  attempt(recover: boolean): number
  /** Waits on another thread. */
  wait(recover: boolean, done: (status: number) => void): Wait
  /** Is told when the lock is held for a ticket. */
  entered(): void
  /** Gives back what was granted to a wait that had been called off. */
  giveBack(): void
  /** The error that a status stands for. */
  error(status: number, timeout?: number): Error
}

/**
 * The asynchronous acquires of one thread, first come, first served. Only the first of them waits for the word, so
 * that one thread is enough for any number of them, and none takes the holder on its own thread for a deadlock.
 */
export class LockQueue {
  readonly #gate: Gate
  #tickets: Ticket[] = []
  /** The wait for the word that is on, for the ticket that was first when it began. */
  #wait: { handle: Wait; ticket: Ticket; adopted: boolean } | undefined

  constructor(gate: Gate) {
    this.#gate = gate
  }

  /** Whether somebody on this thread waits for the lock. */
  get occupied(): boolean {
    return this.#tickets.length > 0
  }

  /**
   * For a blocking acquire that finds the lock with this thread, although nobody here holds it: a wait that was called
   * off was granted before it could end. The lock is the caller's now, and is not given back. False if that is not so.
   */
  adopt(): boolean {
    if (this.#wait === undefined || this.#wait.adopted || !this.#wait.ticket.settled) return false
    this.#wait.adopted = true
    return true
  }

  /** Resolves when the lock is held: whether it was recovered. */
  enter(recover: boolean, options: WaitOptions): Promise<boolean> {
    const ticket = new Ticket(recover)
    this.#tickets.push(ticket)
    this.advance()
    if (!ticket.settled) {
      ticket.watch(
        options,
        () => this.#gate.error(TIMED_OUT, options.timeout),
        reason => this.#callOff(ticket, reason),
      )
    }
    return ticket.promise
  }

  /** Lets the first one try, when the lock may have become free. */
  advance(): void {
    if (!this.#gate.isOpen()) {
      this.callOffAll(this.#gate.error(CANCELLED))
      return
    }
    while (this.#wait === undefined && this.#tickets.length > 0 && !this.#gate.heldHere()) {
      const ticket = this.#tickets[0]
      const status = this.#gate.attempt(ticket.recover)
      if (status !== TIMED_OUT) {
        this.#settle(ticket, status)
        continue
      }
      const handle = this.#gate.wait(ticket.recover, status => {
        const adopted = wait.adopted
        this.#wait = undefined
        if (!ticket.settled) this.#settle(ticket, status)
        else if (holds(status) && !adopted) this.#gate.giveBack()
        this.advance()
      })
      const wait = { handle, ticket, adopted: false }
      this.#wait = wait
    }
  }

  /** Ends all waits: the task that they belonged to is over. */
  callOffAll(reason: unknown): void {
    for (const ticket of [...this.#tickets]) this.#callOff(ticket, reason)
  }

  #settle(ticket: Ticket, status: number): void {
    this.#remove(ticket)
    if (holds(status)) {
      this.#gate.entered()
      ticket.resolve(status === ACQUIRED_POISONED)
    } else {
      ticket.reject(this.#gate.error(status))
    }
  }

  #callOff(ticket: Ticket, reason: unknown): void {
    this.#remove(ticket)
    ticket.reject(reason)
    // Its callback still comes, and gives back what was granted in between.
    if (this.#wait?.ticket === ticket) native.waitCancel(this.#wait.handle)
  }

  #remove(ticket: Ticket): void {
    this.#tickets = this.#tickets.filter(other => other !== ticket)
  }
}

/** The error of whoever waited for something that was closed. */
export function closedError(what: string): ClosedError {
  return new ClosedError(`${what} belongs to a cluster that was closed`)
}
