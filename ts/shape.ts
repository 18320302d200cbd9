/**
 * Shapes and strides of arrays in C order (the last axis runs fastest), in elements.
 */
import { describe, describeList } from './describe.js'
import { InvalidArgumentError } from './errors.js'

/** NumPy's limit before 2.0, so that every array can be read there. */
export const MAX_RANK = 32

/** The shape that the argument names: a number is a one-dimensional one, `[]` a single element. */
export type ShapeLike = number | readonly number[]

/**
 * Checks a shape and makes a frozen list of it.
 *
 * @param shape - a length, or the lengths of up to 32 axes; each an integer, 0 or more
 * @param itemsize - bytes of one element; the bytes of the whole must stay below 2^53
 * @throws InvalidArgumentError
 */
export function parseShape(shape: unknown, itemsize: number): readonly number[] {
  if (typeof shape !== 'number' && !Array.isArray(shape)) {
    throw new InvalidArgumentError(`a shape is a number or a list of numbers, not ${describe(shape)}`, {
      shape: describe(shape),
    })
  }
  const axes: unknown[] = typeof shape === 'number' ? [shape] : Array.from(shape)
  if (axes.length > MAX_RANK) {
    throw new InvalidArgumentError(`a shape has at most ${MAX_RANK} axes, not ${axes.length}`, { rank: axes.length })
  }
  const said = () => describeList(axes)
  // Empty axes do not excuse the others, as in NumPy.
  let bytes = itemsize
  for (const length of axes) {
    if (typeof length !== 'number' || !Number.isInteger(length) || length < 0) {
      throw new InvalidArgumentError(`the lengths of a shape are integers, 0 or more; got ${said()}`, { shape: said() })
    }
    if (length > 0) bytes *= length
    if (bytes > Number.MAX_SAFE_INTEGER) {
      throw new InvalidArgumentError(`an array of shape ${said()} would have more than 2^53 bytes`, { shape: said() })
    }
  }
  // -0 is 0.
  return Object.freeze(axes.map(length => (length as number) + 0))
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1
  for (const length of shape) size *= length
  return size
}

/** Strides in C order, in elements, as NumPy has them (an empty axis counts as one of length 1). */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step
    step *= Math.max(shape[axis], 1)
  }
  return Object.freeze(strides)
}

/** Whether the elements lie one after the other in C order. Axes of length 1 have no say. */
export function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 0) return true
    if (shape[axis] === 1) continue
    if (strides[axis] !== step) return false
    step *= shape[axis]
  }
  return true
}

/**
 * A new shape of equally many elements; one length may be -1 and is worked out.
 *
 * @throws InvalidArgumentError
 */
export function reshaped(size: number, lengths: readonly unknown[]): readonly number[] {
  const open = lengths.indexOf(-1)
  if (open < 0) {
    const shape = parseShape([...lengths], 1)
    if (sizeOf(shape) === size) return shape
  } else {
    const others = parseShape(
      lengths.filter((_, axis) => axis !== open),
      1,
    )
    const known = sizeOf(others)
    if (known > 0 && size % known === 0) {
      return Object.freeze([...others.slice(0, open), size / known, ...others.slice(open)])
    }
  }
  const said = describeList(lengths)
  throw new InvalidArgumentError(`${size} elements cannot take the shape ${said}`, { size, shape: said })
}
