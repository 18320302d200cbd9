import { NotOwnerError } from './errors.js'
import { HeldLock } from './held-lock.js'
import { native } from './native.js'
import { closedError } from './wait.js'
import type { Place, Waiter } from './waiter.js'

/** The binding's numbers of the operations. */
const READ = 2
const WRITE = 3

/** One side of a {@link RwLock}: taken and released like a {@link Lock}. */
export class RwLockSide extends HeldLock {
  readonly #place: Place
  readonly #lock: () => RwLock
  readonly #writes: boolean

  /** @internal */
  constructor(place: Place, writes: boolean, lock: () => RwLock) {
    super(place, writes ? WRITE : READ, writes ? 'the write side of' : 'the read side of', !writes)
    this.#place = place
    this.#lock = lock
    this.#writes = writes
  }

  protected override isBusyHere(): boolean {
    // Not while this thread reads: a writer has to keep other readers out meanwhile.
    return this.#lock().write.held
  }

  protected override isAwaited(): boolean {
    const { read, write } = this.#lock()
    return !read.held && !write.held && (write.isAwaitedHere || (this.#writes && read.isAwaitedHere))
  }

  protected override otherWaiters(): readonly Waiter[] {
    const { read, write } = this.#lock()
    return [this.#writes ? read.waiter : write.waiter]
  }

  protected override released(): void {
    const { read, write } = this.#lock()
    write.advance()
    read.advance()
  }

  protected override lastDeadWorker(): number {
    return native.rwLockInfo(this.#place.session, this.#place.index).lastDeadWorker
  }
}

/**
 * A reader-writer lock between all processes of a cluster: any number read at a time, or one writes.
 *
 * Its two sides, {@link read} and {@link write}, are taken and released like a {@link Lock}. A writer that waits keeps
 * new readers out, so it comes in as soon as those before it have gone; but a blocking acquire of a thread that reads
 * already gets in, since that writer would wait for it for ever. Asynchronous acquires come after the writer: do not
 * await a second one inside a section that reads.
 *
 * A reader that dies is simply gone. The death of a writer is an answer: whoever comes gets an {@link OwnerDiedError},
 * until somebody takes the write side with `recover` and calls {@link clearPoison}; with `recover`, readers may look at
 * what it left. A writer that dies before it was let in has changed nothing, and poisons nothing.
 */
export class RwLock {
  /** Its name in the cluster. */
  readonly name: string
  /** To read, together with others. The same thread may take it several times, and releases it as often. */
  readonly read: RwLockSide
  /** To write, alone. */
  readonly write: RwLockSide
  readonly #place: Place

  /** @internal */
  constructor(place: Place) {
    this.name = place.name
    this.#place = place
    this.read = new RwLockSide(place, false, () => this)
    this.write = new RwLockSide(place, true, () => this)
  }

  /** How many participants read now. */
  get readers(): number {
    return this.#info().readers
  }

  /** Whether a writer died, or left, and nobody has called {@link clearPoison} since. */
  get poisoned(): boolean {
    return this.#info().poisoned
  }

  /**
   * Says that what the lock protects is whole again.
   *
   * @throws NotOwnerError when this thread does not write
   * @throws ClosedError
   */
  clearPoison(): void {
    this.#checkOpen()
    if (native.rwLockClearPoison(this.#place.session, this.#place.index) === 0) {
      throw new NotOwnerError(
        `this thread does not write under '${this.name}': write.acquire({ recover: true }) comes before clearPoison()`,
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
    this.write.callOff(reason)
    this.read.callOff(reason)
  }

  #info() {
    this.#checkOpen()
    return native.rwLockInfo(this.#place.session, this.#place.index)
  }

  #checkOpen(): void {
    if (this.#place.words.length === 0) throw closedError(`reader-writer lock '${this.name}'`)
  }
}
