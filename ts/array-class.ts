/**
 * How a class of typed arrays becomes a class of shared arrays.
 */
import { inspect } from 'node:util'
import type { DTypeMap, SharedArrayClass, SharedTypedArray } from './array-types.js'
import { describe } from './describe.js'
import { checkElement, type DType, type PlainTypedArray, type TypedArrayConstructor } from './dtype.js'
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
import type { ArrayHandle, Mapping } from './mapping.js'
import { reshaped, sizeOf, stridesOf } from './shape.js'
import { StridedView, scijsOrder } from './strided-view.js'

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
export const MADE = Symbol('tsdsm.made')

type Instance = PlainTypedArray & { readonly [STATE]: ArrayState }

/** The state of a shared array. */
export function stateOf(array: SharedTypedArray): ArrayState {
  return (array as unknown as Instance)[STATE]
}

/** Whether `x` is a shared array, or a view of one that is itself a typed array. */
export function isSharedArray(x: unknown): x is SharedTypedArray {
  return ArrayBuffer.isView(x) && STATE in x
}

/** The class for one element type: `Base` with the members of `SharedArrayMembers`. */
export function sharedClass<D extends DType>(dtype: D, name: string, Base: TypedArrayConstructor): SharedArrayClass<D> {
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

      transpose(...axes: unknown[]): StridedView<D> {
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
        const Class = classes[name]
        return new Class(MADE, mapping, start + offset, geometry) as unknown as DTypeMap[D]
      }
    },
  }
  return classes[name] as unknown as SharedArrayClass<D>
}

/** The elements of a shape one after the other, from 0. */
export function inOrder(shape: readonly number[]): Geometry {
  return { shape: Object.freeze(shape), strides: stridesOf(shape), offset: 0 }
}
