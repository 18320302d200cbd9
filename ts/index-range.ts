import { inspect } from 'node:util'
import { describe } from './describe.js'
import { InvalidArgumentError } from './errors.js'

/**
 * The integers start, start + step, … before stop, as Python's `range` has them, without a list of them.
 *
 * A `for … of` over one costs about what a counting loop costs. It can be given to `rows(…)` and `view(…)` of arrays.
 */
export class IndexRange implements Iterable<number> {
  /** The first index. */
  readonly start: number
  /** Where it ends; not in the range. */
  readonly stop: number
  /** From one index to the next; not 0. */
  readonly step: number
  /** Number of indices. */
  readonly length: number

  /** @throws InvalidArgumentError unless all are integers below 2^53 in size and the step is not 0 */
  constructor(start: number, stop: number, step = 1) {
    for (const value of [start, stop, step]) {
      if (!Number.isSafeInteger(value)) throw new InvalidArgumentError(`a range has integers, not ${describe(value)}`)
    }
    if (step === 0) throw new InvalidArgumentError('the step of a range is not 0')
    this.start = start
    this.stop = stop
    this.step = step
    this.length = Math.max(0, Math.ceil((stop - start) / step))
    Object.freeze(this)
  }

  /** The indices in order. */
  [Symbol.iterator](): IterableIterator<number> {
    return new RangeIterator(this.start, this.step, this.length)
  }

  /** The index at a position, which counts from the end if it is negative; undefined outside. */
  at(position: number): number | undefined {
    const whole = Math.trunc(position) || 0
    const k = whole < 0 ? whole + this.length : whole
    return k >= 0 && k < this.length ? this.start + k * this.step : undefined
  }

  /** Whether the index is in the range. */
  includes(index: number): boolean {
    const k = (index - this.start) / this.step
    return Number.isInteger(k) && k >= 0 && k < this.length
  }

  /** Calls `fn` with each index and its position. */
  forEach(fn: (index: number, position: number) => void): void {
    for (let k = 0, i = this.start; k < this.length; k++, i += this.step) fn(i, k)
  }

  /** The list of what `fn` gives for each index and its position. */
  map<T>(fn: (index: number, position: number) => T): T[] {
    const list: T[] = []
    for (let k = 0, i = this.start; k < this.length; k++, i += this.step) list.push(fn(i, k))
    return list
  }

  /** The indices: an Int32Array where all fit, else a Float64Array. */
  toArray(): Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer> {
    const last = this.start + (this.length - 1) * this.step
    const fit = this.length === 0 || ((this.start | 0) === this.start && (last | 0) === last)
    const list = fit ? new Int32Array(this.length) : new Float64Array(this.length)
    for (let k = 0, i = this.start; k < list.length; k++, i += this.step) list[k] = i
    return list
  }

  /** @internal */
  [inspect.custom](depth: number | null, options: object): string {
    const { start, stop, step } = this
    if (depth !== null && depth < 0) return '[IndexRange]'
    return `IndexRange ${inspect(step === 1 ? { start, stop } : { start, stop, step }, options)}`
  }
}

/**
 * Written so that the engine keeps all of it in registers: one place to return from, and no private fields. A generator
 * costs 15 times as much per index, two `return`s four times. The value that comes with `done` means nothing.
 */
class RangeIterator implements IterableIterator<number, number> {
  private index: number
  private left: number
  private readonly step: number

  constructor(start: number, step: number, length: number) {
    this.index = start
    this.step = step
    this.left = length
  }

  next(): IteratorResult<number, number> {
    const value = this.index
    this.index = value + this.step
    return { value, done: this.left-- <= 0 }
  }

  [Symbol.iterator](): this {
    return this
  }
}
