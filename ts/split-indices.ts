/**
 * Dividing the indices 0 … n-1 among workers.
 */
import { describe } from './describe.js'
import { InvalidArgumentError } from './errors.js'
import { IndexRange } from './index-range.js'
import { type Key, permute } from './permutation.js'

export { IndexRange } from './index-range.js'

/** Options of {@link splitIndices}. */
export interface SplitIndicesOptions {
  /** Shares of a pseudo-random permutation (default), or runs of neighbouring indices. */
  random?: boolean
  /** Which permutations: an integer below 2^53 in size, or a bigint of which the low 64 bits count. Default 0. */
  seed?: number | bigint
  /** Which of the permutations of a seed: an integer from 0 on, or a list of such. Default 0. */
  call?: number | readonly number[]
  /**
   * Who gets what does not divide evenly. `'balanced'` (default): one more for each of the first workers, as NumPy's
   * `array_split`. `'last'`: all of it for the last worker, as py-dsm has it.
   */
  remainder?: 'balanced' | 'last'
}

/** A share of indices in random order: an Int32Array up to n = 2^31, above that a Float64Array of integers. */
export type RandomIndices = Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>

/**
 * Worker `id`'s share of the indices 0 … n-1. The shares of the workers 0 … size-1 are disjoint and together have every
 * index once. Nothing is exchanged: each worker makes its own share, in time that goes with the length of the share,
 * and all agree as long as they give the same n, size and options.
 *
 * @param n - number of indices, 0 … 2^53-1
 * @param id - the worker, 0 … size-1
 * @param size - number of workers, 1 or more
 * @returns for `random: false` an {@link IndexRange}, else {@link RandomIndices}
 * @throws InvalidArgumentError
 */
export function splitIndices(
  n: number,
  id: number,
  size: number,
  options: SplitIndicesOptions & { random: false },
): IndexRange
export function splitIndices(
  n: number,
  id: number,
  size: number,
  options?: SplitIndicesOptions & { random?: true },
): RandomIndices
export function splitIndices(
  n: number,
  id: number,
  size: number,
  options?: SplitIndicesOptions,
): IndexRange | RandomIndices
export function splitIndices(
  n: number,
  id: number,
  size: number,
  options: SplitIndicesOptions = {},
): IndexRange | RandomIndices {
  integer('n', n, 0, Number.MAX_SAFE_INTEGER)
  integer('size', size, 1, Number.MAX_SAFE_INTEGER)
  integer('id', id, 0, size - 1)
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError(`splitIndices: the options are an object, not ${describe(options)}`)
  }
  const { random = true, seed = 0, call = 0, remainder = 'balanced', ...others } = options
  for (const other in others) throw new InvalidArgumentError(`splitIndices has no option ${describe(other)}`)
  if (typeof random !== 'boolean') {
    throw new InvalidArgumentError(`splitIndices: random is true or false, not ${describe(random)}`)
  }
  const [start, stop] = share(n, id, size, remainder)
  const key = keyOf(seed, call)
  if (!random) return new IndexRange(start, stop)
  const indices = allocate(n, stop - start)
  permute(indices, n, start, key)
  return indices
}

/** Where a worker's share of n items in order begins, and where it ends. */
function share(n: number, id: number, size: number, remainder: unknown): [number, number] {
  const each = Math.floor(n / size)
  const over = n - each * size
  if (remainder === 'balanced') {
    const start = id * each + Math.min(id, over)
    return [start, start + each + (id < over ? 1 : 0)]
  }
  if (remainder === 'last') return [id * each, id === size - 1 ? n : (id + 1) * each]
  throw new InvalidArgumentError(`splitIndices: remainder is 'balanced' or 'last', not ${describe(remainder)}`)
}

function allocate(n: number, length: number): RandomIndices {
  try {
    return n <= 2 ** 31 ? new Int32Array(length) : new Float64Array(length)
  } catch (cause) {
    throw new InvalidArgumentError(
      `splitIndices: a share of ${length} indices does not fit into this process's memory: ` +
        'take { random: false }, more workers, or parts of the whole',
      { n, length },
      { cause },
    )
  }
}

/** The words that seed and call come to. */
function keyOf(seed: unknown, call: unknown): Key {
  if (typeof seed !== 'bigint' && !Number.isSafeInteger(seed)) {
    throw new InvalidArgumentError(`splitIndices: the seed is an integer or a bigint, not ${describe(seed)}`)
  }
  const calls: readonly unknown[] = Array.isArray(call) ? call : [call]
  for (const number of calls) integer('call', number, 0, Number.MAX_SAFE_INTEGER)
  const wide = BigInt.asUintN(64, BigInt(seed as number | bigint))
  const key = [Number(wide & 0xffffffffn) | 0, Number(wide >> 32n) | 0]
  for (const number of calls as readonly number[]) key.push(number | 0, Math.floor(number / 2 ** 32))
  return key
}

function integer(what: string, value: unknown, low: number, high: number): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) return
  throw new InvalidArgumentError(`splitIndices: ${what} is an integer from ${low} to ${high}, not ${describe(value)}`, {
    [what]: describe(value),
  })
}
