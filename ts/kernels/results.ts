/**
 * Arrays for results that a call was given no output for.
 */
import { stateOf } from '../array-class.js'
import type { SharedTypedArray } from '../array-types.js'
import { DTYPES, type PlainTypedArray, plainConstructor } from '../dtype.js'
import { InvalidArgumentError, UnsupportedError } from '../errors.js'
import { show } from '../options.js'
import { sizeOf, stridesOf } from '../shape.js'
import { dtypeCode, settled, View } from './frame.js'
import type { Kernel } from './table.js'

/** The shape of a settled operand that is an array. */
export function shapeOf(kernel: Kernel, x: unknown): readonly number[] {
  if (ArrayBuffer.isView(x)) return stateOf(x as SharedTypedArray)?.geometry.shape ?? [(x as PlainTypedArray).length]
  if (typeof x === 'object' && x !== null) return (x as View).shape
  throw new InvalidArgumentError(`${kernel.name} takes an array, not ${show(x)}`)
}

/** An operand that is written, with an axis of length 1 before its own. */
export function withAxis(kernel: Kernel, x: unknown): View {
  const out = settled(kernel, x)
  const shape = shapeOf(kernel, out)
  const [data, strides, offset] = ArrayBuffer.isView(out)
    ? [out, stridesOf(shape), 0]
    : [(out as View).data, (out as View).strides, (out as View).offset]
  return new View(data, [1, ...shape], [0, ...strides], offset)
}

/** A plain typed array of results. */
export type Results =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array

/** The axes as a list, with negative ones counted from the end. */
export function axesOf(kernel: Kernel, axis: unknown, rank: number): number[] {
  const list: unknown[] = Array.isArray(axis) ? axis : [axis]
  return list.map(each => {
    if (typeof each === 'number' && Number.isInteger(each) && each >= -rank && each < rank) {
      return each < 0 ? each + rank : each
    }
    throw new InvalidArgumentError(`${kernel.name}: there is no axis ${show(each)} in an array of ${rank} axes`, {
      axis: show(each),
    })
  })
}

/**
 * A new plain typed array for the results of a kernel on an input, of this shape in C order.
 *
 * @throws UnsupportedError for float16 where the engine has no `Float16Array`
 */
export function newResult(
  kernel: Kernel,
  input: unknown,
  shape: readonly number[],
): View & { readonly data: PlainTypedArray } {
  const data = ArrayBuffer.isView(input) ? input : (input as View).data
  const dtype = DTYPES[kernel.results?.[dtypeCode(kernel, data)] ?? -1]
  const Plain = plainConstructor(dtype)
  if (Plain === undefined) throw new UnsupportedError(`this engine has no typed array for ${dtype.name}`)
  const view = new View(new Plain(sizeOf(shape)), shape, stridesOf(shape), 0)
  return view as View & { readonly data: PlainTypedArray }
}
