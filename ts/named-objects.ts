import type { Barrier } from './barrier.js'
import type { Condition } from './condition.js'
import type { Counter } from './counter.js'
import { InvalidArgumentError } from './errors.js'
import type { Latch } from './latch.js'
import type { Lock } from './lock.js'
import type { ParticipantHandle } from './native.js'
import type { Objects, ObjectTable } from './object-table.js'
import type { Once } from './once.js'
import { checkOptions } from './options.js'
import type { RwLock } from './rw-lock.js'
import type { Semaphore } from './semaphore.js'
import type { SharedEvent } from './shared-event.js'

/** What main has made by name, as main and the tasks find it. */
export abstract class NamedObjects {
  /**
   * @throws ClosedError
   * @internal
   */
  protected abstract objects(): ObjectTable

  /**
   * Who this thread is in the cluster, as plain data for a native addon, which then takes locks and comes to barriers as
   * this very thread: see "Embedding" in the README. Of no use to other threads and processes, nor after the end of the
   * task or of the cluster.
   *
   * @throws ClosedError
   */
  handle(): ParticipantHandle {
    return this.objects().handle()
  }

  /**
   * The lock `name`, made by {@link Cluster.createLock}. In main, take it by its asynchronous forms.
   *
   * @throws NotFoundError, ClosedError
   */
  getLock(name: string): Lock {
    return this.objects().get('lock', name)
  }

  /** The locks by name: `locks.L` is `getLock('L')`. */
  get locks(): Readonly<Record<string, Lock>> {
    return this.#byName('lock')
  }

  /**
   * The barrier `name`, made by {@link Cluster.createBarrier}.
   *
   * @throws NotFoundError, ClosedError
   */
  getBarrier(name: string): Barrier {
    return this.objects().get('barrier', name)
  }

  /** The barriers by name: `barriers.B` is `getBarrier('B')`. */
  get barriers(): Readonly<Record<string, Barrier>> {
    return this.#byName('barrier')
  }

  /**
   * The reader-writer lock `name`, made by {@link Cluster.createRwLock}.
   *
   * @throws NotFoundError, ClosedError
   */
  getRwLock(name: string): RwLock {
    return this.objects().get('reader-writer lock', name)
  }

  /** The reader-writer locks by name: `rwLocks.L` is `getRwLock('L')`. */
  get rwLocks(): Readonly<Record<string, RwLock>> {
    return this.#byName('reader-writer lock')
  }

  /**
   * The semaphore `name`, made by {@link Cluster.createSemaphore}.
   *
   * @throws NotFoundError, ClosedError
   */
  getSemaphore(name: string): Semaphore {
    return this.objects().get('semaphore', name)
  }

  /** The semaphores by name: `semaphores.S` is `getSemaphore('S')`. */
  get semaphores(): Readonly<Record<string, Semaphore>> {
    return this.#byName('semaphore')
  }

  /**
   * The event `name`, made by {@link Cluster.createEvent}.
   *
   * @throws NotFoundError, ClosedError
   */
  getEvent(name: string): SharedEvent {
    return this.objects().get('event', name)
  }

  /** The events by name: `events.E` is `getEvent('E')`. */
  get events(): Readonly<Record<string, SharedEvent>> {
    return this.#byName('event')
  }

  /**
   * The latch `name`, made by {@link Cluster.createLatch}.
   *
   * @throws NotFoundError, ClosedError
   */
  getLatch(name: string): Latch {
    return this.objects().get('latch', name)
  }

  /** The latches by name: `latches.L` is `getLatch('L')`. */
  get latches(): Readonly<Record<string, Latch>> {
    return this.#byName('latch')
  }

  /**
   * What is done once under `name`, made by {@link Cluster.createOnce}.
   *
   * @throws NotFoundError, ClosedError
   */
  getOnce(name: string): Once {
    return this.objects().get('once', name)
  }

  /** What is done once, by name: `onces.O` is `getOnce('O')`. */
  get onces(): Readonly<Record<string, Once>> {
    return this.#byName('once')
  }

  /**
   * The counter `name`, made by {@link Cluster.createCounter}.
   *
   * @throws NotFoundError, ClosedError
   */
  getCounter(name: string): Counter {
    return this.objects().get('counter', name)
  }

  /** The counters by name: `counters.C` is `getCounter('C')`. */
  get counters(): Readonly<Record<string, Counter>> {
    return this.#byName('counter')
  }

  /**
   * The condition `name`, made by {@link Cluster.createCondition}; its lock is its property `lock`.
   *
   * @throws NotFoundError, ClosedError
   */
  getCondition(name: string): Condition {
    return this.objects().get('condition', name)
  }

  /** The conditions by name: `conditions.C` is `getCondition('C')`. */
  get conditions(): Readonly<Record<string, Condition>> {
    return this.#byName('condition')
  }

  #byName<K extends keyof Objects>(kind: K): Readonly<Record<string, Objects[K]>> {
    return byName(name => this.objects().get(kind, name))
  }
}

/** Options of {@link Cluster.createLock}. */
export interface CreateLockOptions {
  /** Whether it is given to threads in the order in which they began to wait for it. Default: false, who comes first has it. */
  fair?: boolean
}

/** Options of {@link Cluster.createBarrier}. */
export interface CreateBarrierOptions {
  /** How many have to come before all may pass. Default: the number of workers. */
  parties?: number
}

/** Options of {@link Cluster.createSemaphore}. */
export interface CreateSemaphoreOptions {
  /** How many permits are free at first, up to 1,048,575. */
  permits: number
  /** Whether a permit belongs to the thread that took it, so that it comes back when that one dies. Default: true. */
  owned?: boolean
}

/** Options of {@link Cluster.createEvent}. */
export interface CreateEventOptions {
  /** Whether it resets itself when it lets one pass. Default: false, it stays set until it is reset. */
  automatic?: boolean
  /** Whether it has happened from the beginning. Default: false. */
  set?: boolean
}

/** Options of {@link Cluster.createLatch}. */
export interface CreateLatchOptions {
  /** What has to be counted down, up to 2^32 - 1. Default: the number of workers, one for each. */
  count?: number
  /** What the death of a worker that has not counted down does: it breaks the latch (the default), or it counts. */
  deaths?: 'break' | 'count'
}

/** What main makes by name for itself and the workers. */
export abstract class ObjectMaker extends NamedObjects {
  /**
   * Makes a lock for main and the workers, who find it by `res.getLock(name)`. In main, take it by its asynchronous
   * forms: a main that is blocked cannot serve its workers.
   *
   * @throws InvalidArgumentError, NameExistsError, CapacityError, ClosedError
   */
  createLock(name: string, options?: CreateLockOptions): Lock {
    const objects = this.objects()
    const { fair = false } = checkOptions('createLock', options, { fair: 'boolean' })
    return objects.create('lock', name, 0, Number(fair))
  }

  /**
   * Makes a barrier, which the workers find by `res.getBarrier(name)`.
   *
   * @throws InvalidArgumentError, NameExistsError, CapacityError, ClosedError
   */
  createBarrier(name: string, options?: CreateBarrierOptions): Barrier {
    const objects = this.objects()
    const { parties = objects.workers } = checkOptions('createBarrier', options, { parties: 'count' })
    return objects.create('barrier', name, parties)
  }

  /**
   * Makes a reader-writer lock, which the workers find by `res.getRwLock(name)`.
   *
   * @throws InvalidArgumentError, NameExistsError, CapacityError, ClosedError
   */
  createRwLock(name: string): RwLock {
    return this.objects().create('reader-writer lock', name)
  }

  /**
   * Makes a semaphore, which the workers find by `res.getSemaphore(name)`.
   *
   * @throws InvalidArgumentError, NameExistsError, CapacityError, ClosedError
   */
  createSemaphore(name: string, options: CreateSemaphoreOptions): Semaphore {
    const objects = this.objects()
    const kinds = { permits: 'size', owned: 'boolean' } as const
    const { permits, owned = true } = checkOptions('createSemaphore', options, kinds)
    if (permits === undefined) throw new InvalidArgumentError("createSemaphore needs the option 'permits'")
    return objects.create('semaphore', name, permits, owned ? 0 : 1)
  }

  /**
   * Makes an event, which the workers find by `res.getEvent(name)`.
   *
   * @throws InvalidArgumentError, NameExistsError, CapacityError, ClosedError
   */
  createEvent(name: string, options?: CreateEventOptions): SharedEvent {
    const objects = this.objects()
    const kinds = { automatic: 'boolean', set: 'boolean' } as const
    const { automatic = false, set = false } = checkOptions('createEvent', options, kinds)
    return objects.create('event', name, Number(set), Number(automatic))
  }

  /**
   * Makes a latch, which the workers find by `res.getLatch(name)`.
   *
   * @throws InvalidArgumentError, NameExistsError, CapacityError, ClosedError
   */
  createLatch(name: string, options?: CreateLatchOptions): Latch {
    const objects = this.objects()
    const kinds = { count: 'size', deaths: 'string' } as const
    const { count = objects.workers, deaths = 'break' } = checkOptions('createLatch', options, kinds)
    if (deaths !== 'break' && deaths !== 'count') {
      throw new InvalidArgumentError(`option 'deaths' of createLatch must be 'break' or 'count', not '${deaths}'`)
    }
    return objects.create('latch', name, count, Number(deaths === 'count'))
  }

  /**
   * Makes something that one of all processes does once; the workers find it by `res.getOnce(name)`.
   *
   * @throws InvalidArgumentError, NameExistsError, CapacityError, ClosedError
   */
  createOnce(name: string): Once {
    return this.objects().create('once', name)
  }

  /**
   * Makes a counter that begins with 0, which the workers find by `res.getCounter(name)`.
   *
   * @throws InvalidArgumentError, NameExistsError, CapacityError, ClosedError
   */
  createCounter(name: string): Counter {
    return this.objects().create('counter', name)
  }

  /**
   * Makes a condition variable that goes with `lock`, made by {@link createLock}; the workers find it by
   * `res.getCondition(name)`. Several conditions may go with one lock.
   *
   * @throws InvalidArgumentError, NameExistsError, CapacityError, ClosedError
   */
  createCondition(name: string, lock: Lock): Condition {
    return this.objects().createCondition(name, lock)
  }
}

/** An object whose properties are looked up when they are read. Names that the engine asks for are none of ours. */
export function byName<T>(find: (name: string) => T): Readonly<Record<string, T>> {
  return new Proxy(Object.create(null) as Record<string, T>, {
    get: (_, name) => (typeof name === 'symbol' || name === 'then' || name === 'toJSON' ? undefined : find(name)),
  })
}
