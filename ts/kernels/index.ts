/**
 * Numeric kernels with NumPy's meaning over shared arrays.
 */
import { native } from '../native.js'
import type { Elementwise } from './elementwise.js'
import type { Asynchronous, Way } from './family.js'
import type { AtIndices } from './indices.js'
import type { Linear } from './linear.js'
import type { Ordering } from './order.js'
import type { Random } from './random.js'
import type { partialsOf, Reductions } from './reduce.js'

export type { BinaryKernel, Elementwise, TernaryKernel, UnaryKernel } from './elementwise.js'
export type { Asynchronous, Way, When } from './family.js'
export type { AtIndices, BinaryOperation, ScatterOptions } from './indices.js'
export type {
  DistanceOptions,
  Linear,
  MatmulOptions,
  NearestOptions,
  StencilOptions,
  TransposeOptions,
} from './linear.js'
export type {
  ArrayOperand,
  FloatOperand,
  IndexOperand,
  MaskOperand,
  NdarrayLike,
  Operand,
  PlainArray,
  PlainFloatArray,
  ScalarOperand,
} from './operands.js'
export type { AxisOptions, ElementwiseOptions, KernelOptions, RangeOptions } from './options.js'
export type {
  BincountOptions,
  HistogramOptions,
  Ordering,
  QuantileOptions,
  SearchOptions,
  UniqueOptions,
} from './order.js'
export type {
  KeyOptions,
  NormalOptions,
  PermutationOptions,
  Random,
  RandomOptions,
  UniformOptions,
} from './random.js'
export type {
  DeviationOptions,
  ExactReductionKernel,
  InitialOptions,
  OutOptions,
  PartialReduction,
  PartialsShape,
  ReductionKernel,
  ReductionOptions,
  Reductions,
} from './reduce.js'
export type { Results } from './results.js'

/** Every kernel. */
export interface AllKernels<W extends Way>
  extends Elementwise<W>,
    Reductions<W>,
    Linear<W>,
    AtIndices<W>,
    Ordering<W>,
    Random<W> {}

/** Every kernel, in its synchronous form and in its asynchronous one. */
export interface Kernels extends AllKernels<'sync'>, Asynchronous<AllKernels<'async'>> {
  /** What an array for {@link Reductions.partials} has to be. */
  partialsOf: typeof partialsOf
}

/**
 * Numeric kernels with NumPy's meaning, compiled for the processor that the program runs on.
 *
 * `out` comes first and is given back. Arrays are shared arrays (of any shape), strided views, typed arrays (of one axis)
 * and scijs ndarrays; a number, bigint or boolean in place of an input is repeated. What does not fit together is refused
 * with an {@link InvalidArgumentError} before anything is written; an array that was closed, with a {@link ClosedError}.
 *
 * Each kernel blocks until it has ended. Its asynchronous form, `addAsync` of `add`, takes the same arguments, computes
 * off the event loop, and resolves to what the other returns. Shared arrays may be closed meanwhile; typed arrays and
 * ndarrays over them are copied when it is called, and the elements of `out` that it has changed are copied back when it
 * ends.
 *
 * Other processes may write to what a kernel reads: then it computes with any mixture of old and new bytes, and nothing
 * worse happens. Locks and barriers say whose turn it is.
 */
export const kernels = onDemand() as Kernels

/**
 * An object with a member for each kernel. Reading the first one loads the implementations of all: a program that uses
 * none, as workers often do not, starts sooner by some ms.
 */
function onDemand(): object {
  const object: Record<string, unknown> = {}
  const load = () => {
    const { implementations } = require('./all.js') as typeof import('./all.js')
    for (const [name, value] of Object.entries(implementations)) {
      Object.defineProperty(object, name, { value, enumerable: true, configurable: false, writable: false })
    }
  }
  const names = native.kernelTable().map(({ name }) => name)
  for (const name of [...names, ...names.map(name => `${name}Async`), 'partialsOf']) {
    const get = () => {
      load()
      return object[name]
    }
    Object.defineProperty(object, name, { get, enumerable: true, configurable: true })
  }
  return Object.preventExtensions(object)
}
