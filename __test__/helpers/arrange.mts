// Arrays as kernels take them, in any order in memory, and what kernels refuse.
import type { ExecutionContext } from 'ava'
import { type DType, InvalidArgumentError, kernels, SharedArray, type SharedTypedArray } from 'tsdsm'
import { npyFile } from './npy.mjs'
import { type Elements, type NumpyArray, plainArray } from './numpy.mjs'

const CODES: Readonly<Record<DType, string>> = {
  bool: '|b1',
  int8: '|i1',
  uint8: '|u1',
  int16: '<i2',
  uint16: '<u2',
  int32: '<i4',
  uint32: '<u4',
  int64: '<i8',
  uint64: '<u8',
  float16: '<f2',
  float32: '<f4',
  float64: '<f8',
}

/** Whether this engine has typed arrays of the type. */
export const has = (dtype: DType) => dtype !== 'float16' || 'Float16Array' in globalThis

/** The element types that this engine has. */
export const DTYPES = (Object.keys(CODES) as DType[]).filter(has)

export const isFloat = (dtype: DType) => dtype.startsWith('float')

const bytesOf = (dtype: DType) => Number(CODES[dtype].slice(2))

/** A plain array of one axis: of `uint8` for bools. */
export function room(dtype: DType, length: number): Elements {
  return new (plainArray(dtype))(new ArrayBuffer(length * bytesOf(dtype)))
}

/** A shared array with these elements, closed when the test ends. */
export async function shared(t: ExecutionContext, { dtype, shape, data }: NumpyArray): Promise<SharedTypedArray> {
  const array = SharedArray.attach(await npyFile(t, CODES[dtype], shape, data as never))
  t.teardown(() => array.close())
  return array
}

/** How elements lie in memory: in C order, in Fortran order, or backwards with gaps between them. */
export type Layout = 'rows' | 'columns' | 'gaps'
export const LAYOUTS: readonly Layout[] = ['rows', 'columns', 'gaps']

/** An array in the form of scijs, and its element type. */
export interface Arranged {
  readonly dtype: DType
  readonly data: Float64Array
  readonly shape: number[]
  readonly stride: number[]
  readonly offset: number
}

/** The elements of an array of any type but bool in another layout; what lies between them is 85 in every byte. */
export function arrange(array: NumpyArray, layout: Layout): Arranged {
  const arranged = place(array.dtype, array.shape, layout)
  const data = arranged.data as unknown as (number | bigint)[]
  for (const [i, at] of places(arranged).entries()) data[at] = array.data[i]
  return arranged
}

/** Room for results, 85 in every byte. */
export function place(dtype: DType, shape: readonly number[], layout: Layout = 'rows'): Arranged {
  const size = shape.reduce((product, length) => product * length, 1)
  const step = layout === 'gaps' ? 2 : 1
  const data = room(dtype, Math.max(size * step, 1)) as Float64Array
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength).fill(85)
  const along = (axes: readonly number[]) => step * axes.reduce((product, length) => product * length, 1)
  if (layout === 'columns') {
    const stride = shape.map((_, axis) => along(shape.slice(0, axis)))
    return { dtype, data, shape: [...shape], stride, offset: 0 }
  }
  const stride = shape.map((_, axis) => along(shape.slice(axis + 1)))
  if (layout === 'rows' || size === 0) return { dtype, data, shape: [...shape], stride, offset: 0 }
  return { dtype, data, shape: [...shape], stride: stride.map(each => -each), offset: (size - 1) * step }
}

/** The places in `data` of the elements in C order. */
function places({ shape, stride, offset }: Arranged): number[] {
  let all = [offset]
  for (const [axis, length] of shape.entries()) {
    const steps = Array.from({ length }, (_, i) => i * stride[axis])
    all = all.flatMap(at => steps.map(step => at + step))
  }
  return all
}

/** The elements, as NumPy would have them. */
export function values(arranged: Arranged): NumpyArray {
  const data = room(arranged.dtype, places(arranged).length) as unknown as (number | bigint)[]
  for (const [i, at] of places(arranged).entries()) data[i] = arranged.data[at]
  return { dtype: arranged.dtype, shape: arranged.shape, data: data as unknown as Elements }
}

/** Asserts that what lies between the elements was not touched. */
export function untouched(t: ExecutionContext, arranged: Arranged, message?: string): void {
  const { data } = arranged
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const size = data.BYTES_PER_ELEMENT
  const taken = new Set(places(arranged))
  t.true(
    bytes.every((byte, i) => byte === 85 || taken.has(Math.floor(i / size))),
    message,
  )
}

/** Asserts that two typed arrays have the same bytes; much quicker than `t.deepEqual`. */
export function sameBits(t: ExecutionContext, a: ArrayBufferView, b: ArrayBufferView, message?: string): void {
  const [one, other] = [a, b].map(each => Buffer.from(each.buffer as ArrayBuffer, each.byteOffset, each.byteLength))
  t.is(Buffer.compare(one, other), 0, message)
}

/** A call of a kernel: its name and what it is given. */
export type Call = readonly [name: string, ...args: unknown[]]

/** Calls a kernel with anything. */
export function call(name: string, ...args: unknown[]): unknown {
  return (kernels as unknown as Record<string, (...args: unknown[]) => unknown>)[name](...args)
}

/** Asserts that both forms of each call are refused by a typed error, and that no byte of `outs` is another then. */
export async function refused(t: ExecutionContext, outs: readonly unknown[], calls: readonly Call[]): Promise<void> {
  const bytes = () =>
    outs.map(out => {
      const array = (ArrayBuffer.isView(out) ? out : (out as Arranged).data) as Float64Array
      return Buffer.from(Buffer.from(array.buffer, array.byteOffset, array.byteLength))
    })
  const before = bytes()
  const expected = { instanceOf: InvalidArgumentError }
  for (const [i, [name, ...args]] of calls.entries()) {
    t.throws(() => call(name, ...args), expected, `${name}, call ${i}`)
    await t.throwsAsync(async () => call(`${name}Async`, ...args), expected, `${name}Async, call ${i}`)
    t.deepEqual(bytes(), before, `${name}, call ${i}`)
  }
}
