import { NotOwnerError } from './errors.js'
import { HeldLock } from './held-lock.js'
import type { Session } from './native.js'
import { native } from './native.js'
import type { Place } from './waiter.js'

/** The binding's number of the operation. */
const LOCK = 1

/**
 * A mutual exclusion lock between all processes of a cluster.
 *
 * One *thread* holds it at a time (a worker, main, or a worker_thread of one), and releases it; it is not reentrant.
 * The death of the holder is an answer: whoever waits, and whoever comes, gets an {@link OwnerDiedError}, until
 * somebody takes it over with `recover` and calls {@link clearPoison}. A task that is left while it holds the run's
 * own lock counts as a death.
 *
 * Free, it is taken and given back without a system call. Newcomers may overtake those who wait; a *fair* lock
 * (`fair: true`) is given to threads in the order in which they began to wait, which costs a switch to another process
 * each time.
 */
export class Lock extends HeldLock {
  readonly #place: Place
  readonly #at: number
  readonly #bits: { readonly POISON: number; readonly OWNER_MASK: number }

  /** @internal */
  constructor(place: Place) {
    super(place, LOCK, 'lock', false)
    this.#place = place
    this.#at = native.objectOffset(place.session, place.index) >> 2
    this.#bits = native.layout(place.session)
  }

  /**
   * Its index in the table of the cluster that `session` belongs to; none where it is another's.
   *
   * @internal
   */
  indexIn(session: Session): number | undefined {
    return this.#place.session === session ? this.#place.index : undefined
  }

  override get held(): boolean {
    return super.held && (Atomics.load(this.#place.words, this.#at) & this.#bits.OWNER_MASK) === this.#place.me
  }

  /** Whether it is given in the order in which threads began to wait for it. */
  get fair(): boolean {
    return this.waiting !== null
  }

  /** How many threads wait for it now; `null` for a lock that is not fair, which does not know. */
  get waiting(): number | null {
    this.checkOpen()
    const { waiting } = native.lockInfo(this.#place.session, this.#place.index)
    return waiting < 0 ? null : waiting
  }

  /** Whether a holder died, or left its task, and nobody has called {@link clearPoison} since. */
  get poisoned(): boolean {
    this.checkOpen()
    return (Atomics.load(this.#place.words, this.#at) & this.#bits.POISON) !== 0
  }

  /**
   * Says that what the lock protects is whole again.
   *
   * @throws NotOwnerError when this thread does not hold it
   * @throws ClosedError
   */
  clearPoison(): void {
    this.checkOpen()
    if (native.lockClearPoison(this.#place.session, this.#place.index) === 0) {
      throw new NotOwnerError(
        `lock '${this.name}' is not held by this thread: take it with acquire({ recover: true }) before clearPoison()`,
        { lockName: this.name },
      )
    }
  }

  protected override takeFast(): boolean {
    const { words, me } = this.#place
    return words.length !== 0 && Atomics.compareExchange(words, this.#at, 0, me) === 0
  }

  protected override giveBack(): boolean {
    const { words, me } = this.#place
    return Atomics.compareExchange(words, this.#at, me, 0) === me || super.giveBack()
  }

  protected override lastDeadWorker(): number {
    return native.lockInfo(this.#place.session, this.#place.index).lastDeadWorker
  }
}
