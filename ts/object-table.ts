import { Barrier } from './barrier.js'
import { Condition } from './condition.js'
import { Counter } from './counter.js'
import { ClosedError, InvalidArgumentError } from './errors.js'
import { Latch } from './latch.js'
import { Lock } from './lock.js'
import { native, type ParticipantHandle } from './native.js'
import { Once } from './once.js'
import { checkName, show } from './options.js'
import { RwLock } from './rw-lock.js'
import { Semaphore } from './semaphore.js'
import type { Session } from './session.js'
import { SharedEvent } from './shared-event.js'
import type { Place } from './waiter.js'

/** What can be made by name, under what it is called in messages. */
export interface Objects {
  lock: Lock
  barrier: Barrier
  'reader-writer lock': RwLock
  semaphore: Semaphore
  event: SharedEvent
  latch: Latch
  once: Once
  counter: Counter
  condition: Condition
}

/** The binding's number of each kind, and what stands for it here. */
const KINDS: { [K in keyof Objects]: { code: number; make(place: Place, objects: ObjectTable): Objects[K] } } = {
  lock: { code: 1, make: place => new Lock(place) },
  barrier: { code: 2, make: place => new Barrier(place) },
  'reader-writer lock': { code: 3, make: place => new RwLock(place) },
  semaphore: { code: 4, make: place => new Semaphore(place) },
  event: { code: 5, make: place => new SharedEvent(place) },
  latch: { code: 6, make: place => new Latch(place) },
  once: { code: 7, make: place => new Once(place) },
  counter: { code: 8, make: place => new Counter(place) },
  condition: {
    code: 9,
    make: (place, objects) => {
      const { lock } = native.conditionInfo(place.session, place.index)
      return new Condition(place, objects.get('lock', lock))
    },
  },
}

/** Where the run's own lock and barrier are. */
const DEFAULT_LOCK = 0
const DEFAULT_BARRIER = 1

/** The locks, barriers and their kin of a cluster as one participant sees them: one JS object for each, as it has a queue. */
export class ObjectTable {
  readonly #session: Session
  readonly #interrupt: () => void
  readonly #runNumber: () => number
  readonly #made = new Map<string, Objects[keyof Objects]>()
  #lock: Lock | undefined
  #barrier: Barrier | undefined

  /** `interrupt` throws when a wait is to be given up; `runNumber` says which run the default barrier is to be of. */
  constructor(session: Session, interrupt: () => void, runNumber: () => number) {
    this.#session = session
    this.#interrupt = interrupt
    this.#runNumber = runNumber
  }

  /** The number of workers. */
  get workers(): number {
    return this.#session.facts.workers
  }

  /** Who this thread is, for native addons that act for it. */
  handle(): ParticipantHandle {
    return native.sessionHandle(this.#session.handle, this.#runNumber())
  }

  defaultLock(): Lock {
    this.#lock ??= new Lock(this.#place('default', DEFAULT_LOCK))
    return this.#lock
  }

  defaultBarrier(): Barrier {
    this.#barrier ??= new Barrier(this.#place('default', DEFAULT_BARRIER), this.#runNumber)
    return this.#barrier
  }

  /** The run is being cancelled: ends the asynchronous waits of this thread, as `interrupt` ends the blocking ones. */
  callOff(reason: unknown): void {
    for (const made of this.#made.values()) made.callOff(reason)
    this.#lock?.callOff(reason)
    this.#barrier?.callOff(reason)
  }

  /** The task is over: no late grant of the run's own lock may reach into the next run. */
  endTask(): void {
    this.#lock?.callOff(new ClosedError("the task that waited for the run's own lock is over"))
  }

  /** Makes an object. `parameter` and `option` are what the binding wants to know of it. */
  create<K extends keyof Objects>(kind: K, name: string, parameter = 0, option = 0): Objects[K] {
    const { code } = KINDS[kind]
    const index = native.objectCreate(this.#session.handle, code, checkName(kind, name), parameter, option)
    return this.#keep(kind, name, index)
  }

  /** Makes a condition that goes with `lock`. */
  createCondition(name: string, lock: unknown): Condition {
    const index = lock instanceof Lock ? lock.indexIn(this.#session.handle) : undefined
    if (index === undefined) {
      throw new InvalidArgumentError(`a condition goes with a lock of the same cluster, not with ${show(lock)}`)
    }
    return this.create('condition', name, index)
  }

  /** Finds an object. */
  get<K extends keyof Objects>(kind: K, name: string): Objects[K] {
    const made = this.#made.get(`${kind} ${name}`) as Objects[K] | undefined
    if (made !== undefined) return made
    return this.#keep(kind, name, native.objectFind(this.#session.handle, KINDS[kind].code, checkName(kind, name)))
  }

  #keep<K extends keyof Objects>(kind: K, name: string, index: number): Objects[K] {
    const made = KINDS[kind].make(this.#place(name, index), this)
    this.#made.set(`${kind} ${name}`, made)
    return made
  }

  #place(name: string, index: number): Place {
    const { handle, words, facts } = this.#session
    return { session: handle, words, index, name, me: facts.owner, interrupt: this.#interrupt }
  }
}
