/**
 * Sorting, and elements at indices.
 */
import { describe, describeList } from '../describe.js'
import { InvalidArgumentError } from '../errors.js'
import { IndexRange } from '../index-range.js'
import { native } from '../native.js'
import { ABSENT, invoke, type Mode } from './call.js'
import type { Implementation, Implementations, Way, When } from './family.js'
import type { ArrayOperand, IndexOperand, Operand } from './operands.js'
import { common, given, integer, type Parameters, RANGED, type RangeOptions } from './options.js'
import { type Kernel, kernelNamed, kernelsOf } from './table.js'

/** Options of kernels along an axis. */
export interface AxisOptions extends RangeOptions {
  /** The axis; a negative one counts from the end. */
  axis?: number
}

/** The names of operations on two elements. */
export type BinaryOperation =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'floorDivide'
  | 'remainder'
  | 'power'
  | 'minimum'
  | 'maximum'
  | 'equal'
  | 'notEqual'
  | 'less'
  | 'lessEqual'
  | 'greater'
  | 'greaterEqual'
  | 'logicalAnd'
  | 'logicalOr'
  | 'logicalXor'
  | 'bitwiseAnd'
  | 'bitwiseOr'
  | 'bitwiseXor'
  | 'leftShift'
  | 'rightShift'

/** Sorting, and elements at indices. */
export interface Ordering<W extends Way> {
  /**
   * The elements of `a` in order along an axis (default: the last), NaN last; `out` may be `a`. Takes time in proportion
   * to the number of elements, and up to twice their memory. A range must not cut the axis. NumPy: `sort`.
   */
  sort: <Out extends ArrayOperand>(out: Out, a: ArrayOperand, options?: AxisOptions) => When<W, Out>
  /**
   * The indices that sort `a` along an axis (default: the last), into int32, uint32, int64 or uint64; equal elements keep
   * their order. NumPy: `argsort(kind='stable')`.
   */
  argsort: <Out extends ArrayOperand>(out: Out, a: ArrayOperand, options?: AxisOptions) => When<W, Out>
  /**
   * The elements of `a` at indices: in C order, or those along an axis. Negative indices count from the end; one out of
   * range is refused. At random indices some 30 ns an element. NumPy: `take`.
   */
  take: <Out extends ArrayOperand>(
    out: Out,
    a: ArrayOperand,
    indices: IndexOperand,
    options?: AxisOptions,
  ) => When<W, Out>
  /**
   * Stores values at indices of `out`: in C order, or along an axis; a scalar is repeated. Of an index that occurs several
   * times the last one wins. NumPy: `put`, `put_along_axis`.
   */
  put: <Out extends ArrayOperand>(
    out: Out,
    indices: IndexOperand,
    values: Operand,
    options?: AxisOptions,
  ) => When<W, Out>
  /**
   * Adds values at indices of `out`, in C order; to one that occurs several times, as often, in that order, whatever the
   * threads. NumPy: `add.at`.
   */
  scatterAdd: <Out extends ArrayOperand>(
    out: Out,
    indices: IndexOperand,
    values: Operand,
    options?: RangeOptions,
  ) => When<W, Out>
  /**
   * As `scatterAdd`, by atomic instructions: other workers may add to the same elements at the same time, and nothing is
   * lost. In what order, and so how floating-point sums are rounded, is not said.
   */
  atomicAdd: <Out extends ArrayOperand>(
    out: Out,
    indices: IndexOperand,
    values: Operand,
    options?: RangeOptions,
  ) => When<W, Out>
  /**
   * `out[i] = a[i] operation b[i]` for the i of `indices`, in one go: what a worker does with its share of a random split.
   * NumPy has none: `out[i] = a[i] + b[i]`, with three temporary arrays.
   */
  combineAt: <Out extends ArrayOperand>(
    out: Out,
    operation: BinaryOperation,
    a: Operand,
    b: Operand,
    indices: IndexOperand,
    options?: RangeOptions,
  ) => When<W, Out>
}

const ALONG_AXIS = [...RANGED, 'axis']
const { binary } = native.kernelOperations()

/** All of them. */
export function order(mode: Mode): Implementations {
  const made: Record<string, Implementation> = {}
  for (const kernel of kernelsOf('sort')) {
    made[kernel.name] = (out, a, options) =>
      mode.give(invoke(mode, kernel, alongAxis(kernel, options), out, a, ABSENT, ABSENT), out)
  }
  const take = kernelNamed('take')
  made.take = (out, a, indices, options) =>
    mode.give(invoke(mode, take, alongAxis(take, options), out, a, indexList(take, indices), ABSENT), out)
  const put = kernelNamed('put')
  made.put = (out, indices, values, options) =>
    mode.give(invoke(mode, put, alongAxis(put, options), out, indexList(put, indices), values, ABSENT), out)
  for (const kernel of kernelsOf('scatter')) {
    made[kernel.name] = (out, indices, values, options) =>
      mode.give(invoke(mode, kernel, ranged(kernel, options), out, indexList(kernel, indices), values, ABSENT), out)
  }
  const combineAt = kernelNamed('combineAt')
  made.combineAt = (out, operation, a, b, indices, options) => {
    const numbers = [operationCode(combineAt, operation)]
    const parameters = { ...ranged(combineAt, options), numbers }
    return mode.give(invoke(mode, combineAt, parameters, out, a, b, indexList(combineAt, indices)), out)
  }
  return made
}

function ranged(kernel: Kernel, options: unknown): Parameters | undefined {
  return options === undefined ? undefined : common(kernel, given(kernel, options, RANGED))
}

function alongAxis(kernel: Kernel, options: unknown): Parameters | undefined {
  if (options === undefined) return undefined
  const read = given(kernel, options, ALONG_AXIS)
  const parameters = common(kernel, read)
  if (read.axis !== undefined) parameters.axes = [integer(kernel, 'axis', read.axis, Number.MIN_SAFE_INTEGER)]
  return parameters
}

function operationCode(kernel: Kernel, name: unknown): number {
  const code = binary.indexOf(name as string)
  if (code >= 0) return code
  throw new InvalidArgumentError(`${kernel.name}: ${describe(name)} is none of ${describeList(binary)}`)
}

/**
 * Indices as an operand: lists and ranges become typed arrays.
 *
 * @throws InvalidArgumentError for a list with something that is no integer
 */
export function indexList(kernel: Kernel, indices: unknown): unknown {
  if (indices instanceof IndexRange) return indexList(kernel, indices.toArray())
  // What has more than 2^31 indices keeps them as doubles.
  if (!Array.isArray(indices) && !(indices instanceof Float64Array)) return indices
  const list: ArrayLike<unknown> = indices
  const out = new BigInt64Array(list.length)
  for (let i = 0; i < list.length; i++) {
    const index = list[i]
    if (!Number.isSafeInteger(index)) throw new InvalidArgumentError(`${kernel.name}: ${describe(index)} is no index`)
    out[i] = BigInt(index as number)
  }
  return out
}
