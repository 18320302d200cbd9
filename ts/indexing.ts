/**
 * Where the elements of a view lie: indices, slices and copies over (shape, strides, offset), all in elements.
 * Indices and slices mean what they mean in NumPy: negative ones count from the end.
 */
import { describe, describeList } from './describe.js'
import type { PlainTypedArray } from './dtype.js'
import { InvalidArgumentError } from './errors.js'

/** Shape, strides and offset of a view into a flat array, in elements. A stride may be negative. */
export interface Geometry {
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly offset: number
}

/** Python's `start:stop:step`. What is left out runs to the end in the step's direction; the step is 1 unless given. */
export interface Slice {
  /** The first index; negative ones count from the end. */
  readonly start?: number | null
  /** The index before which it ends; negative ones count from the end. */
  readonly stop?: number | null
  /** From one index to the next; negative runs backwards, 0 is refused. */
  readonly step?: number | null
}

/** What `view` takes for one axis: an index removes the axis, a slice keeps a part, null or undefined all. */
export type AxisSlice = number | Slice | null | undefined

/**
 * An index of an axis, counted from the start.
 *
 * @throws InvalidArgumentError if it is no integer in -length … length-1
 */
export function resolveIndex(index: unknown, length: number, axis: number): number {
  if (typeof index === 'number' && Number.isInteger(index)) {
    if (index >= 0 && index < length) return index
    if (index < 0 && index >= -length) return index + length
  }
  throw outOfRange(index, length, axis)
}

function outOfRange(index: unknown, length: number, axis: number): InvalidArgumentError {
  const said = describe(index)
  return new InvalidArgumentError(`index ${said} is out of range for axis ${axis}, which has length ${length}`, {
    index: said,
    axis,
    length,
  })
}

/**
 * Place of an element in the flat array.
 *
 * @throws InvalidArgumentError unless there is one index in range for each axis
 */
export function elementAt(g: Geometry, indices: readonly unknown[], count = indices.length): number {
  const { shape, strides } = g
  if (count !== shape.length) throw wrongCount(shape.length, count)
  let at = g.offset
  for (let axis = 0; axis < count; axis++) {
    at += strides[axis] * resolveIndex(indices[axis], shape[axis], axis)
  }
  return at
}

function wrongCount(ndim: number, given: number): InvalidArgumentError {
  return new InvalidArgumentError(`${ndim} indices are needed, one for each axis; got ${given}`, { ndim, given })
}

/** The part of a view that the slices say, axis by axis; axes that have none are kept whole. */
export function sliced(g: Geometry, slices: readonly AxisSlice[]): Geometry {
  if (slices.length > g.shape.length) {
    throw new InvalidArgumentError(`${slices.length} slices for ${g.shape.length} axes`, {
      ndim: g.shape.length,
      given: slices.length,
    })
  }
  const shape: number[] = []
  const strides: number[] = []
  let offset = g.offset
  for (let axis = 0; axis < g.shape.length; axis++) {
    const slice = slices[axis]
    const length = g.shape[axis]
    if (typeof slice === 'number') {
      offset += g.strides[axis] * resolveIndex(slice, length, axis)
      continue
    }
    const { start, step, count } = resolveSlice(slice, length, axis)
    // An empty slice stays where its parent begins: its start may lie outside.
    if (count > 0) offset += g.strides[axis] * start
    shape.push(count)
    strides.push(g.strides[axis] * step)
  }
  return { shape: Object.freeze(shape), strides: Object.freeze(strides), offset }
}

/** First index, step and number of indices of a slice, by the rules of Python's `slice.indices`. */
function resolveSlice(slice: unknown, length: number, axis: number): { start: number; step: number; count: number } {
  if (slice === null || slice === undefined) return { start: 0, step: 1, count: length }
  if (typeof slice !== 'object') {
    throw new InvalidArgumentError(
      `a slice is an index or { start, stop, step }; axis ${axis} was given ${describe(slice)}`,
      { axis, slice: describe(slice) },
    )
  }
  const given = slice as Slice
  const step = sliceNumber(given.step, 'step', axis) ?? 1
  if (step === 0) throw new InvalidArgumentError(`the step of axis ${axis} is 0`, { axis })
  const lowest = step > 0 ? 0 : -1
  const highest = step > 0 ? length : length - 1
  const clamp = (bound: number) => Math.min(Math.max(bound < 0 ? bound + length : bound, lowest), highest)
  const from = sliceNumber(given.start, 'start', axis)
  const to = sliceNumber(given.stop, 'stop', axis)
  const start = from === undefined ? (step > 0 ? lowest : highest) : clamp(from)
  const stop = to === undefined ? (step > 0 ? highest : lowest) : clamp(to)
  // + 0 makes 0 of -0.
  return { start, step, count: Math.max(0, Math.ceil((stop - start) / step)) + 0 }
}

function sliceNumber(value: unknown, what: string, axis: number): number | undefined {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError(`the ${what} of axis ${axis} is an integer, not ${describe(value)}`, {
    axis,
    [what]: describe(value),
  })
}

/**
 * The view with its axes in another order: reversed, or as the list says.
 *
 * @throws InvalidArgumentError unless the list has every axis once
 */
export function transposed(g: Geometry, axes: readonly unknown[]): Geometry {
  const ndim = g.shape.length
  const given = axes.length === 1 && Array.isArray(axes[0]) ? axes[0] : axes
  const order =
    given.length === 0 ? g.shape.map((_, axis) => ndim - 1 - axis) : given.map(axis => (axis < 0 ? axis + ndim : axis))
  if (order.length !== ndim || !g.shape.every((_, axis) => order.includes(axis))) {
    throw new InvalidArgumentError(`transpose needs each of the ${ndim} axes once; got ${describeList(given)}`, {
      ndim,
      axes: describeList(given),
    })
  }
  return {
    shape: Object.freeze(order.map(axis => g.shape[axis])),
    strides: Object.freeze(order.map(axis => g.strides[axis])),
    offset: g.offset,
  }
}

/** Nested lists of the elements; of no axes, the element itself. */
export function nested(data: PlainTypedArray, g: Geometry): unknown {
  const { shape, strides } = g
  const level = (axis: number, at: number): unknown => {
    if (axis === shape.length) return data[at]
    const list = new Array<unknown>(shape[axis])
    for (let i = 0; i < list.length; i++) list[i] = level(axis + 1, at + i * strides[axis])
    return list
  }
  return level(0, g.offset)
}

/** Copies the elements into `out` in C order. */
export function gather(data: PlainTypedArray, g: Geometry, out: PlainTypedArray): void {
  const { shape, strides } = g
  const last = shape.length - 1
  if (last < 0) {
    out[0] = data[g.offset]
    return
  }
  let next = 0
  const level = (axis: number, start: number): void => {
    const stride = strides[axis]
    let at = start
    for (let i = 0; i < shape[axis]; i++, at += stride) {
      if (axis === last) out[next++] = data[at]
      else level(axis + 1, at)
    }
  }
  level(0, g.offset)
}
