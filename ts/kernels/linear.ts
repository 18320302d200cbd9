/**
 * Matrices, distances, stencils.
 */
import { native } from '../native.js'
import { ABSENT, invoke, type Mode } from './call.js'
import type { Implementations, Way, When } from './family.js'
import { settled } from './frame.js'
import { indexList } from './indices.js'
import type { ArrayOperand, FloatOperand, IndexOperand } from './operands.js'
import { choice, common, given, numberList, type Parameters, RANGED, type RangeOptions } from './options.js'
import { axesOf, shapeOf } from './results.js'
import { kernelNamed } from './table.js'

/** Options of {@link Linear.matmul}. */
export interface MatmulOptions extends RangeOptions {
  /** The rows of `a` and of `out` that are computed, each once, in any order; the others are not touched. */
  rows?: IndexOperand
}

/** Options of {@link Linear.transpose}. */
export interface TransposeOptions extends RangeOptions {
  /** Axis i of `out` is axis `axes[i]` of `a`; negative ones count from the end. Default: they are reversed. */
  axes?: readonly number[]
}

/** Options of {@link Linear.cdist}. */
export interface DistanceOptions extends RangeOptions {
  /** Default `'euclidean'`. */
  metric?: 'euclidean' | 'sqeuclidean' | 'cityblock' | 'chebyshev'
}

/** Options of {@link Linear.nearest}. */
export interface NearestOptions extends RangeOptions {
  /** Where the squared distance of each point from its nearest centre goes. */
  squares?: FloatOperand
}

/** Options of {@link Linear.stencil}. */
export interface StencilOptions extends RangeOptions {
  /** What becomes of elements at the border, which lack a neighbour. Default `'untouched'`. */
  boundary?: 'untouched' | 'copied'
}

/** Matrices, distances, stencils. */
export interface Linear<W extends Way> {
  /**
   * The matrix product a b: (…, m, k) times (…, k, n) into (…, m, n), where the axes before are broadcast and a vector
   * stands for a matrix without m or n. An element of the result has the same bits whatever the threads, the range and the
   * rows. 2 m n k operations; `out` must not overlap `a` or `b`. NumPy: `matmul`.
   */
  matmul: <Out extends ArrayOperand>(
    out: Out,
    a: ArrayOperand,
    b: ArrayOperand,
    options?: MatmulOptions,
  ) => When<W, Out>
  /** A copy of `a` with its axes in another order. NumPy: `transpose().copy()`. */
  transpose: <Out extends ArrayOperand>(out: Out, a: ArrayOperand, options?: TransposeOptions) => When<W, Out>
  /** The distances between the points of `a`, (m, k), and of `b`, (n, k), into (m, n). SciPy: `spatial.distance.cdist`. */
  cdist: <Out extends FloatOperand>(
    out: Out,
    a: FloatOperand,
    b: FloatOperand,
    options?: DistanceOptions,
  ) => When<W, Out>
  /**
   * For each point, (m, k), the index of the nearest of the centres, (n, k), the first of several: into `labels`, (m), of
   * int32, uint32, int64 or uint64. Needs no room for the distances. NumPy has none: `cdist(…).argmin(axis=1)`.
   */
  nearest: <Labels extends ArrayOperand>(
    labels: Labels,
    points: FloatOperand,
    centres: FloatOperand,
    options?: NearestOptions,
  ) => When<W, Labels>
  /**
   * One step of a stencil over 1 to 3 axes: the sum of coefficients times the element itself, then its neighbours before
   * and after it along each axis. NumPy has none; SciPy: `ndimage.convolve`.
   */
  stencil: <Out extends FloatOperand>(
    out: Out,
    a: FloatOperand,
    coefficients: readonly number[] | Float64Array,
    options?: StencilOptions,
  ) => When<W, Out>
}

const MATMUL = [...RANGED, 'rows']
const TRANSPOSE = [...RANGED, 'axes']
const DISTANCE = [...RANGED, 'metric']
const NEAREST = [...RANGED, 'squares']
const STENCIL = [...RANGED, 'boundary']
const BOUNDARIES = ['untouched', 'copied']
const { metrics } = native.kernelOperations()

/** All of them. */
export function linear(mode: Mode): Implementations {
  const [matmul, transpose, cdist] = [kernelNamed('matmul'), kernelNamed('transpose'), kernelNamed('cdist')]
  const [nearest, stencil] = [kernelNamed('nearest'), kernelNamed('stencil')]
  return {
    matmul: (out, a, b, options) => {
      const read = given(matmul, options, MATMUL)
      const rows = read.rows === undefined ? ABSENT : indexList(matmul, read.rows)
      return mode.give(invoke(mode, matmul, common(matmul, read), out, a, b, rows), out)
    },
    transpose: (out, a, options) => {
      const read = given(transpose, options, TRANSPOSE)
      const parameters: Parameters = common(transpose, read)
      const input = settled(transpose, a)
      if (read.axes !== undefined) {
        parameters.axes = axesOf(transpose, read.axes, shapeOf(transpose, input).length)
      }
      return mode.give(invoke(mode, transpose, parameters, out, input, ABSENT, ABSENT), out)
    },
    cdist: (out, a, b, options) => {
      const read = given(cdist, options, DISTANCE)
      const parameters = { ...common(cdist, read), numbers: [choice(cdist, 'metric', read.metric, metrics)] }
      return mode.give(invoke(mode, cdist, parameters, out, a, b, ABSENT), out)
    },
    nearest: (labels, points, centres, options) => {
      const read = given(nearest, options, NEAREST)
      const squares = read.squares ?? ABSENT
      return mode.give(invoke(mode, nearest, common(nearest, read), labels, squares, points, centres), labels)
    },
    stencil: (out, a, coefficients, options) => {
      const read = given(stencil, options, STENCIL)
      const numbers = [choice(stencil, 'boundary', read.boundary, BOUNDARIES)]
      const list = numberList(stencil, coefficients)
      return mode.give(invoke(mode, stencil, { ...common(stencil, read), numbers }, out, a, list, ABSENT), out)
    },
  }
}
