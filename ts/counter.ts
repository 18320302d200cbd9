import { InvalidArgumentError } from './errors.js'
import { native } from './native.js'
import { show } from './options.js'
import { closedError } from './wait.js'
import type { Place } from './waiter.js'

/**
 * A whole number that all processes of a cluster count with.
 *
 * Each operation is one step of the processor, without a call of the native part: none is ever half done, whoever is
 * killed. Values are safe integers, kept in 64 bits: a sum beyond 2^53 is counted right, but comes out rounded.
 */
export class Counter {
  /** Its name in the cluster. */
  readonly name: string
  readonly #word: BigInt64Array

  /** @internal */
  constructor(place: Place) {
    this.name = place.name
    this.#word = new BigInt64Array(place.words.buffer, native.objectOffset(place.session, place.index), 1)
  }

  /**
   * The value.
   *
   * @throws ClosedError
   */
  load(): number {
    return Number(Atomics.load(this.#open(), 0))
  }

  /**
   * Gives it another value.
   *
   * @throws InvalidArgumentError, ClosedError
   */
  store(value: number): void {
    Atomics.store(this.#open(), 0, integer('store', value))
  }

  /**
   * Gives it another value.
   *
   * @returns the value before
   * @throws InvalidArgumentError, ClosedError
   */
  exchange(value: number): number {
    return Number(Atomics.exchange(this.#open(), 0, integer('exchange', value)))
  }

  /**
   * Adds `more`, which may be negative.
   *
   * @returns the value before: over all calls of all processes with 1, each gets another
   * @throws InvalidArgumentError, ClosedError
   */
  fetchAdd(more = 1): number {
    return Number(Atomics.add(this.#open(), 0, integer('fetchAdd', more)))
  }

  /**
   * Gives it the value `replacement` if it has the value `expected`.
   *
   * @returns the value before: `expected`, where it was replaced
   * @throws InvalidArgumentError, ClosedError
   */
  compareExchange(expected: number, replacement: number): number {
    const [old, fresh] = [integer('compareExchange', expected), integer('compareExchange', replacement)]
    return Number(Atomics.compareExchange(this.#open(), 0, old, fresh))
  }

  /**
   * Nobody waits for a counter.
   *
   * @internal
   */
  callOff(_reason: unknown): void {}

  /** The word, which a close of the cluster takes away. */
  #open(): BigInt64Array {
    if (this.#word.length === 0) throw closedError(`counter '${this.name}'`)
    return this.#word
  }
}

function integer(call: string, value: number): bigint {
  if (!Number.isSafeInteger(value)) {
    throw new InvalidArgumentError(`${call} of a counter takes a safe integer, not ${show(value)}`)
  }
  return BigInt(value)
}
