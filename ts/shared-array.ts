/**
 * Shared arrays: typed arrays over shared memory that know their name, element type and shape.
 *
 * A shared array *is* a typed array: `A[i]` costs what it costs on a plain one, and whatever takes a `Float64Array`
 * takes a `SharedFloat64Array`. The rest lies on the prototype. `slice`, `map` and `filter` give plain arrays with
 * copies of the elements; `subarray` gives a plain array over the shared memory itself.
 */
import { inOrder, MADE, sharedClass } from './array-class.js'
import type * as Types from './array-types.js'
import { type DType, dtypeNamed, plainConstructor, type TypedArrayConstructor } from './dtype.js'
import type { Geometry } from './indexing.js'
import { Mapping, type MappingOwner } from './mapping.js'
import { type MappedArray, native } from './native.js'

export { isSharedArray } from './array-class.js'
export type * from './array-types.js'

function classOf<D extends DType>(dtype: D, name: string): Types.SharedArrayClass<D> {
  return sharedClass(dtype, name, plainConstructor(dtypeNamed(dtype)) as TypedArrayConstructor)
}

/** bool elements, stored as bytes: an element is 0 or 1. */
export type SharedBoolArray = Types.SharedBoolArray
/** The class, for `instanceof` and as a dtype; instances come from `createShared`, `getShared` and `attach`. */
export const SharedBoolArray = classOf('bool', 'SharedBoolArray')
/** int8 elements. */
export type SharedInt8Array = Types.SharedInt8Array
/** The class, for `instanceof` and as a dtype; instances come from `createShared`, `getShared` and `attach`. */
export const SharedInt8Array = classOf('int8', 'SharedInt8Array')
/** uint8 elements. */
export type SharedUint8Array = Types.SharedUint8Array
/** The class, for `instanceof` and as a dtype; instances come from `createShared`, `getShared` and `attach`. */
export const SharedUint8Array = classOf('uint8', 'SharedUint8Array')
/** int16 elements. */
export type SharedInt16Array = Types.SharedInt16Array
/** The class, for `instanceof` and as a dtype; instances come from `createShared`, `getShared` and `attach`. */
export const SharedInt16Array = classOf('int16', 'SharedInt16Array')
/** uint16 elements. */
export type SharedUint16Array = Types.SharedUint16Array
/** The class, for `instanceof` and as a dtype; instances come from `createShared`, `getShared` and `attach`. */
export const SharedUint16Array = classOf('uint16', 'SharedUint16Array')
/** int32 elements. Stores wrap around at 2^31, as in every typed array. */
export type SharedInt32Array = Types.SharedInt32Array
/** The class, for `instanceof` and as a dtype; instances come from `createShared`, `getShared` and `attach`. */
export const SharedInt32Array = classOf('int32', 'SharedInt32Array')
/** uint32 elements. */
export type SharedUint32Array = Types.SharedUint32Array
/** The class, for `instanceof` and as a dtype; instances come from `createShared`, `getShared` and `attach`. */
export const SharedUint32Array = classOf('uint32', 'SharedUint32Array')
/** int64 elements, as bigints. */
export type SharedInt64Array = Types.SharedInt64Array
/** The class, for `instanceof` and as a dtype; instances come from `createShared`, `getShared` and `attach`. */
export const SharedInt64Array = classOf('int64', 'SharedInt64Array')
/** uint64 elements, as bigints. */
export type SharedUint64Array = Types.SharedUint64Array
/** The class, for `instanceof` and as a dtype; instances come from `createShared`, `getShared` and `attach`. */
export const SharedUint64Array = classOf('uint64', 'SharedUint64Array')
/** float32 elements. */
export type SharedFloat32Array = Types.SharedFloat32Array
/** The class, for `instanceof` and as a dtype; instances come from `createShared`, `getShared` and `attach`. */
export const SharedFloat32Array = classOf('float32', 'SharedFloat32Array')
/** float64 elements. */
export type SharedFloat64Array = Types.SharedFloat64Array
/** The class, for `instanceof` and as a dtype; instances come from `createShared`, `getShared` and `attach`. */
export const SharedFloat64Array = classOf('float64', 'SharedFloat64Array')
/** float16 elements; undefined where the engine has no `Float16Array` (before Node 24). */
export type SharedFloat16Array = Types.SharedFloat16Array
/** The class, for `instanceof` and as a dtype; instances come from `createShared`, `getShared` and `attach`. */
export const SharedFloat16Array: Types.SharedArrayClass<'float16'> | undefined = plainConstructor(dtypeNamed('float16'))
  ? classOf('float16', 'SharedFloat16Array')
  : undefined

type Made = new (made: typeof MADE, mapping: Mapping, start: number, geometry: Geometry) => Types.SharedTypedArray

const CLASSES = {
  bool: SharedBoolArray,
  int8: SharedInt8Array,
  uint8: SharedUint8Array,
  int16: SharedInt16Array,
  uint16: SharedUint16Array,
  int32: SharedInt32Array,
  uint32: SharedUint32Array,
  int64: SharedInt64Array,
  uint64: SharedUint64Array,
  float16: SharedFloat16Array,
  float32: SharedFloat32Array,
  float64: SharedFloat64Array,
} as unknown as Readonly<Record<DType, Made>>

/** A shared array over a part of a mapping: the elements from `start` on, in C order. */
export function arrayOver(mapping: Mapping, start: number, shape: readonly number[]): Types.SharedTypedArray {
  mapping.check()
  return new CLASSES[mapping.dtype.name](MADE, mapping, start, inOrder(shape))
}

/**
 * The shared array over what the binding has mapped. On an error the memory is given back.
 *
 * @throws UnsupportedError for float16 where the engine has no `Float16Array`
 */
export function wrapMapped(mapped: MappedArray, owner?: MappingOwner): Types.SharedTypedArray {
  try {
    const mapping = new Mapping(mapped, owner)
    return arrayOver(mapping, 0, mapping.shape)
  } catch (error) {
    native.bufferDetach(mapped.buffer)
    throw error
  }
}
