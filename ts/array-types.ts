/**
 * The types of shared arrays. No global type that an ES2022 program lacks is named here.
 */
import type { DType, DTypeLike, DTypeOf } from './dtype.js'
import type { AxisSlice, Slice } from './indexing.js'
import type { ArrayHandle } from './mapping.js'
import type { StridedView } from './strided-view.js'

/** What a shared array has beside what its typed array has. Views made by `row`, `rows` and `reshape` are such arrays too. */
export interface SharedArrayMembers<D extends DType = DType> {
  /** Name of the array; of a view, that of the array it is a part of. */
  readonly name: string
  /** Element type. */
  readonly dtype: D
  /** Lengths of the axes; `[]` for a single element. Frozen. */
  readonly shape: number[]
  /** Elements from one index to the next along each axis. Frozen. */
  readonly strides: number[]
  /** The same, by the name scijs gives it. */
  readonly stride: number[]
  /** Number of axes. */
  readonly ndim: number
  /** The same, by the name scijs gives it. */
  readonly dimension: number
  /** Number of elements; the same as `length`. */
  readonly size: number
  /** The array itself: with `shape`, `stride`, `offset` and `order` it can be read as a scijs ndarray. */
  readonly data: this
  /** Where its first element is in `data`: 0. */
  readonly offset: 0
  /** Axes from the fastest to the slowest, as scijs has it. */
  readonly order: number[]
  /** Whether it was attached read-only. Stores into it are seen by this process alone. */
  readonly readOnly: boolean
  /** Whether its memory was closed: then it has length 0, and its methods throw {@link ClosedError}. */
  readonly closed: boolean
  /**
   * One element. Negative indices count from the end.
   * @throws InvalidArgumentError unless there is one index in range for each axis
   */
  item(...indices: number[]): DTypeElement[D]
  /**
   * Stores one element: the indices, then the value.
   * @throws InvalidArgumentError for bad indices, a value of the wrong kind, or a read-only array
   */
  setItem(...indicesAndValue: [...indices: number[], value: DTypeElement[D] | boolean]): void
  /** The part at one index of the first axis: an array over the same memory, with one axis less. */
  row(index: number): DTypeMap[D]
  /** The parts at start … stop-1 of the first axis, over the same memory. Negative ones count from the end. */
  rows(start: number, stop?: number): DTypeMap[D]
  /** The parts in a range, as `splitIndices(…, { random: false })` gives it. Its step must be 1. */
  rows(range: Slice): DTypeMap[D]
  /** The same elements in another shape, over the same memory. One length may be -1 and is worked out. */
  reshape(...shape: number[]): DTypeMap[D]
  /** The same elements in another shape, over the same memory. One length may be -1 and is worked out. */
  reshape(shape: readonly number[]): DTypeMap[D]
  /**
   * A part of it, over the same memory: for each axis an index, a `{ start, stop, step }` with Python's meaning, or
   * null for all of it.
   */
  view(...slices: AxisSlice[]): StridedView<D>
  /** It with its axes reversed, or in the order given, over the same memory. */
  transpose(...axes: number[] | [axes: readonly number[]]): StridedView<D>
  /** A copy in nested lists. */
  toNested<R = Nested<DTypeElement[D]>>(): R
  /** Plain data that makes this array again in another process: pass it as a message, or to `SharedArray.attach`. */
  handle(): ArrayHandle
  /** The handle, so that `JSON.stringify` writes that and not the elements. */
  toJSON(): ArrayHandle
  /**
   * Unmaps the memory from this process. Every array and view over it here becomes empty, without harm; other
   * processes and the array's name are as before. Closing twice is fine.
   */
  close(): void
  /**
   * Takes the name away: nobody can attach any more, and the memory is freed when the last process has closed it.
   * @throws UnsupportedError for an array attached from outside its cluster
   */
  unlink(): void
  /** Closes it. */
  [Symbol.dispose](): void
  /** Closes it. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Lists in lists, one level for each axis; an array of no axes is its element. */
export type Nested<T> = T | Nested<T>[]

/** What an element of each type is in JS. */
export interface DTypeElement {
  bool: number
  int8: number
  uint8: number
  int16: number
  uint16: number
  int32: number
  uint32: number
  int64: bigint
  uint64: bigint
  float16: number
  float32: number
  float64: number
}

/** bool elements, stored as bytes: an element is 0 or 1. */
export interface SharedBoolArray extends Uint8Array<ArrayBuffer>, SharedArrayMembers<'bool'> {}
/** int8 elements. */
export interface SharedInt8Array extends Int8Array<ArrayBuffer>, SharedArrayMembers<'int8'> {}
/** uint8 elements. */
export interface SharedUint8Array extends Uint8Array<ArrayBuffer>, SharedArrayMembers<'uint8'> {}
/** int16 elements. */
export interface SharedInt16Array extends Int16Array<ArrayBuffer>, SharedArrayMembers<'int16'> {}
/** uint16 elements. */
export interface SharedUint16Array extends Uint16Array<ArrayBuffer>, SharedArrayMembers<'uint16'> {}
/** int32 elements. Stores wrap around at 2^31, as in every typed array. */
export interface SharedInt32Array extends Int32Array<ArrayBuffer>, SharedArrayMembers<'int32'> {}
/** uint32 elements. */
export interface SharedUint32Array extends Uint32Array<ArrayBuffer>, SharedArrayMembers<'uint32'> {}
/** int64 elements, as bigints. */
export interface SharedInt64Array extends BigInt64Array<ArrayBuffer>, SharedArrayMembers<'int64'> {}
/** uint64 elements, as bigints. */
export interface SharedUint64Array extends BigUint64Array<ArrayBuffer>, SharedArrayMembers<'uint64'> {}
/** float32 elements. */
export interface SharedFloat32Array extends Float32Array<ArrayBuffer>, SharedArrayMembers<'float32'> {}
/** float64 elements. */
export interface SharedFloat64Array extends Float64Array<ArrayBuffer>, SharedArrayMembers<'float64'> {}
/** float16 elements, where the engine has them (Node 24). Typed as what it has in common with a `Float32Array`. */
export interface SharedFloat16Array
  extends Omit<Float32Array<ArrayBuffer>, typeof Symbol.toStringTag>,
    SharedArrayMembers<'float16'> {
  [index: number]: number
}

/** The class of shared array for each element type. */
export interface DTypeMap {
  bool: SharedBoolArray
  int8: SharedInt8Array
  uint8: SharedUint8Array
  int16: SharedInt16Array
  uint16: SharedUint16Array
  int32: SharedInt32Array
  uint32: SharedUint32Array
  int64: SharedInt64Array
  uint64: SharedUint64Array
  float16: SharedFloat16Array
  float32: SharedFloat32Array
  float64: SharedFloat64Array
}

/** The shared array of an element type, however that is named: `SharedArrayOf<'f8'>` is {@link SharedFloat64Array}. */
export type SharedArrayOf<L extends DTypeLike = 'int32'> = DTypeMap[DTypeOf<L>]

/** A shared array of any element type. */
export type SharedTypedArray = DTypeMap[DType]

/** A class of shared arrays: for `instanceof`. Instances come from `createShared`, `getShared` and `attach`. */
export type SharedArrayClass<D extends DType> = (abstract new (
  made: never,
) => DTypeMap[D]) & {
  readonly prototype: DTypeMap[D]
  /** Element type of the instances. */
  readonly dtype: D
  /** Bytes of one element. */
  readonly BYTES_PER_ELEMENT: number
}
