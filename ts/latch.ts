import { BrokenLatchError, type BrokenLatchReason } from './errors.js'
import { native } from './native.js'
import { checkOptions } from './options.js'
import { Signal } from './signal.js'
import type { Place } from './waiter.js'

/** The binding's numbers: of the operation, and of how a latch stands. */
const LATCH = 6
const OPEN = 1
const BROKEN = 2

/**
 * A latch between all processes of a cluster: it opens when it has been counted down to 0, and stays open.
 *
 * All workers are parties: one that dies before its first {@link countDown} breaks the latch for all who wait and who
 * come, with a {@link BrokenLatchError} that names it; or, with `deaths: 'count'`, counts as if it had. The death of a
 * worker that has counted down changes nothing.
 */
export class Latch extends Signal {
  readonly #place: Place

  /** @internal */
  constructor(place: Place) {
    super(place, LATCH, 'latch')
    this.#place = place
  }

  /**
   * Counts down, to 0 at least. Does nothing to a latch that is open.
   *
   * @returns whether the latch is open now
   * @throws BrokenLatchError, InvalidArgumentError, ClosedError
   */
  countDown(by = 1): boolean {
    checkOptions('countDown', { by }, { by: 'count' })
    this.checkOpen()
    // What is above what the binding takes is above every count.
    const stand = native.latchCountDown(this.#place.session, this.#place.index, Math.min(by, 2 ** 32 - 1))
    if (stand === BROKEN) throw this.over()
    return stand === OPEN
  }

  /**
   * Begins anew, with as much to count as at first. Whoever waits gets a BrokenLatchError.
   *
   * @throws ClosedError
   */
  reset(): void {
    native.latchReset(this.#place.session, this.#place.index)
  }

  /**
   * Breaks the latch, unless it is open, for all who wait and all who come.
   *
   * @throws ClosedError
   */
  break(): void {
    native.latchBreak(this.#place.session, this.#place.index)
  }

  /** What is left to count. */
  get count(): number {
    const { left, stand } = this.#info()
    return stand === OPEN ? 0 : left
  }

  /** Whether it is broken. */
  get broken(): boolean {
    return this.#info().stand === BROKEN
  }

  protected override ticket(): number {
    return this.#info().epoch
  }

  protected override over(): BrokenLatchError {
    const { stand, byWorker } = this.#info()
    const workerId = byWorker < 0 ? null : byWorker
    // Broken for those who waited, and sound again: somebody has reset it.
    const reason: BrokenLatchReason = stand !== BROKEN ? 'reset' : workerId === null ? 'broken' : 'died'
    const why = {
      reset: 'it was reset',
      broken: 'somebody broke it',
      died: `worker ${workerId} died before it had counted`,
    }
    return new BrokenLatchError(`latch '${this.name}' is broken: ${why[reason]}`, {
      latchName: this.name,
      reason,
      workerId,
    })
  }

  #info() {
    return native.latchInfo(this.#place.session, this.#place.index)
  }
}
