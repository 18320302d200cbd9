/**
 * Kernels over independent elements.
 */
import { ABSENT, invoke, type Mode } from './call.js'
import type { Implementation, Implementations, Way, When } from './family.js'
import type { ArrayOperand, Operand, ScalarOperand } from './operands.js'
import { common, ELEMENTWISE, type ElementwiseOptions, given, type Parameters } from './options.js'
import { type Kernel, kernelsOf } from './table.js'

/** A kernel of one input. */
export type UnaryKernel<W extends Way> = <Out extends ArrayOperand>(
  out: Out,
  a: Operand,
  options?: ElementwiseOptions,
) => When<W, Out>

/** A kernel of two inputs. */
export type BinaryKernel<W extends Way> = <Out extends ArrayOperand>(
  out: Out,
  a: Operand,
  b: Operand,
  options?: ElementwiseOptions,
) => When<W, Out>

/** A kernel of three inputs. */
export type TernaryKernel<W extends Way> = <Out extends ArrayOperand>(
  out: Out,
  a: Operand,
  b: Operand,
  c: Operand,
  options?: ElementwiseOptions,
) => When<W, Out>

/**
 * Kernels over independent elements: the result at an index depends on the inputs at that index, which are broadcast to
 * the shape of `out`. They give back `out`.
 *
 * The inputs have one element type, which scalars take; `out` has that of the result, or a wider one of NumPy's
 * `same_kind` rule. `out` may be one of the inputs; any other overlap is refused. All cost what it takes to read and
 * write the memory; from `exp` to `atan2`, what it takes to compute. Those are within 2 units in the last place, of
 * integers in float64.
 */
export interface Elementwise<W extends Way> {
  /** a + b; integers wrap; of bools, or. NumPy: `add`. */
  add: BinaryKernel<W>
  /** a - b; integers wrap. NumPy: `subtract`. */
  subtract: BinaryKernel<W>
  /** a b; integers wrap; of bools, and. NumPy: `multiply`. */
  multiply: BinaryKernel<W>
  /** a / b; of integers, as float64. NumPy: `divide`. */
  divide: BinaryKernel<W>
  /** The largest integer not above a / b; of integers, 0 where b is 0. NumPy: `floor_divide`. */
  floorDivide: BinaryKernel<W>
  /** What `floorDivide` leaves, with the sign of b; of integers, 0 where b is 0. NumPy: `remainder`, `mod`. */
  remainder: BinaryKernel<W>
  /** The lesser one; NaN where one is NaN. NumPy: `minimum`. */
  minimum: BinaryKernel<W>
  /** The greater one; NaN where one is NaN. NumPy: `maximum`. */
  maximum: BinaryKernel<W>

  /** a to the power of b; integers wrap, and of their negative powers the whole part is taken. NumPy: `pow`, `power`. */
  pow: BinaryKernel<W>
  /** The angle of the point (b, a), in radians from -π to π. NumPy: `atan2`, `arctan2`. */
  atan2: BinaryKernel<W>

  /** Whether a = b, into bool. NumPy: `equal`. */
  equal: BinaryKernel<W>
  /** Whether a ≠ b, into bool. NumPy: `not_equal`. */
  notEqual: BinaryKernel<W>
  /** Whether a < b, into bool. NumPy: `less`. */
  less: BinaryKernel<W>
  /** Whether a ≤ b, into bool. NumPy: `less_equal`. */
  lessEqual: BinaryKernel<W>
  /** Whether a > b, into bool. NumPy: `greater`. */
  greater: BinaryKernel<W>
  /** Whether a ≥ b, into bool. NumPy: `greater_equal`. */
  greaterEqual: BinaryKernel<W>

  /** Whether neither is 0, into bool. NumPy: `logical_and`. */
  logicalAnd: BinaryKernel<W>
  /** Whether one is not 0, into bool. NumPy: `logical_or`. */
  logicalOr: BinaryKernel<W>
  /** Whether exactly one is not 0, into bool. NumPy: `logical_xor`. */
  logicalXor: BinaryKernel<W>
  /** The bits that are in both; integers and bools. NumPy: `bitwise_and`. */
  bitwiseAnd: BinaryKernel<W>
  /** The bits that are in one; integers and bools. NumPy: `bitwise_or`. */
  bitwiseOr: BinaryKernel<W>
  /** The bits that are in exactly one; integers and bools. NumPy: `bitwise_xor`. */
  bitwiseXor: BinaryKernel<W>
  /** a with its bits moved up by b; 0 where b is not below their number. NumPy: `left_shift`. */
  leftShift: BinaryKernel<W>
  /** a with its bits moved down by b, the sign coming in. NumPy: `right_shift`. */
  rightShift: BinaryKernel<W>

  /** -a; integers wrap. NumPy: `negative`. */
  negative: UnaryKernel<W>
  /** |a|; the least signed integer stays what it is. NumPy: `absolute`. */
  absolute: UnaryKernel<W>
  /** -1, 0 or 1 as a is below, at or above 0; NaN for NaN. NumPy: `sign`. */
  sign: UnaryKernel<W>
  /** a a; integers wrap. NumPy: `square`. */
  square: UnaryKernel<W>
  /** The square root; NaN below 0. NumPy: `sqrt`. */
  sqrt: UnaryKernel<W>
  /** The largest integer that is not above a. NumPy: `floor`. */
  floor: UnaryKernel<W>
  /** The smallest integer that is not below a. NumPy: `ceil`. */
  ceil: UnaryKernel<W>
  /** The integer next to a towards 0. NumPy: `trunc`. */
  trunc: UnaryKernel<W>
  /** The nearest integer, the even one of two. NumPy: `rint`. */
  rint: UnaryKernel<W>
  /** e to the power of a. NumPy: `exp`. */
  exp: UnaryKernel<W>
  /** 2 to the power of a. NumPy: `exp2`. */
  exp2: UnaryKernel<W>
  /** e to the power of a, less 1, exact also for small a. NumPy: `expm1`. */
  expm1: UnaryKernel<W>
  /** The natural logarithm; NaN below 0. NumPy: `log`. */
  log: UnaryKernel<W>
  /** The logarithm to base 2; NaN below 0. NumPy: `log2`. */
  log2: UnaryKernel<W>
  /** The logarithm to base 10; NaN below 0. NumPy: `log10`. */
  log10: UnaryKernel<W>
  /** The natural logarithm of 1 + a, exact also for small a. NumPy: `log1p`. */
  log1p: UnaryKernel<W>
  /** The sine of an angle in radians. NumPy: `sin`. */
  sin: UnaryKernel<W>
  /** The cosine of an angle in radians. NumPy: `cos`. */
  cos: UnaryKernel<W>
  /** The tangent of an angle in radians. NumPy: `tan`. */
  tan: UnaryKernel<W>
  /** The angle of a sine, in radians. NumPy: `asin`. */
  asin: UnaryKernel<W>
  /** The angle of a cosine, in radians. NumPy: `acos`. */
  acos: UnaryKernel<W>
  /** The angle of a tangent, in radians. NumPy: `atan`. */
  atan: UnaryKernel<W>
  /** The hyperbolic sine. NumPy: `sinh`. */
  sinh: UnaryKernel<W>
  /** The hyperbolic cosine. NumPy: `cosh`. */
  cosh: UnaryKernel<W>
  /** The hyperbolic tangent. NumPy: `tanh`. */
  tanh: UnaryKernel<W>
  /** The cube root. NumPy: `cbrt`. */
  cbrt: UnaryKernel<W>

  /** Whether a is not a number, into bool. NumPy: `isnan`. */
  isnan: UnaryKernel<W>
  /** Whether a is infinite, into bool. NumPy: `isinf`. */
  isinf: UnaryKernel<W>
  /** Whether a is neither infinite nor NaN, into bool. NumPy: `isfinite`. */
  isfinite: UnaryKernel<W>
  /** Whether a is 0, into bool. NumPy: `logical_not`. */
  logicalNot: UnaryKernel<W>
  /** Each bit turned; of a bool, the other one. NumPy: `invert`. */
  invert: UnaryKernel<W>

  /** a, into the same element type or a wider one of its kind. NumPy: `copyto`. */
  copy: UnaryKernel<W>
  /**
   * a, converted to whatever element type `out` has: integers wrap; floats out of an integer type's range become the
   * nearest integer it has, and NaN 0; to floats, values round to the nearest. NumPy: `astype`.
   */
  cast: <Out extends ArrayOperand>(out: Out, a: ArrayOperand, options?: ElementwiseOptions) => When<W, Out>
  /** One value everywhere. NumPy: `ndarray.fill`. */
  fill: <Out extends ArrayOperand>(out: Out, value: ScalarOperand, options?: ElementwiseOptions) => When<W, Out>
  /** a b + c; of floats with one rounding. NumPy has none; C: `fma`. */
  fma: TernaryKernel<W>
  /** min(max(a, b), c); NaN where one is NaN. NumPy: `clip`. */
  clip: TernaryKernel<W>
  /** b where a is true, else c; a may have any element type, and all but 0 is true. NumPy: `where`. */
  where: TernaryKernel<W>
  /** y = alpha x + y, as `fma`; gives back y. BLAS: `axpy`. */
  axpy: <Y extends ArrayOperand>(y: Y, alpha: Operand, x: Operand, options?: ElementwiseOptions) => When<W, Y>
}

/** All of them. */
export function elementwise(mode: Mode): Implementations {
  const made: Record<string, Implementation> = {}
  for (const kernel of kernelsOf('unary')) {
    made[kernel.name] = (out, a, options) =>
      mode.give(invoke(mode, kernel, read(kernel, options), out, a, ABSENT, ABSENT), out)
  }
  for (const kernel of kernelsOf('binary')) {
    made[kernel.name] = (out, a, b, options) =>
      mode.give(invoke(mode, kernel, read(kernel, options), out, a, b, ABSENT), out)
  }
  for (const kernel of kernelsOf('ternary')) {
    made[kernel.name] = (out, a, b, c, options) =>
      mode.give(invoke(mode, kernel, read(kernel, options), out, a, b, c), out)
  }
  return made
}

function read(kernel: Kernel, options: unknown): Parameters | undefined {
  return options === undefined ? undefined : common(kernel, given(kernel, options, ELEMENTWISE))
}
