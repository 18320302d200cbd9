import { Barrier } from './barrier.js'
import { ClosedError } from './errors.js'
import { Lock } from './lock.js'
import { native } from './native.js'
import { checkName, checkOptions } from './options.js'
import type { Session } from './session.js'

/** Options of {@link Cluster.createBarrier}. */
export interface CreateBarrierOptions {
  /** How many have to come before all may pass. Default: the number of workers. */
  parties?: number
}

// The binding's ObjectKind; a `const enum` of a declaration file has no values at run time.
const LOCK = 1
const BARRIER = 2

/** Where the run's own lock and barrier are. */
const DEFAULT_LOCK = 0
const DEFAULT_BARRIER = 1

/** The locks and barriers of a cluster as one participant sees them: one JS object for each, since it has a queue. */
export class ObjectTable {
  readonly #session: Session
  readonly #interrupt: () => void
  readonly #runNumber: () => number
  readonly #locks = new Map<string, Lock>()
  readonly #barriers = new Map<string, Barrier>()
  #lock: Lock | undefined
  #barrier: Barrier | undefined

  /** `interrupt` throws when a wait is to be given up; `runNumber` says which run the default barrier is to be of. */
  constructor(session: Session, interrupt: () => void, runNumber: () => number) {
    this.#session = session
    this.#interrupt = interrupt
    this.#runNumber = runNumber
  }

  defaultLock(): Lock {
    this.#lock ??= this.#makeLock('default', DEFAULT_LOCK)
    return this.#lock
  }

  defaultBarrier(): Barrier {
    this.#barrier ??= this.#makeBarrier('default', DEFAULT_BARRIER, this.#runNumber)
    return this.#barrier
  }

  /** The run is being cancelled: ends the asynchronous waits of this thread, as `interrupt` ends the blocking ones. */
  callOff(reason: unknown): void {
    for (const made of [...this.#locks.values(), ...this.#barriers.values()]) made.callOff(reason)
    this.#lock?.callOff(reason)
    this.#barrier?.callOff(reason)
  }

  /** The task is over: no late grant of the run's own lock may reach into the next run. */
  endTask(): void {
    this.#lock?.callOff(new ClosedError("the task that waited for the run's own lock is over"))
  }

  createLock(name: string): Lock {
    const index = native.objectCreate(this.#session.handle, LOCK, checkName('lock', name), 0)
    return this.#keep(this.#locks, name, this.#makeLock(name, index))
  }

  getLock(name: string): Lock {
    return (
      this.#locks.get(name) ??
      this.#keep(
        this.#locks,
        name,
        this.#makeLock(name, native.objectFind(this.#session.handle, LOCK, checkName('lock', name))),
      )
    )
  }

  createBarrier(name: string, options: CreateBarrierOptions | undefined): Barrier {
    checkName('barrier', name)
    const { workers } = this.#session.facts
    const { parties = workers } = checkOptions('createBarrier', options, { parties: 'count' })
    const index = native.objectCreate(this.#session.handle, BARRIER, name, parties)
    return this.#keep(this.#barriers, name, this.#makeBarrier(name, index))
  }

  getBarrier(name: string): Barrier {
    return (
      this.#barriers.get(name) ??
      this.#keep(
        this.#barriers,
        name,
        this.#makeBarrier(name, native.objectFind(this.#session.handle, BARRIER, checkName('barrier', name))),
      )
    )
  }

  #makeLock(name: string, index: number): Lock {
    const { handle, words, facts } = this.#session
    return new Lock(handle, words, index, name, facts.owner, this.#interrupt)
  }

  #makeBarrier(name: string, index: number, epoch?: () => number): Barrier {
    return new Barrier(this.#session.handle, index, name, this.#interrupt, epoch)
  }

  #keep<T>(table: Map<string, T>, name: string, made: T): T {
    table.set(name, made)
    return made
  }
}
