/**
 * Sorting, searching, counting.
 */

import type { DTypeLike } from '../dtype.js'
import { parseDType } from '../dtype.js'
import { InvalidArgumentError } from '../errors.js'
import { show } from '../options.js'
import { ABSENT, type Answer, invoke, type Mode } from './call.js'
import type { Implementation, Implementations, Way, When } from './family.js'
import { settled } from './frame.js'
import type { ArrayOperand, Operand } from './operands.js'
import {
  ALONG_AXIS,
  type AxisOptions,
  alongAxis,
  choice,
  common,
  given,
  type KernelOptions,
  number,
  numberList,
  oneAxis,
  type Parameters,
  RANGED,
  type RangeOptions,
  THREADS,
} from './options.js'
import { axesOf, newResult, type Results, shapeOf, withAxis } from './results.js'
import { type Kernel, kernelNamed, kernelsOf } from './table.js'

/** Options of {@link Ordering.median} and {@link Ordering.quantile}. */
export interface QuantileOptions extends AxisOptions {
  /** Where the results go. Without it, more than one go to a new typed array, in C order. */
  out?: ArrayOperand
}

/** Options of {@link Ordering.searchsorted}. */
export interface SearchOptions extends RangeOptions {
  /** Whether the position is before equal elements or behind them. Default `'left'`. */
  side?: 'left' | 'right'
}

/** Options of {@link Ordering.unique}: arrays of int32, uint32, int64 or uint64. */
export interface UniqueOptions extends KernelOptions {
  /** How often each value occurs. */
  counts?: ArrayOperand
  /** The index of the first occurrence of each value. */
  index?: ArrayOperand
  /** For each element of `a`, the place of its value. */
  inverse?: ArrayOperand
}

/** Options of {@link Ordering.bincount}. */
export interface BincountOptions extends RangeOptions {
  /** What each element counts. Default: 1. */
  weights?: ArrayOperand
}

/** Options of {@link Ordering.histogram}: either bounds or edges. */
export interface HistogramOptions extends BincountOptions {
  /** As many bins as `out` has elements, of one width, from the first number to the second. */
  bounds?: readonly [low: number, high: number]
  /** The edges of the bins, in ascending order: one more than `out` has elements. */
  edges?: readonly number[] | ArrayOperand
}

/** Sorting, searching, counting. NaN comes last, and -0.0 equals 0.0. */
export interface Ordering<W extends Way> {
  /**
   * The elements of `a` in order along an axis (default: the last); `out` may be `a`. Takes time in proportion to the
   * number of elements, and up to twice their memory. A range must not cut the axis. NumPy: `sort`.
   */
  sort: <Out extends ArrayOperand>(out: Out, a: ArrayOperand, options?: AxisOptions) => When<W, Out>
  /**
   * The indices that sort `a` along an axis (default: the last), into int32, uint32, int64 or uint64; equal elements keep
   * their order. Needs 16 to 32 bytes an element. NumPy: `argsort(kind='stable')`.
   */
  argsort: <Out extends ArrayOperand>(out: Out, a: ArrayOperand, options?: AxisOptions) => When<W, Out>
  /**
   * The elements of `a` along an axis (default: the last) so that those at the places `kth` are where a sort would put
   * them, with no larger one before and no smaller one behind; `out` may be `a`. NumPy: `partition`.
   */
  partition: <Out extends ArrayOperand>(
    out: Out,
    a: ArrayOperand,
    kth: number | readonly number[],
    options?: AxisOptions,
  ) => When<W, Out>
  /** The median of all elements, or along an axis; NaN where one is. NumPy: `median`. */
  median: {
    <Out extends ArrayOperand>(a: ArrayOperand, options: QuantileOptions & { out: Out }): When<W, Out>
    (a: ArrayOperand, options: QuantileOptions & { axis: number }): When<W, Results>
    (a: ArrayOperand, options?: AxisOptions): When<W, number>
  }
  /**
   * The quantiles `q`, each from 0 to 1, of all elements or along an axis, interpolated linearly; NaN where an element is.
   * Several, or along an axis, give an array with an axis for `q` first. NumPy: `quantile`.
   */
  quantile: {
    <Out extends ArrayOperand>(
      a: ArrayOperand,
      q: number | readonly number[],
      options: QuantileOptions & { out: Out },
    ): When<W, Out>
    (a: ArrayOperand, q: number, options?: KernelOptions): When<W, number>
    (a: ArrayOperand, q: number | readonly number[], options?: AxisOptions): When<W, Float64Array>
  }
  /**
   * For each of the needles, the position in the sorted array at which it could be put so that it stays sorted, into int32,
   * uint32, int64 or uint64. NumPy: `searchsorted`.
   */
  searchsorted: <Out extends ArrayOperand>(
    out: Out,
    sorted: ArrayOperand,
    needles: Operand,
    options?: SearchOptions,
  ) => When<W, Out>
  /**
   * The different values of `a` in ascending order, to the beginning of `out`, which needs room for them; how many there
   * are. Needs the memory of `a` three times; with index or inverse, 24 to 48 bytes an element. NumPy: `unique`.
   */
  unique: (out: ArrayOperand, a: ArrayOperand, options?: UniqueOptions) => When<W, number>
  /**
   * How often each index from 0 on occurs in `a`, or the sum of the weights of each; `out` has an element for each. A range
   * is one of the first axis of `a`. Negative indices are refused. NumPy: `bincount`.
   */
  bincount: <Out extends ArrayOperand>(out: Out, a: ArrayOperand, options?: BincountOptions) => When<W, Out>
  /**
   * How many elements of `a` lie in each bin, or the sum of their weights; the last bin has its upper edge, too, and what
   * lies outside is not counted. A range is one of the first axis of `a`. NumPy: `histogram`.
   */
  histogram: <Out extends ArrayOperand>(out: Out, a: ArrayOperand, options: HistogramOptions) => When<W, Out>
  /**
   * The edges of `out.length - 1` bins of one width, into float64, by which `histogram` counts elements of `dtype`
   * (default float64). NumPy: `histogram_bin_edges`.
   */
  binEdges: <Out extends ArrayOperand>(
    out: Out,
    bounds: readonly [low: number, high: number],
    dtype?: DTypeLike,
  ) => When<W, Out>
}

const QUANTILE = [...ALONG_AXIS, 'out']
const SEARCH = [...RANGED, 'side']
const UNIQUE = [...THREADS, 'counts', 'index', 'inverse']
const BINCOUNT = [...RANGED, 'weights']
const HISTOGRAM = [...BINCOUNT, 'bounds', 'edges']
const SIDES = ['left', 'right']

/** All of them. */
export function order(mode: Mode): Implementations {
  return { ...sorting(mode), ...searching(mode), ...counting(mode) }
}

function sorting(mode: Mode): Implementations {
  const made: Record<string, Implementation> = {}
  for (const kernel of kernelsOf('sort')) {
    made[kernel.name] = (out, a, options) =>
      mode.give(invoke(mode, kernel, alongAxis(kernel, options), out, a, ABSENT, ABSENT), out)
  }
  const [partition, median, quantile] = [kernelNamed('partition'), kernelNamed('median'), kernelNamed('quantile')]
  made.partition = (out, a, kth, options) => {
    const places = numberList(partition, typeof kth === 'number' ? [kth] : kth)
    return mode.give(invoke(mode, partition, alongAxis(partition, options), out, a, places, ABSENT), out)
  }
  made.median = (a, options) => statistics(mode, median, a, options, [], ABSENT)
  made.quantile = (a, q, options) => {
    // One quantile is a list of one, whose axis is then taken away.
    const list = numberList(quantile, typeof q === 'number' ? [q] : q)
    return statistics(mode, quantile, a, options, [list.length], list, typeof q === 'number')
  }
  return made
}

/** Medians or quantiles: the value where there is one, else an array, with `first` axes before those that stay of `a`. */
function statistics(
  mode: Mode,
  kernel: Kernel,
  a: unknown,
  options: unknown,
  first: readonly number[],
  list: unknown,
  single = true,
): unknown {
  const read = given(kernel, options, QUANTILE)
  const parameters: Parameters = { ...common(kernel, read), axes: oneAxis(kernel, read) }
  if (read.out !== undefined) {
    const out = first.length > 0 && single ? withAxis(kernel, read.out) : read.out
    return mode.give(invoke(mode, kernel, parameters, out, a, list, ABSENT), read.out)
  }
  const input = settled(kernel, a)
  const shape = shapeOf(kernel, input)
  const axes = read.axis === undefined ? shape.map((_, at) => at) : axesOf(kernel, read.axis, shape.length)
  const kept = shape.filter((_, at) => !axes.includes(at))
  const result = newResult(kernel, input, [...first, ...kept])
  const answer = invoke(mode, kernel, parameters, result, input, list, ABSENT)
  return mode.after(answer, () => (single && kept.length === 0 ? result.data[0] : result.data))
}

function searching(mode: Mode): Implementations {
  const [searchsorted, unique] = [kernelNamed('searchsorted'), kernelNamed('unique')]
  return {
    searchsorted: (out, sorted, needles, options) => {
      const read = given(searchsorted, options, SEARCH)
      const side = choice(searchsorted, 'side', read.side, SIDES)
      const parameters = { ...common(searchsorted, read), numbers: [side] }
      return mode.give(invoke(mode, searchsorted, parameters, out, sorted, needles, ABSENT), out)
    },
    unique: (out, a, options) => {
      const read = given(unique, options, UNIQUE)
      const { counts = ABSENT, index = ABSENT, inverse = ABSENT } = read
      return invoke(mode, unique, common(unique, read), out, counts, index, inverse, a) as Answer
    },
  }
}

function counting(mode: Mode): Implementations {
  const [bincount, histogram] = [kernelNamed('bincount'), kernelNamed('histogram')]
  const binEdges = kernelNamed('binEdges')
  return {
    bincount: (out, a, options) => {
      const read = given(bincount, options, BINCOUNT)
      return mode.give(invoke(mode, bincount, common(bincount, read), out, a, ABSENT, read.weights ?? ABSENT), out)
    },
    histogram: (out, a, options) => {
      const read = given(histogram, options, HISTOGRAM)
      const { bounds, edges, weights = ABSENT } = read
      if ((bounds === undefined) === (edges === undefined)) {
        throw new InvalidArgumentError('histogram takes either bounds or edges')
      }
      const parameters = common(histogram, read)
      if (bounds !== undefined) parameters.numbers = boundsOf(histogram, bounds)
      const list = edges === undefined ? ABSENT : Array.isArray(edges) ? numberList(histogram, edges) : edges
      return mode.give(invoke(mode, histogram, parameters, out, a, list, weights), out)
    },
    binEdges: (out, bounds, dtype) => {
      const { code } = parseDType(dtype ?? 'float64')
      const parameters = { numbers: [...boundsOf(binEdges, bounds), code] }
      return mode.give(invoke(mode, binEdges, parameters, out, ABSENT, ABSENT, ABSENT), out)
    },
  }
}

function boundsOf(kernel: Kernel, bounds: unknown): number[] {
  if (!Array.isArray(bounds) || bounds.length !== 2) {
    throw new InvalidArgumentError(`${kernel.name}: bounds are [low, high], not ${show(bounds)}`)
  }
  return bounds.map(bound => number(kernel, 'bounds', bound))
}
