import { ClosedError } from './errors.js'
import type { Session, Wait } from './native.js'
import { native } from './native.js'
import {
  ACQUIRED,
  ACQUIRED_POISONED,
  AGAIN,
  CANCELLED,
  deadlineOf,
  HALFWAY,
  TIMED_OUT,
  Ticket,
  timeLeft,
  type WaitOptions,
} from './wait.js'

/** Flags of the binding's `waitSlice`. */
const RECOVER = 1
const RESUMED = 2
const TRY = 4
const PART_IN_HAND = 8
const QUEUED = 16

/** An object as one participant finds it. */
export interface Place {
  readonly session: Session
  /** The control segment's words; none once the cluster is closed. */
  readonly words: Int32Array
  readonly index: number
  readonly name: string
  /** This participant, as it stands in the words. */
  readonly me: number
  /** Throws when a blocking wait is to be given up. */
  readonly interrupt: () => void
}

/** What a {@link Waiter} has to know of what it waits for. */
export interface Gate {
  /** Whether nobody on this thread can have it before somebody on it gives something back. */
  isHeldHere(): boolean
  /** Is told when a ticket with this argument has it. */
  entered(argument: number): void
  /** Is told when a ticket with this argument ends whose turn to wait at the word has not come. */
  left?(argument: number): void
  /** Other waits of this thread at the same object: those of them that were called off must not get in the way. */
  others?(): readonly Waiter[]
  /** The error that a status stands for. */
  error(status: number, timeout?: number): Error
}

/** Whether a status means that it is had now. */
export function holds(status: number): boolean {
  return status === ACQUIRED || status === ACQUIRED_POISONED
}

/**
 * How one thread waits for one thing at an object: blocking, or asynchronously and then first come, first served. Only
 * the first of those waits at the word, so that one native thread is enough for any number of them, and none takes the
 * holder on its own thread for a deadlock.
 */
export class Waiter {
  readonly #place: Place
  readonly #operation: number
  readonly #gate: Gate
  #tickets: Ticket[] = []
  /** The wait at the word that is on, for the ticket that was first when it began. */
  #wait: { handle: Wait; ticket: Ticket } | undefined

  constructor(place: Place, operation: number, gate: Gate) {
    this.#place = place
    this.#operation = operation
    this.#gate = gate
  }

  /** Whether somebody on this thread waits asynchronously. */
  get occupied(): boolean {
    return this.#tickets.length > 0
  }

  /** What can be had at once: a status, {@link TIMED_OUT} where it cannot. */
  attempt(argument: number, recover: boolean): number {
    this.#reapAll()
    return this.#slice(argument, flagsOf(recover) | TRY, -1)
  }

  /**
   * Waits, in slices that return here. Blocks. A status that is decided. `lasting`: the wait goes on when the run is
   * called off.
   */
  block(argument: number, recover: boolean, timeout: number, lasting = false): number {
    this.#reapAll()
    const deadline = deadlineOf(timeout)
    let flags = flagsOf(recover)
    for (;;) {
      const status = this.#slice(argument, flags, timeLeft(deadline))
      if (status !== AGAIN && status !== HALFWAY) return status
      flags = flagsOf(recover) | RESUMED | (status === HALFWAY ? PART_IN_HAND : 0)
      try {
        this.#place.interrupt()
      } catch (reason) {
        if (goesOn(lasting, reason)) continue
        native.waitAbandon(this.#place.session, this.#place.index, this.#operation, argument, flags)
        throw reason
      }
    }
  }

  /** Resolves when it is had: whether it was recovered. `lasting`: {@link callOffAll} does not end it. */
  enter(argument: number, recover: boolean, options: WaitOptions, lasting = false): Promise<boolean> {
    const ticket = new Ticket(argument, recover, lasting)
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

  /** Gives back what was had: false, and nothing changed, where this thread does not hold it. */
  giveBack(argument: number): boolean {
    return native.objectRelease(this.#place.session, this.#place.index, this.#operation, argument) !== 0
  }

  /** Lets the first ones try, when something may have become free. */
  advance(): void {
    if (this.#place.words.length === 0) {
      for (const ticket of [...this.#tickets]) this.#callOff(ticket, this.#gate.error(CANCELLED))
      return
    }
    while (this.#wait === undefined && this.#tickets.length > 0 && !this.#gate.isHeldHere()) {
      const ticket = this.#tickets[0]
      const status = this.#slice(ticket.argument, flagsOf(ticket.recover) | TRY | QUEUED, -1)
      if (status === TIMED_OUT) this.#waitFor(ticket)
      else this.#settle(ticket, status)
    }
  }

  /** Ends all waits: the task that they belonged to is over. */
  callOffAll(reason: unknown): void {
    for (const ticket of [...this.#tickets]) {
      if (!goesOn(ticket.lasting, reason)) this.#callOff(ticket, reason)
    }
    // At once, and not when its callback comes: who leaves the cluster next would leave behind what is granted meanwhile.
    if (this.#place.words.length > 0) this.#reap()
  }

  #slice(argument: number, flags: number, timeout: number): number {
    return native.waitSlice(this.#place.session, this.#place.index, this.#operation, argument, flags, timeout)
  }

  #waitFor(ticket: Ticket): void {
    const { session, index } = this.#place
    const done = (status: number) => {
      this.#wait = undefined
      if (!ticket.settled) this.#settle(ticket, status)
      // What a closed cluster has granted went with it.
      else if (holds(status) && this.#place.words.length > 0) this.giveBack(ticket.argument)
      this.advance()
    }
    const flags = flagsOf(ticket.recover)
    const handle = native.waitStart(session, index, this.#operation, ticket.argument, flags, done)
    this.#wait = { handle, ticket }
  }

  #reapAll(): void {
    this.#reap()
    for (const other of this.#gate.others?.() ?? []) other.#reap()
  }

  /**
   * Ends a wait that was called off and has not ended yet: it must not get in the way of this thread, which may not
   * return to its event loop soon.
   */
  #reap(): void {
    if (!this.#wait?.ticket.settled) return
    const { handle, ticket } = this.#wait
    this.#wait = undefined
    if (holds(native.waitJoin(this.#place.session, handle))) this.giveBack(ticket.argument)
    this.advance()
  }

  #settle(ticket: Ticket, status: number): void {
    this.#remove(ticket)
    if (holds(status)) {
      this.#gate.entered(ticket.argument)
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
    else this.#gate.left?.(ticket.argument)
  }

  #remove(ticket: Ticket): void {
    this.#tickets = this.#tickets.filter(other => other !== ticket)
  }
}

/** Only the end of the cluster ends a wait that is to last. */
function goesOn(lasting: boolean, reason: unknown): boolean {
  return lasting && !(reason instanceof ClosedError)
}

function flagsOf(recover: boolean): number {
  return recover ? RECOVER : 0
}
