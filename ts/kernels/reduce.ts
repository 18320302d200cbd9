/**
 * Reductions and scans.
 */

import { DTYPES } from '../dtype.js'
import { native } from '../native.js'
import { sizeOf } from '../shape.js'
import { ABSENT, invoke, type Mode } from './call.js'
import type { Implementation, Implementations, Way, When } from './family.js'
import { dtypeCode, settled, type View } from './frame.js'
import type { ArrayOperand, FloatOperand, MaskOperand, ScalarOperand } from './operands.js'
import {
  type AxisOptions,
  alongAxis,
  codeOf,
  common,
  given,
  type KernelOptions,
  number,
  RANGED,
  type RangeOptions,
  ranged,
} from './options.js'
import { axesOf, newResult, type Results, shapeOf } from './results.js'
import { type Kernel, kernelNamed, kernelsOf } from './table.js'

/** Options of every reduction. */
export interface ReductionOptions extends KernelOptions {
  /** The indices of the first axis of the input that are gone over: start to stop - 1. */
  range?: RangeOptions['range']
  /** The axes that are gone over; negative ones count from the end. Default: all of them. */
  axis?: number | readonly number[]
  /** The elements that are gone over: those for which it is not 0; bool or uint8, broadcast to the input's shape. */
  where?: MaskOperand
}

/** Options of a reduction into an array. */
export interface OutOptions<Out> {
  /**
   * Where the results go: an array of the shape of the input without the axes that are gone over. Without it, and with
   * axes, they go to a new typed array, in C order.
   */
  out: Out
}

/** Options of reductions that can begin with a value. */
export interface InitialOptions {
  /** Goes before the elements; it makes `min` and `max` of no elements possible. */
  initial?: ScalarOperand
}

/** Options of `var` and `std`. */
export interface DeviationOptions {
  /** What is subtracted from the number of elements. Default 0. */
  ddof?: number
}

/** A reduction: to one value, along axes into a new typed array, or into `out`. */
export interface ReductionKernel<W extends Way, Value, Extra = unknown> {
  <Out extends ArrayOperand>(a: ArrayOperand, options: ReductionOptions & OutOptions<Out> & Extra): When<W, Out>
  (a: ArrayOperand, options: ReductionOptions & { axis: number | readonly number[] } & Extra): When<W, Results>
  (a: ArrayOperand, options?: ReductionOptions & Extra): When<W, Value>
}

/** A reduction of which the value of floating-point numbers is a number, that of 64-bit integers perhaps a bigint. */
export interface ExactReductionKernel<W extends Way, Extra = unknown>
  extends ReductionKernel<W, number | bigint, Extra> {
  <Out extends ArrayOperand>(a: ArrayOperand, options: ReductionOptions & OutOptions<Out> & Extra): When<W, Out>
  (a: ArrayOperand, options: ReductionOptions & { axis: number | readonly number[] } & Extra): When<W, Results>
  (a: FloatOperand, options?: ReductionOptions & Extra): When<W, number>
  (a: ArrayOperand, options?: ReductionOptions & Extra): When<W, number | bigint>
}

/** The names of the reductions whose blocks have results by themselves. */
export type PartialReduction =
  | 'sum'
  | 'prod'
  | 'mean'
  | 'var'
  | 'std'
  | 'norm'
  | 'min'
  | 'max'
  | 'any'
  | 'all'
  | 'countNonzero'

/** What an array of the results of blocks has to be. */
export interface PartialsShape {
  /** Its number of elements. */
  readonly length: number
  /** Its element type. */
  readonly dtype:
    | 'bool'
    | 'int8'
    | 'uint8'
    | 'int16'
    | 'uint16'
    | 'int32'
    | 'uint32'
    | 'int64'
    | 'uint64'
    | 'float16'
    | 'float32'
    | 'float64'
}

/**
 * Reductions of all elements of an array, or along axes.
 *
 * A result has the same bits whatever the threads, strides and the processor: elements are summed in blocks of fixed size
 * along a fixed tree. Floating-point sums, products and means are made in float64. All cost what it takes to read the
 * memory.
 */
export interface Reductions<W extends Way> {
  /** The sum; 0 of none. That of integers has 64 bits, and wraps. NumPy: `sum`. */
  sum: ExactReductionKernel<W, InitialOptions>
  /** The product; 1 of none. That of integers has 64 bits, and wraps. NumPy: `prod`. */
  prod: ExactReductionKernel<W, InitialOptions>
  /** The mean; NaN of none. NumPy: `mean`. */
  mean: ReductionKernel<W, number>
  /** The mean of the squared distances from the mean. Reads the elements twice. NumPy: `var`. */
  var: ReductionKernel<W, number, DeviationOptions>
  /** The square root of `var`. NumPy: `std`. */
  std: ReductionKernel<W, number, DeviationOptions>
  /** The square root of the sum of squares. NumPy: `linalg.norm` of a vector. */
  norm: ReductionKernel<W, number>
  /** The least element; NaN if one is. Of none, refused. NumPy: `min`. */
  min: ExactReductionKernel<W, InitialOptions>
  /** The greatest element; NaN if one is. Of none, refused. NumPy: `max`. */
  max: ExactReductionKernel<W, InitialOptions>
  /** The index of the first least element, or of the first NaN. Of none, refused. NumPy: `argmin`. */
  argmin: ReductionKernel<W, number>
  /** The index of the first greatest element, or of the first NaN. Of none, refused. NumPy: `argmax`. */
  argmax: ReductionKernel<W, number>
  /** Whether an element is not 0; false of none. NumPy: `any`. */
  any: ReductionKernel<W, boolean>
  /** Whether no element is 0; true of none. NumPy: `all`. */
  all: ReductionKernel<W, boolean>
  /** How many elements are not 0. NumPy: `count_nonzero`. */
  countNonzero: ReductionKernel<W, number>
  /**
   * The sums of the elements up to each one: along an axis, or of all in C order, into an `out` of the shape of `a` or,
   * without an axis, of one axis. Those of integers have 64 bits. NumPy: `cumsum`.
   */
  cumsum: <Out extends ArrayOperand>(out: Out, a: ArrayOperand, options?: AxisOptions) => When<W, Out>
  /** The products of the elements up to each one, as `cumsum`. NumPy: `cumprod`. */
  cumprod: <Out extends ArrayOperand>(out: Out, a: ArrayOperand, options?: AxisOptions) => When<W, Out>
  /**
   * The sum of the products of elements, of two arrays of one shape and type: float64 of floats; of integers it wraps in
   * their type. NumPy: `vdot`.
   */
  dot: {
    (a: FloatOperand, b: FloatOperand, options?: RangeOptions): When<W, number>
    (a: ArrayOperand, b: ArrayOperand, options?: RangeOptions): When<W, number | bigint | boolean>
  }
  /**
   * A worker's part of a reduction that several share: into `out`, the results of those blocks of `a` that begin in the
   * `range`. When all workers have come to a barrier, the reduction of `out` is that of `a`, to the bit: for sum, prod,
   * min, max, any and all by the same reduction; mean (divided by the length of `a`), norm (its square root) and
   * countNonzero by sum. What `out` has to be, `partialsOf` says.
   */
  partials: <Out extends ArrayOperand>(
    out: Out,
    reduction: PartialReduction,
    a: ArrayOperand,
    options?: RangeOptions & {
      /** For `var` and `std`: the mean of all elements. */
      centre?: number
      /** The elements that are gone over. */
      where?: MaskOperand
    },
  ) => When<W, Out>
  /** A worker's part of `dot`, as `partials` of a sum of products. */
  dotPartials: <Out extends ArrayOperand>(
    out: Out,
    a: ArrayOperand,
    b: ArrayOperand,
    options?: RangeOptions,
  ) => When<W, Out>
}

const REDUCTION = [...RANGED, 'where', 'axis', 'out', 'initial', 'ddof']
const PARTIALS = [...RANGED, 'where', 'centre']
const { reductions } = native.kernelOperations()

/** All of them. */
export function reduce(mode: Mode): Implementations {
  const made: Record<string, Implementation> = {}
  for (const kernel of kernelsOf('reduction')) made[kernel.name] = (a, options) => reduction(mode, kernel, a, options)
  for (const kernel of kernelsOf('scan')) {
    made[kernel.name] = (out, a, options) =>
      mode.give(invoke(mode, kernel, alongAxis(kernel, options), out, a, ABSENT, ABSENT), out)
  }
  const dot = kernelNamed('dot')
  made.dot = (a, b, options) => invoke(mode, dot, ranged(dot, options), a, b, ABSENT, ABSENT)
  const dotPartials = kernelNamed('dotPartials')
  made.dotPartials = (out, a, b, options) =>
    mode.give(invoke(mode, dotPartials, ranged(dotPartials, options), out, a, b, ABSENT), out)
  const partials = kernelNamed('partials')
  made.partials = (out, name, a, options) => {
    const read = given(partials, options, PARTIALS)
    const centre = read.centre === undefined ? 0 : number(partials, 'centre', read.centre)
    const numbers = [0, codeOf(partials, name, reductions), centre]
    return mode.give(invoke(mode, partials, { ...common(partials, read), numbers }, out, a, ABSENT, ABSENT), out)
  }
  return made
}

function reduction(mode: Mode, kernel: Kernel, a: unknown, options: unknown): unknown {
  if (options === undefined) return invoke(mode, kernel, undefined, ABSENT, a, ABSENT, ABSENT)
  const read = given(kernel, options, REDUCTION)
  const parameters = common(kernel, read)
  if (read.ddof !== undefined) parameters.numbers = [number(kernel, 'ddof', read.ddof)]
  const { axis, out, initial = ABSENT } = read
  if (axis === undefined) {
    const answer = invoke(mode, kernel, parameters, out ?? ABSENT, a, initial, ABSENT)
    return out === undefined ? answer : mode.give(answer, out)
  }
  const input = settled(kernel, a)
  const shape = shapeOf(kernel, input)
  const axes = axesOf(kernel, axis, shape.length)
  parameters.axes = axes
  if (out !== undefined) return mode.give(invoke(mode, kernel, parameters, out, input, initial, ABSENT), out)
  const kept = shape.filter((_, at) => !axes.includes(at))
  // All axes are named: one value.
  if (kept.length === 0) return invoke(mode, kernel, parameters, ABSENT, input, initial, ABSENT)
  const result = newResult(kernel, input, kept)
  return mode.give(invoke(mode, kernel, parameters, result, input, initial, ABSENT), result.data)
}

/**
 * What the array for the results of the blocks of `a` has to be, for {@link Reductions.partials}.
 *
 * @throws InvalidArgumentError
 */
export function partialsOf(reduction: PartialReduction, a: ArrayOperand): PartialsShape {
  const kernel = kernelNamed('partials')
  const input = settled(kernel, a)
  const data = ArrayBuffer.isView(input) ? input : (input as View).data
  const size = sizeOf(shapeOf(kernel, input))
  const { length, dtype } = native.kernelPartials(codeOf(kernel, reduction, reductions), dtypeCode(kernel, data), size)
  return { length, dtype: DTYPES[dtype].name }
}
