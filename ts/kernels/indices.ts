/**
 * Elements at indices.
 */
import { describe } from '../describe.js'
import { InvalidArgumentError } from '../errors.js'
import { IndexRange } from '../index-range.js'
import { native } from '../native.js'
import { ABSENT, invoke, type Mode } from './call.js'
import type { Implementations, Way, When } from './family.js'
import type { ArrayOperand, IndexOperand, Operand } from './operands.js'
import {
  type AxisOptions,
  alongAxis,
  codeOf,
  common,
  flag,
  given,
  RANGED,
  type RangeOptions,
  ranged,
} from './options.js'
import { type Kernel, kernelNamed } from './table.js'

/** The names of operations on two elements. */
export type BinaryOperation =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'floorDivide'
  | 'remainder'
  | 'pow'
  | 'atan2'
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

/** Options of {@link AtIndices.scatterAdd}. */
export interface ScatterOptions extends RangeOptions {
  /**
   * Add by atomic instructions: other workers may add to the same elements at the same time, and nothing is lost. In what
   * order, and so how floating-point sums are rounded, is not said then. Default false.
   */
  atomic?: boolean
}

/**
 * Elements at indices. Negative indices count from the end; one out of range is refused. Random places cost some 30 ns an
 * element, since each waits for the memory; neighbours cost 1 ns.
 *
 * A range is one of the indices' first axis.
 */
export interface AtIndices<W extends Way> {
  /** The elements of `a` at indices: of all in C order, or along an axis. NumPy: `take`. */
  take: <Out extends ArrayOperand>(
    out: Out,
    a: ArrayOperand,
    indices: IndexOperand,
    options?: AxisOptions,
  ) => When<W, Out>
  /**
   * Stores values at indices of `out`: of all in C order, or along an axis; a scalar is repeated. Of an index that occurs
   * several times the last one wins. NumPy: `put`.
   */
  put: <Out extends ArrayOperand>(
    out: Out,
    indices: IndexOperand,
    values: Operand,
    options?: AxisOptions,
  ) => When<W, Out>
  /**
   * Adds values at indices of `out`, in C order; where one occurs several times, as often, in that order, whatever the
   * threads. NumPy: `add.at`.
   */
  scatterAdd: <Out extends ArrayOperand>(
    out: Out,
    indices: IndexOperand,
    values: Operand,
    options?: ScatterOptions,
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

const SCATTER = [...RANGED, 'atomic']
const { binary } = native.kernelOperations()

/** All of them. */
export function atIndices(mode: Mode): Implementations {
  const [take, put] = [kernelNamed('take'), kernelNamed('put')]
  const [scatterAdd, combineAt] = [kernelNamed('scatterAdd'), kernelNamed('combineAt')]
  return {
    take: (out, a, indices, options) =>
      mode.give(invoke(mode, take, alongAxis(take, options), out, a, indexList(take, indices), ABSENT), out),
    put: (out, indices, values, options) =>
      mode.give(invoke(mode, put, alongAxis(put, options), out, indexList(put, indices), values, ABSENT), out),
    scatterAdd: (out, indices, values, options) => {
      const read = given(scatterAdd, options, SCATTER)
      const parameters = { ...common(scatterAdd, read), numbers: [flag(scatterAdd, 'atomic', read.atomic)] }
      const list = indexList(scatterAdd, indices)
      return mode.give(invoke(mode, scatterAdd, parameters, out, list, values, ABSENT), out)
    },
    combineAt: (out, operation, a, b, indices, options) => {
      const parameters = { ...ranged(combineAt, options), numbers: [codeOf(combineAt, operation, binary)] }
      return mode.give(invoke(mode, combineAt, parameters, out, a, b, indexList(combineAt, indices)), out)
    },
  }
}

/**
 * Indices as an operand: lists and ranges become typed arrays.
 *
 * @throws InvalidArgumentError for a list with something that is no integer
 */
export function indexList(kernel: Kernel, indices: unknown): unknown {
  if (indices instanceof IndexRange) return indexList(kernel, indices.toArray())
  // What may be 2^31 and more is kept in doubles.
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
