/**
 * Attaching to shared arrays that are already there.
 */
import { isSharedArray } from './array-class.js'
import type { DTypeMap, SharedTypedArray } from './array-types.js'
import { describe } from './describe.js'
import type { DType } from './dtype.js'
import { InvalidArgumentError } from './errors.js'
import { filePath } from './file-path.js'
import { type ArrayHandle, fromHandle, isHandle } from './handle.js'
import { native } from './native.js'
import { checkOptions } from './options.js'
import { wrapMapped } from './shared-array.js'
import type { StridedView } from './strided-view.js'

/** Options of `SharedArray.attach`. */
export interface AttachOptions {
  /** Map it so that stores stay in this process and others do not see them. Default false. */
  readOnly?: boolean
}

/** A shared array of one element type, or of any. */
export type SharedArray<D extends DType = DType> = DTypeMap[D]

/** Finds the arrays that other processes have shared; also for `instanceof`. */
export const SharedArray = Object.freeze({
  attach,

  /** Whether `x` is a shared array: `x instanceof SharedArray`. */
  [Symbol.hasInstance](x: unknown): x is SharedTypedArray {
    return isSharedArray(x)
  },
})

/**
 * Maps an array that is already there, of this or of any other process.
 *
 * @param source - a handle; the name of a segment (`'tsdsm.CLUSTER.ARRAY'`); or the path or `file:` URL of a `.npy`
 *   file. Text with a `/`, or that ends in `.npy` and does not begin with `tsdsm.`, is a path.
 * @throws NotFoundError when there is no such segment or file
 * @throws IncompatibleSegmentError when it is no array, damaged, or another array than the handle was made of
 */
function attach(source: ArrayHandle, options?: AttachOptions): SharedTypedArray | StridedView
function attach(source: string | URL, options?: AttachOptions): SharedTypedArray
function attach(source: ArrayHandle | string | URL, options?: AttachOptions): SharedTypedArray | StridedView {
  const { readOnly = false } = checkOptions('SharedArray.attach', options, { readOnly: 'boolean' })
  if (source instanceof URL) return wrapMapped(native.arrayAttachFile(filePath(source), readOnly))
  if (typeof source === 'string' && source !== '') {
    const isPath = source.includes('/') || (source.endsWith('.npy') && !source.startsWith('tsdsm.'))
    return wrapMapped(
      isPath ? native.arrayAttachFile(filePath(source), readOnly) : native.arrayAttachSegment(source, readOnly),
    )
  }
  if (isHandle(source)) return fromHandle(source, { readOnly })
  throw new InvalidArgumentError(
    `attach takes a handle, the name of a segment, or the path of a '.npy' file, not ${describe(source)}`,
  )
}
