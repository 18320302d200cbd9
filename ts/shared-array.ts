/**
 * Shared arrays: typed arrays over shared memory that know their name, element type and shape.
 *
 * A shared array *is* a typed array: `A[i]` costs what it costs on a plain one, and whatever takes a `Float64Array`
 * takes a `SharedFloat64Array`. The rest lies on the prototype. `slice`, `map` and `filter` give plain arrays with
 * copies of the elements; `subarray` gives a plain array over the shared memory itself.
 */
import { inspect } from 'node:util'
import type { DTypeMap, SharedArrayClass, SharedTypedArray } from './array-types.js'
import { describe } from './describe.js'
import {
  checkElement,
  type DType,
  dtypeNamed,
  type PlainTypedArray,
  plainConstructor,
  type TypedArrayConstructor,
} from './dtype.js'
import { InvalidArgumentError } from './errors.js'
import {
  type AxisSlice,
  elementAt,
  type Geometry,
  nested,
  resolveIndex,
  type Slice,
  sliced,
  transposed,
} from './indexing.js'
import { inspectArray } from './inspect.js'
import { type ArrayHandle, Mapping, type MappingOwner } from './mapping.js'
import { type MappedArray, native } from './native.js'
import { reshaped, sizeOf, stridesOf } from './shape.js'
import { StridedView, scijsOrder } from './strided-view.js'

export type * from './array-types.js'

/** What a shared array keeps. */
export interface ArrayState {
  readonly mapping: Mapping
  /** Elements of the mapping before its first one. */
  readonly start: number
  /** Where its elements are within itself: in C order, from 0. */
  readonly geometry: Geometry
}

const STATE = Symbol('tsdsm.state')
/** Shows that a constructor call is ours. */
const MADE = Symbol('tsdsm.made')

type Instance = PlainTypedArray & { readonly [STATE]: ArrayState }

/** The state of a shared array. */
export function stateOf(array: SharedTypedArray): ArrayState {
  return (array as unknown as Instance)[STATE]
}

/** Whether `x` is a shared array, or a view of one that is itself a typed array. */
export function isSharedArray(x: unknown): x is SharedTypedArray {
  return ArrayBuffer.isView(x) && STATE in x
}

/** The class for one element type: `Base` with the members of {@link SharedArrayMembers}. */
function sharedClass<D extends DType>(dtype: D, name: string, Base: TypedArrayConstructor): SharedArrayClass<D> {
  const classes = {
    [name]: class extends Base {
      readonly #state: ArrayState

      /** What all rows have in common; made with the first. */
      #row: Geometry | undefined

      constructor(made: unknown, mapping: Mapping, start: number, geometry: Geometry) {
        if (made !== MADE) {
          throw new InvalidArgumentError(
            `${name} is made by createShared, getShared and SharedArray.attach; a plain copy is ${Base.name}.from(…)`,
          )
        }
        super(mapping.buffer, start * Base.BYTES_PER_ELEMENT, sizeOf(geometry.shape))
        this.#state = { mapping, start, geometry }
      }

      static get [Symbol.species](): TypedArrayConstructor {
        return Base
      }

      static get dtype(): D {
        return dtype
      }

      get [STATE](): ArrayState {
        return this.#state
      }

      get name(): string {
        return this.#state.mapping.name
      }

      get dtype(): D {
        return dtype
      }

      get shape(): readonly number[] {
        return this.#state.geometry.shape
      }

      get strides(): readonly number[] {
        return this.#state.geometry.strides
      }

      get stride(): readonly number[] {
        return this.#state.geometry.strides
      }

      get ndim(): number {
        return this.#state.geometry.shape.length
      }

      get dimension(): number {
        return this.#state.geometry.shape.length
      }

      get size(): number {
        return this.length
      }

      get data(): this {
        return this
      }

      get offset(): 0 {
        return 0
      }

      get order(): number[] {
        return scijsOrder(this.#state.geometry.strides)
      }

      get readOnly(): boolean {
        return this.#state.mapping.readOnly
      }

      get closed(): boolean {
        return this.#state.mapping.closed
      }

      item(...indices: number[]): number | bigint {
        return this[elementAt(this.#open(), indices)]
      }

      setItem(...indicesAndValue: unknown[]): void {
        this.#state.mapping.checkWrite()
        const last = indicesAndValue.length - 1
        const value = checkElement(indicesAndValue[last], dtype)
        this[elementAt(this.#open(), indicesAndValue, last)] = value
      }

      row(index: number): DTypeMap[D] {
        const { shape, strides } = this.#open()
        this.#needAxis('row')
        this.#row ??= inOrder(shape.slice(1))
        return this.#part(resolveIndex(index, shape[0], 0) * strides[0], this.#row)
      }

      rows(start: number | Slice, stop?: number): DTypeMap[D] {
        this.#needAxis('rows')
        const slice = typeof start === 'object' && start !== null ? start : { start, stop }
        const g = sliced(this.#open(), [slice])
        if (g.shape[0] > 1 && g.strides[0] !== this.strides[0]) {
          throw new InvalidArgumentError(
            `rows(…) is one block: its step is 1, not ${describe(slice.step)}; view(…) takes any step`,
            { step: describe(slice.step) },
          )
        }
        return this.#part(g.offset, inOrder(g.shape))
      }

      reshape(...lengths: unknown[]): DTypeMap[D] {
        this.#open()
        const shape = lengths.length === 1 && Array.isArray(lengths[0]) ? lengths[0] : lengths
        return this.#part(0, inOrder(reshaped(this.length, shape)))
      }

      view(...slices: AxisSlice[]): StridedView<D> {
        return new StridedView<D>(this.#self(), this.#state, sliced(this.#open(), slices))
      }

      transpose(...axes: number[]): StridedView<D> {
        return new StridedView<D>(this.#self(), this.#state, transposed(this.#open(), axes))
      }

      toNested(): unknown {
        return nested(this, this.#open())
      }

      handle(): ArrayHandle {
        this.#open()
        const { mapping, start } = this.#state
        return mapping.handle(start, this.shape)
      }

      toJSON(): ArrayHandle {
        return this.handle()
      }

      close(): void {
        this.#state.mapping.close()
      }

      unlink(): void {
        this.#state.mapping.unlink()
      }

      [Symbol.dispose](): void {
        this.close()
      }

      async [Symbol.asyncDispose](): Promise<void> {
        this.close()
      }

      [inspect.custom](depth: number | null, options: object): string {
        const { mapping, geometry } = this.#state
        return inspectArray(name, mapping, this, geometry, depth, options)
      }

      #open(): Geometry {
        // A closed array has no elements; the length is quicker to ask for.
        if (this.length === 0) this.#state.mapping.check()
        return this.#state.geometry
      }

      #self(): DTypeMap[D] {
        return this as unknown as DTypeMap[D]
      }

      #needAxis(method: string): void {
        if (this.ndim === 0) {
          throw new InvalidArgumentError(`${method}() needs an axis, and '${this.name}' is a single element`)
        }
      }

      #part(offset: number, geometry: Geometry): DTypeMap[D] {
        const { mapping, start } = this.#state
        return construct(mapping, start + offset, geometry) as DTypeMap[D]
      }
    },
  }
  return classes[name] as unknown as SharedArrayClass<D>
}

function classOf<D extends DType>(dtype: D, name: string): SharedArrayClass<D> {
  return sharedClass(dtype, name, plainConstructor(dtypeNamed(dtype)) as TypedArrayConstructor)
}

/** bool elements, stored as bytes: an element is 0 or 1. */
export const SharedBoolArray = classOf('bool', 'SharedBoolArray')
/** int8 elements. */
export const SharedInt8Array = classOf('int8', 'SharedInt8Array')
/** uint8 elements. */
export const SharedUint8Array = classOf('uint8', 'SharedUint8Array')
/** int16 elements. */
export const SharedInt16Array = classOf('int16', 'SharedInt16Array')
/** uint16 elements. */
export const SharedUint16Array = classOf('uint16', 'SharedUint16Array')
/** int32 elements. Stores wrap around at 2^31, as in every typed array. */
export const SharedInt32Array = classOf('int32', 'SharedInt32Array')
/** uint32 elements. */
export const SharedUint32Array = classOf('uint32', 'SharedUint32Array')
/** int64 elements, as bigints. */
export const SharedInt64Array = classOf('int64', 'SharedInt64Array')
/** uint64 elements, as bigints. */
export const SharedUint64Array = classOf('uint64', 'SharedUint64Array')
/** float32 elements. */
export const SharedFloat32Array = classOf('float32', 'SharedFloat32Array')
/** float64 elements. */
export const SharedFloat64Array = classOf('float64', 'SharedFloat64Array')
/** float16 elements; undefined where the engine has no `Float16Array` (before Node 24). */
export const SharedFloat16Array: SharedArrayClass<'float16'> | undefined = plainConstructor(dtypeNamed('float16'))
  ? classOf('float16', 'SharedFloat16Array')
  : undefined

type Made = new (made: typeof MADE, mapping: Mapping, start: number, geometry: Geometry) => SharedTypedArray

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

function construct(mapping: Mapping, start: number, geometry: Geometry): SharedTypedArray {
  return new CLASSES[mapping.dtype.name](MADE, mapping, start, geometry)
}

/** The elements of a shape one after the other, from 0. */
function inOrder(shape: readonly number[]): Geometry {
  return { shape: Object.freeze(shape), strides: stridesOf(shape), offset: 0 }
}

/** A shared array over a part of a mapping: the elements from `start` on, in C order. */
export function arrayOver(mapping: Mapping, start: number, shape: readonly number[]): SharedTypedArray {
  mapping.check()
  return construct(mapping, start, inOrder(shape))
}

/**
 * The shared array over what the binding has mapped. On an error the memory is given back.
 *
 * @throws UnsupportedError for float16 where the engine has no `Float16Array`
 */
export function wrapMapped(mapped: MappedArray, owner?: MappingOwner): SharedTypedArray {
  try {
    const mapping = new Mapping(mapped, owner)
    return arrayOver(mapping, 0, mapping.shape)
  } catch (error) {
    native.bufferDetach(mapped.buffer)
    throw error
  }
}
