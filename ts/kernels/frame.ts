/**
 * One call of a kernel, as the native part takes it: typed arrays as arguments, all else as numbers in a frame of memory
 * that both sides know.
 *
 * From {@link begin} to the call no code of the program may run, for that might call a kernel, too: {@link settled} reads
 * what has getters before.
 */
import { stateOf } from '../array-class.js'
import type { SharedTypedArray } from '../array-types.js'
import { DTYPES } from '../dtype.js'
import { InvalidArgumentError } from '../errors.js'
import { native } from '../native.js'
import { show } from '../options.js'
import { isStridedView } from '../strided-view.js'
import { usableCores } from '../usable-cores.js'
import { workerContext } from '../worker-context.js'
import type { Kernel } from './table.js'

/** A view of a typed array, of plain data. */
export class View {
  constructor(
    readonly data: ArrayBufferView,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    readonly offset: number,
  ) {}
}

const layout = native.kernelLayout()
const { kernel: KERNEL, threads: THREADS, range: RANGE, axes: AXES, numbers: NUMBERS } = layout
const { operands: OPERANDS, operandLength: OPERAND_LENGTH, operandCount: OPERAND_COUNT } = layout
const { kind: KIND, rank: RANK, offset: OFFSET, value: VALUE, shape: SHAPE, strides: STRIDES } = layout
const { flat: FLAT, strided: STRIDED, maxRank: MAX_RANK } = layout
const { numberKind: NUMBER, bigintKind: BIGINT, negativeBigintKind: NEGATIVE_BIGINT, booleanKind: BOOLEAN } = layout
const NONE = -1

/** Which operand the option `where` is. */
export const WHERE = OPERAND_COUNT - 1

/** Codes of the element types of plain typed arrays, by the arrays' names. */
const CODES = new Map<unknown, number>()
for (const [code, { name, arrayName }] of DTYPES.entries()) {
  if (native.kernelDTypes()[code] !== name) throw new Error(`the native part has another ${code}th element type`)
  if (name !== 'bool') CODES.set(arrayName, code)
}

/** The name of a typed array's true class, whatever its prototype says. */
const nameOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)
  ?.get as () => string | undefined

let doubles: Float64Array
let words: BigUint64Array
let cores = 0

/** Takes the frame for a call of a kernel. All that is optional is absent. */
export function begin(kernel: Kernel): void {
  if (doubles === undefined) open()
  doubles[KERNEL] = kernel.code
  doubles[THREADS] = workerContext() === undefined ? cores : 1
  doubles[RANGE] = NONE
  doubles[AXES] = NONE
  // What is not said is 0, and not what the last call has said.
  doubles[NUMBERS] = 0
  for (let slot = 0; slot < OPERAND_COUNT; slot++) doubles[OPERANDS + slot * OPERAND_LENGTH + KIND] = NONE
}

function open(): void {
  const buffer = native.kernelFrame()
  words = new BigUint64Array(buffer)
  doubles = new Float64Array(buffer)
  cores = usableCores()
}

export function setThreads(count: number): void {
  doubles[THREADS] = count
}

export function setRange(start: number, stop: number): void {
  doubles[RANGE] = start
  doubles[RANGE + 1] = stop
}

export function setAxes(axes: readonly number[]): void {
  doubles[AXES] = axes.length
  for (let i = 0; i < axes.length; i++) doubles[AXES + 1 + i] = axes[i]
}

/** Sets one of the kernel's own numbers. */
export function setNumber(which: number, value: number): void {
  doubles[NUMBERS + which] = value
}

/** Sets one of the kernel's own 64-bit integers. */
export function setWord(which: number, value: bigint): void {
  words[NUMBERS + which] = value
}

/**
 * Says what an operand is; its typed array, to be passed in its place.
 *
 * @throws InvalidArgumentError for what is none
 * @throws ClosedError for a shared array that was closed
 */
export function place(kernel: Kernel, slot: number, x: unknown): ArrayBufferView | undefined {
  const at = OPERANDS + slot * OPERAND_LENGTH
  if (typeof x !== 'object' || x === null) return placeScalar(kernel, at, x)
  if (ArrayBuffer.isView(x)) {
    const shape = placeData(kernel, at, x)
    if (shape === undefined || shape.length === 1) {
      doubles[at + RANK] = FLAT
      return x
    }
    checkRank(kernel, shape)
    doubles[at + RANK] = shape.length
    doubles[at + OFFSET] = 0
    for (let axis = 0; axis < shape.length; axis++) doubles[at + SHAPE + axis] = shape[axis]
    return x
  }
  const { data, shape, strides, offset } = x as View
  placeData(kernel, at, data)
  checkRank(kernel, shape)
  doubles[at + RANK] = STRIDED + shape.length
  doubles[at + OFFSET] = offset
  for (let axis = 0; axis < shape.length; axis++) {
    doubles[at + SHAPE + axis] = shape[axis]
    doubles[at + STRIDES + axis] = strides[axis]
  }
  return data
}

/** As {@link place}, for an operand that is written. */
export function placeOut(kernel: Kernel, slot: number, x: unknown): ArrayBufferView {
  const array = place(kernel, slot, x)
  if (array === undefined) throw notAnArray(kernel, x)
  const state = stateOf(array as SharedTypedArray)
  if (state?.mapping.readOnly) state.mapping.checkWrite()
  return array
}

/** Says the element type of a typed array; its shape, where it is a shared one. */
function placeData(kernel: Kernel, at: number, array: ArrayBufferView): readonly number[] | undefined {
  const state = stateOf(array as SharedTypedArray)
  if (state === undefined) {
    doubles[at + KIND] = plainCode(kernel, array)
    return undefined
  }
  // A closed array has no elements; the native part sees that too, and does not know its name.
  if (array.byteLength === 0) state.mapping.check()
  doubles[at + KIND] = state.mapping.dtype.code
  return state.geometry.shape
}

function plainCode(kernel: Kernel, array: ArrayBufferView): number {
  const code = CODES.get(nameOf.call(array))
  if (code === undefined) throw notAnArray(kernel, array)
  return code
}

/** The code of the element type of a typed array. */
export function dtypeCode(kernel: Kernel, array: ArrayBufferView): number {
  return stateOf(array as SharedTypedArray)?.mapping.dtype.code ?? plainCode(kernel, array)
}

function checkRank(kernel: Kernel, shape: readonly number[]): void {
  if (shape.length <= MAX_RANK) return
  throw new InvalidArgumentError(`${kernel.name}: kernels take at most ${MAX_RANK} axes, not ${shape.length}`, {
    ndim: shape.length,
  })
}

function placeScalar(kernel: Kernel, at: number, x: unknown): undefined {
  if (typeof x === 'number') {
    doubles[at + KIND] = NUMBER
    doubles[at + VALUE] = x
  } else if (typeof x === 'boolean') {
    doubles[at + KIND] = BOOLEAN
    doubles[at + VALUE] = x ? 1 : 0
  } else if (typeof x === 'bigint') {
    const is64 = x < 0n ? BigInt.asIntN(64, x) === x : BigInt.asUintN(64, x) === x
    if (!is64) throw new InvalidArgumentError(`${kernel.name}: ${x} has more than 64 bits`)
    doubles[at + KIND] = x < 0n ? NEGATIVE_BIGINT : BIGINT
    words[at + VALUE] = x
  } else throw notAnArray(kernel, x)
}

function notAnArray(kernel: Kernel, x: unknown): InvalidArgumentError {
  return new InvalidArgumentError(
    `${kernel.name} takes typed arrays, shared arrays, views of them and scijs ndarrays, not ${show(x)}`,
  )
}

/**
 * An operand whose parts are plain data: what is neither a typed array nor a view of ours is read now, by the names
 * that scijs has.
 *
 * @throws InvalidArgumentError for an object that is no ndarray
 */
export function settled(kernel: Kernel, x: unknown): unknown {
  if (typeof x !== 'object' || x === null || ArrayBuffer.isView(x) || x instanceof View || isStridedView(x)) return x
  const { data, shape, stride, offset } = x as { data?: unknown; shape?: unknown; stride?: unknown; offset?: unknown }
  if (!ArrayBuffer.isView(data) || !isList(shape) || !isList(stride) || shape.length !== stride.length) {
    throw notAnArray(kernel, x)
  }
  return new View(data, Array.from(shape), Array.from(stride), Number(offset ?? 0))
}

function isList(x: unknown): x is ArrayLike<number> {
  return Array.isArray(x) || (ArrayBuffer.isView(x) && 'length' in x)
}
