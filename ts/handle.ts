/**
 * Handles: shared arrays as plain data, and back.
 */
import { isAbsolute } from 'node:path'
import { isSharedArray, stateOf } from './array-class.js'
import type { SharedTypedArray } from './array-types.js'
import { describe } from './describe.js'
import { parseDType } from './dtype.js'
import { IncompatibleSegmentError, InvalidArgumentError } from './errors.js'
import { type ArrayHandle, Mapping } from './mapping.js'
import { type MappedArray, native } from './native.js'
import { parseShape, sizeOf } from './shape.js'
import { arrayOver, wrapMapped } from './shared-array.js'
import { isStridedView, StridedView } from './strided-view.js'

export type { ArrayHandle } from './mapping.js'

/**
 * The handle of a shared array or of a view of one.
 *
 * @throws InvalidArgumentError for anything else, ClosedError for a closed array
 */
export function toHandle(array: SharedTypedArray | StridedView): ArrayHandle {
  if (isSharedArray(array) || isStridedView(array)) return array.handle()
  throw new InvalidArgumentError(`only shared arrays and their views have handles, not ${describe(array)}`)
}

/** Whether `x` says of itself that it is a handle. */
export function isHandle(x: unknown): x is ArrayHandle {
  return typeof x === 'object' && x !== null && 'tsdsm' in x && !ArrayBuffer.isView(x)
}

/**
 * The shared array or view that a handle was made of. All handles of one array share one mapping in a process, so
 * closing one of the arrays they give closes all.
 *
 * @param options.readOnly - map it so that stores stay in this process; a handle of such an array always does
 * @throws InvalidArgumentError for something that is no handle
 * @throws NotFoundError when the segment or file is gone
 * @throws IncompatibleSegmentError when another array has its name now
 */
export function fromHandle(handle: ArrayHandle, options: { readOnly?: boolean } = {}): SharedTypedArray | StridedView {
  const h = parseHandle(handle)
  const readOnly = options.readOnly === true || h.readOnly === true
  const mapping =
    Mapping.find({ ...h, readOnly: readOnly || undefined }) ??
    stateOf(wrapMapped(checked(h, attach(h, readOnly)))).mapping
  if (!h.strides) return arrayOver(mapping, h.offset, Object.freeze(h.shape))
  const whole = arrayOver(mapping, 0, mapping.shape)
  const geometry = { shape: Object.freeze(h.shape), strides: Object.freeze(h.strides), offset: h.offset }
  return new StridedView(whole, stateOf(whole), geometry)
}

function attach(h: ArrayHandle, readOnly: boolean): MappedArray {
  return h.file === undefined
    ? native.arrayAttachSegment(h.segment, readOnly)
    : native.arrayAttachFile(h.file, readOnly)
}

/** What was mapped, under the array's own name; its memory is given back if the handle was made of another array. */
function checked(h: ArrayHandle, mapped: MappedArray): MappedArray {
  const other = (what: string) => {
    native.bufferDetach(mapped.buffer)
    return new IncompatibleSegmentError(
      `the handle is of another array than '${h.file ?? h.segment}' holds now (${what}): make a new handle`,
      { name: h.name, segment: h.segment, file: h.file },
    )
  }
  if (h.id && mapped.id && h.id !== mapped.id) throw other('it was deleted and made again')
  if (h.generation && mapped.generation && h.generation !== mapped.generation) throw other('it was made again')
  if (parseDType(h.dtype).descr !== mapped.dtype) throw other(`dtype '${mapped.dtype}', not ${h.dtype}`)
  if (`${h.base}` !== `${mapped.shape}`) throw other(`shape [${mapped.shape}], not [${h.base}]`)
  return { ...mapped, name: h.name, generation: h.generation ?? mapped.generation }
}

/** A handle that was checked as far as that goes without the array. */
function parseHandle(x: unknown): ArrayHandle {
  const bad = (why: string) => new InvalidArgumentError(`this is no handle of a shared array: ${why}`)
  if (!isHandle(x)) throw bad(describe(x))
  if (x.tsdsm !== 1) throw bad(`its format is ${describe(x.tsdsm)}, and this version of tsdsm reads format 1`)
  const text = (key: 'name' | 'segment') => {
    const value: unknown = x[key]
    if (typeof value !== 'string') throw bad(`its ${key} is ${describe(value)}`)
    return value
  }
  const h = { name: text('name'), segment: text('segment') }
  if (x.file !== undefined && (typeof x.file !== 'string' || !isAbsolute(x.file))) {
    throw bad(`its file is ${describe(x.file)}, not an absolute path`)
  }
  const { name: dtype, itemsize } = parseDType(x.dtype)
  const base = [...parseShape(x.base, itemsize)]
  const shape = [...parseShape(x.shape, itemsize)]
  const { offset } = x
  const strides: unknown = x.strides
  if (
    strides !== undefined &&
    (!Array.isArray(strides) || strides.length !== shape.length || !strides.every(Number.isSafeInteger))
  ) {
    throw bad(`its strides are ${describe(strides)}, not ${shape.length} integers`)
  }
  if (!Number.isSafeInteger(offset) || !fits(sizeOf(base), shape, strides as number[] | undefined, offset)) {
    throw bad(`shape [${shape}] at ${describe(offset)} does not lie within shape [${base}]`)
  }
  return {
    tsdsm: 1,
    ...h,
    ...(x.file !== undefined ? { file: x.file } : {}),
    ...(typeof x.id === 'string' ? { id: x.id } : {}),
    ...(typeof x.generation === 'number' ? { generation: x.generation } : {}),
    dtype,
    base,
    shape,
    offset,
    ...(strides !== undefined ? { strides: [...(strides as number[])] } : {}),
    ...(x.readOnly === true ? { readOnly: true } : {}),
  }
}

/** Whether all elements of the view are among the `size` elements of the whole. */
function fits(size: number, shape: readonly number[], strides: readonly number[] | undefined, offset: number): boolean {
  if (!strides) return offset >= 0 && offset + sizeOf(shape) <= size
  if (sizeOf(shape) === 0) return offset >= 0 && offset <= size
  let low = offset
  let high = offset
  for (let axis = 0; axis < shape.length; axis++) {
    const reach = (shape[axis] - 1) * strides[axis]
    if (reach < 0) low += reach
    else high += reach
  }
  return low >= 0 && high < size
}
