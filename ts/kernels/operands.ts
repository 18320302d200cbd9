/**
 * What kernels take for operands.
 */
import type { DTypeMap, SharedTypedArray } from '../array-types.js'
import type { IndexRange } from '../index-range.js'
import type { StridedView } from '../strided-view.js'
import type { Results } from './results.js'

/** A typed array that is no shared one: it has one axis. A `Float16Array` is one where the engine has it. */
export type PlainArray = Results | PlainFloatArray

/** A typed array of floating-point numbers. */
export type PlainFloatArray =
  | Float32Array
  | Float64Array
  // Said by its tag: the global type is not there for everybody.
  | (ArrayBufferView & { readonly [Symbol.toStringTag]: 'Float16Array' })

/**
 * An array in the form of scijs: the element (i, j, …) is `data[offset + i * stride[0] + j * stride[1] + …]`.
 */
export interface NdarrayLike<Data = PlainArray | SharedTypedArray> {
  /** The elements. */
  readonly data: Data
  /** Lengths of the axes. */
  readonly shape: readonly number[]
  /** Elements of `data` from one index to the next along each axis. */
  readonly stride: readonly number[]
  /** Where the first element is in `data`. */
  readonly offset: number
}

/** An array of any element type: a shared array, a strided view, a typed array, or a scijs ndarray over one. */
export type ArrayOperand = SharedTypedArray | StridedView | PlainArray | NdarrayLike

/** An array of floating-point numbers. */
export type FloatOperand =
  | DTypeMap['float16' | 'float32' | 'float64']
  | StridedView<'float16' | 'float32' | 'float64'>
  | StridedView<'float16'>
  | StridedView<'float32'>
  | StridedView<'float64'>
  | PlainFloatArray
  | NdarrayLike<PlainFloatArray | DTypeMap['float16' | 'float32' | 'float64']>

/** An array of bool or uint8: every element but 0 counts as true. */
export type MaskOperand =
  | DTypeMap['bool' | 'uint8']
  | StridedView<'bool'>
  | StridedView<'uint8'>
  | Uint8Array
  | NdarrayLike<Uint8Array | DTypeMap['bool' | 'uint8']>

/** What stands for one number: it takes the element type of the arrays beside it, which has to have it. */
export type ScalarOperand = number | bigint | boolean

/** An array, or a scalar that is repeated. */
export type Operand = ArrayOperand | ScalarOperand

/** A list of indices: integers in an array of one axis, a list, or a range. */
export type IndexOperand = ArrayOperand | readonly number[] | IndexRange
