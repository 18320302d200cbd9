import { native } from './native.js'
import { Signal } from './signal.js'
import type { Place } from './waiter.js'

/** The binding's number of the operation. */
const EVENT = 5

/**
 * An event between all processes of a cluster: somebody says that something has happened, and others wait for that.
 *
 * It stays set, and lets everybody pass, until {@link reset}. An *automatic* one resets itself when it has let one pass.
 * Whoever waits when it is set passes, also where it is reset at once. The death of those who wait takes nothing along;
 * an automatic event is gone with the one that it let pass.
 */
export class SharedEvent extends Signal {
  readonly #place: Place

  /** @internal */
  constructor(place: Place) {
    super(place, EVENT, 'event')
    this.#place = place
  }

  /**
   * It has happened: all who wait pass; where it is automatic, one does, now or later.
   *
   * @throws ClosedError
   */
  set(): void {
    native.eventSet(this.#place.session, this.#place.index)
  }

  /**
   * It has not happened any more.
   *
   * @throws ClosedError
   */
  reset(): void {
    native.eventReset(this.#place.session, this.#place.index)
  }

  /** Whether it has happened. */
  get isSet(): boolean {
    return this.#info().set
  }

  /** Whether it resets itself. */
  get automatic(): boolean {
    return this.#info().automatic
  }

  protected override ticket(): number {
    return this.#info().generation
  }

  #info() {
    return native.eventInfo(this.#place.session, this.#place.index)
  }
}
