import type { Barrier } from './barrier.js'
import { InvalidArgumentError } from './errors.js'
import type { Lock } from './lock.js'
import type { Objects, ObjectTable } from './object-table.js'
import { checkOptions } from './options.js'
import type { RwLock } from './rw-lock.js'
import type { Semaphore } from './semaphore.js'

/** What main has made by name, as main and the tasks find it. */
export abstract class NamedObjects {
  /**
   * @throws ClosedError
   * @internal
   */
  protected abstract objects(): ObjectTable

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

  #byName<K extends keyof Objects>(kind: K): Readonly<Record<string, Objects[K]>> {
    return byName(name => this.objects().get(kind, name))
  }
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

/** What main makes by name for itself and the workers. */
export abstract class ObjectMaker extends NamedObjects {
  /**
   * Makes a lock for main and the workers, who find it by `res.getLock(name)`. In main, take it by its asynchronous
   * forms: a main that is blocked cannot serve its workers.
   *
   * @throws InvalidArgumentError, NameExistsError, CapacityError, ClosedError
   */
  createLock(name: string): Lock {
    return this.objects().create('lock', name)
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
}

/** An object whose properties are looked up when they are read. Names that the engine asks for are none of ours. */
export function byName<T>(find: (name: string) => T): Readonly<Record<string, T>> {
  return new Proxy(Object.create(null) as Record<string, T>, {
    get: (_, name) => (typeof name === 'symbol' || name === 'then' || name === 'toJSON' ? undefined : find(name)),
  })
}
