/**
 * Numeric kernels with NumPy's meaning over shared arrays.
 */
import { ASYNC, type Mode, SYNC } from './call.js'
import { type Elementwise, elementwise } from './elementwise.js'
import type { Asynchronous, Implementation, Implementations, Way } from './family.js'
import { type AtIndices, atIndices } from './indices.js'
import { type Linear, linear } from './linear.js'
import { type Ordering, order } from './order.js'
import { type Random, random } from './random.js'
import { partialsOf, type Reductions, reduce } from './reduce.js'

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
  IntegerOperand,
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

const all = (mode: Mode): Implementations => ({
  ...elementwise(mode),
  ...reduce(mode),
  ...linear(mode),
  ...atIndices(mode),
  ...order(mode),
  ...random(mode),
})

/** The asynchronous forms: what a call refuses, its promise rejects with. */
function asynchronous(implementations: Implementations): Implementations {
  const made: Record<string, Implementation> = {}
  for (const [name, implementation] of Object.entries(implementations)) {
    made[`${name}Async`] = async (...args) => implementation(...args)
  }
  return made
}

/** The implementations, each a function with the name by which it is called. */
function named(implementations: Implementations): Implementations {
  for (const [name, implementation] of Object.entries(implementations)) {
    Object.defineProperty(implementation, 'name', { value: name })
  }
  return Object.freeze(implementations)
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
export const kernels: Kernels = named({
  ...all(SYNC),
  ...asynchronous(all(ASYNC)),
  partialsOf: partialsOf as Implementation,
}) as unknown as Kernels
