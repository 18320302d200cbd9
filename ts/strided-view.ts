/**
 * Views whose elements do not lie one after the other: slices with steps, columns, transposes.
 */
import { inspect } from 'node:util'
import type { DTypeElement, DTypeMap, Nested } from './array-types.js'
import { checkElement, type DType, dtypeNamed, type PlainTypedArray, plainConstructor } from './dtype.js'
import { InvalidArgumentError, UnsupportedError } from './errors.js'
import {
  type AxisSlice,
  elementAt,
  type Geometry,
  gather,
  nested,
  resolveIndex,
  sliced,
  transposed,
} from './indexing.js'
import { inspectArray } from './inspect.js'
import type { ArrayHandle, Mapping } from './mapping.js'
import { isContiguous, sizeOf } from './shape.js'

/** The plain typed array of each element type: what `contiguous()` gives. */
export type PlainArrayOf<D extends DType> = ReturnType<DTypeMap[D]['slice']>

/** How a view reaches the state of its array without the classes knowing each other. */
interface Viewed {
  readonly mapping: Mapping
  /** Elements of the mapping before the array's first one. */
  readonly start: number
}

/**
 * A view of a shared array with strides of its own, over the same memory. It has no index access: use `item` and
 * `setItem`, or read it as a scijs ndarray by `data`, `shape`, `stride` and `offset`: the element (i, j, …) is
 * `data[offset + i * stride[0] + j * stride[1] + …]`.
 *
 * Made by `view(…)` and `transpose()` of shared arrays.
 */
export class StridedView<D extends DType = DType> {
  /** The shared array that it is a view of. */
  readonly data: DTypeMap[D]
  /** Lengths of the axes. Frozen. */
  readonly shape: number[]
  /** Elements of `data` from one index to the next along each axis; may be negative. Frozen. */
  readonly strides: number[]
  /** The same as `strides`, by the name scijs gives it. */
  readonly stride: number[]
  /** Where its first element is in `data`. */
  readonly offset: number
  readonly #viewed: Viewed

  /** @internal */
  constructor(data: DTypeMap[D], viewed: Viewed, g: Geometry) {
    this.data = data
    this.#viewed = viewed
    this.shape = g.shape as number[]
    this.strides = g.strides as number[]
    this.stride = this.strides
    this.offset = g.offset
  }

  /** Name of the array. */
  get name(): string {
    return this.data.name
  }

  /** Element type. */
  get dtype(): D {
    return this.data.dtype as D
  }

  /** Number of axes. */
  get ndim(): number {
    return this.shape.length
  }

  /** The same as `ndim`, by the name scijs gives it. */
  get dimension(): number {
    return this.shape.length
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape)
  }

  /** Axes from the fastest to the slowest, as scijs has it. */
  get order(): number[] {
    return scijsOrder(this.strides)
  }

  /** Whether the array was attached read-only. */
  get readOnly(): boolean {
    return this.#viewed.mapping.readOnly
  }

  /** Whether the array's memory was closed. Then all methods throw {@link ClosedError}. */
  get closed(): boolean {
    return this.#viewed.mapping.closed
  }

  /**
   * One element. Negative indices count from the end.
   * @throws InvalidArgumentError unless there is one index in range for each axis
   */
  item(...indices: number[]): DTypeElement[D] {
    const data = this.data as PlainTypedArray
    // A closed array has no elements; the length is quicker to ask for.
    if (data.length === 0) this.#viewed.mapping.check()
    return data[elementAt(this, indices)] as DTypeElement[D]
  }

  /**
   * Stores one element: the indices, then the value.
   * @throws InvalidArgumentError for bad indices, a value of the wrong kind, or a read-only array
   */
  setItem(...indicesAndValue: [...indices: number[], value: DTypeElement[D] | boolean]): void {
    this.#viewed.mapping.checkWrite()
    const last = indicesAndValue.length - 1
    const value = checkElement(indicesAndValue[last], this.dtype)
    const data = this.data as PlainTypedArray
    data[elementAt(this, indicesAndValue, last)] = value
  }

  /** `item`, by the name scijs gives it. */
  get(...indices: number[]): DTypeElement[D] {
    return this.item(...indices)
  }

  /** `setItem`, by the name scijs gives it; gives back the value. */
  set(...indicesAndValue: [...indices: number[], value: DTypeElement[D] | boolean]): DTypeElement[D] | boolean {
    this.setItem(...indicesAndValue)
    return indicesAndValue[indicesAndValue.length - 1] as DTypeElement[D] | boolean
  }

  /**
   * Where an element is in `data`.
   * @throws InvalidArgumentError unless there is one index in range for each axis
   */
  index(...indices: number[]): number {
    return elementAt(this, indices)
  }

  /** The part at one index of the first axis: a view with one axis less. */
  row(index: number): StridedView<D> {
    if (this.ndim === 0)
      throw new InvalidArgumentError(`row() needs an axis, and this view of '${this.name}' is a single element`)
    return this.view(resolveIndex(index, this.shape[0], 0))
  }

  /** A part of it: for each axis an index, a `{ start, stop, step }` with Python's meaning, or null for all of it. */
  view(...slices: AxisSlice[]): StridedView<D> {
    return this.#other(sliced(this, slices))
  }

  /** It with its axes reversed, or in the order given. */
  transpose(...axes: number[] | [axes: readonly number[]]): StridedView<D> {
    return this.#other(transposed(this, axes))
  }

  /** A copy in nested lists. */
  toNested<R = Nested<DTypeElement[D]>>(): R {
    this.#viewed.mapping.check()
    return nested(this.data as PlainTypedArray, this) as R
  }

  /** A copy of the elements in C order, in a plain typed array of this process. */
  contiguous(): PlainArrayOf<D> {
    this.#viewed.mapping.check()
    const Plain = plainConstructor(dtypeNamed(this.dtype))
    if (!Plain) throw new UnsupportedError(`this engine has no typed array for ${this.dtype}`)
    const out = new Plain(this.size)
    gather(this.data as PlainTypedArray, this, out)
    return out as unknown as PlainArrayOf<D>
  }

  /** Plain data that makes this view again in another process: pass it as a message, or to `SharedArray.attach`. */
  handle(): ArrayHandle {
    const { mapping, start } = this.#viewed
    mapping.check()
    return mapping.handle(
      start + this.offset,
      this.shape,
      isContiguous(this.shape, this.strides) ? undefined : this.strides,
    )
  }

  /** The handle, so that `JSON.stringify` writes that. */
  toJSON(): ArrayHandle {
    return this.handle()
  }

  /** @internal */
  [inspect.custom](depth: number | null, options: object): string {
    return inspectArray(
      `StridedView<${this.dtype}>`,
      this.#viewed.mapping,
      this.data as PlainTypedArray,
      this,
      depth,
      options,
    )
  }

  #other(g: Geometry): StridedView<D> {
    this.#viewed.mapping.check()
    return new StridedView<D>(this.data, this.#viewed, g)
  }
}

/** Whether `x` is a view that is no typed array. */
export function isStridedView(x: unknown): x is StridedView {
  return x instanceof StridedView
}

/** Axes from the fastest to the slowest, equal ones in order: what scijs calls `order`. */
export function scijsOrder(strides: readonly number[]): number[] {
  return strides.map((_, axis) => axis).sort((a, b) => Math.abs(strides[a]) - Math.abs(strides[b]) || a - b)
}
