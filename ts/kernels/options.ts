/**
 * The options of kernels.
 */
import { describeList } from '../describe.js'
import { InvalidArgumentError } from '../errors.js'
import { IndexRange } from '../index-range.js'
import { show } from '../options.js'
import { setAxes, setNumber, setRange, setThreads, settled, setWord } from './frame.js'
import type { MaskOperand } from './operands.js'
import type { Kernel } from './table.js'

/** Options of every kernel. */
export interface KernelOptions {
  /**
   * The most threads that share the work, 1 or more. No result depends on it. Default: 1 inside a worker, all usable
   * cores elsewhere.
   */
  threads?: number
}

/** Options of kernels that compute a part where a worker has its share. */
export interface RangeOptions extends KernelOptions {
  /** The indices of the first axis of `out` that are computed: start to stop - 1. The rest is not touched. */
  range?: readonly [start: number, stop: number] | IndexRange
}

/** Options of kernels along an axis. */
export interface AxisOptions extends RangeOptions {
  /** The axis; a negative one counts from the end. */
  axis?: number
}

/** Options of kernels over independent elements. */
export interface ElementwiseOptions extends RangeOptions {
  /** Where results are stored: bool or uint8, broadcast to the shape of `out`, which is not touched elsewhere. */
  where?: MaskOperand
}

/** What a call says beside its operands. */
export interface Parameters {
  threads?: number
  range?: readonly [number, number]
  /** Counted from 0. */
  axes?: readonly number[]
  /** A settled operand. */
  where?: unknown
  /** The kernel's own: a bigint is 64 bits. */
  numbers?: readonly (number | bigint)[]
}

/** Options by name, each read once. */
export type Given = Readonly<Record<string, unknown>>

/**
 * What is given of the options that a kernel has. What is undefined counts as not given.
 *
 * @throws InvalidArgumentError for a name that is none of them
 */
export function given(kernel: Kernel, options: unknown, names: readonly string[]): Given {
  if (options === undefined) return {}
  if (typeof options !== 'object' || options === null || ArrayBuffer.isView(options)) {
    throw new InvalidArgumentError(`${kernel.name}: options are an object, not ${show(options)}`)
  }
  const read: Given = { ...options }
  for (const name of Object.keys(read)) {
    if (read[name] !== undefined && !names.includes(name)) {
      throw new InvalidArgumentError(`${kernel.name} has no option '${name}'; it has ${names.join(', ')}`, {
        option: name,
      })
    }
  }
  return read
}

/** The names of options, by the interfaces above. */
export const THREADS = ['threads'] as const
export const RANGED = [...THREADS, 'range'] as const
export const ALONG_AXIS = [...RANGED, 'axis'] as const
export const ELEMENTWISE = [...RANGED, 'where'] as const

/** What is given of the options of kernels that share their work alone. */
export function ranged(kernel: Kernel, options: unknown): Parameters | undefined {
  return options === undefined ? undefined : common(kernel, given(kernel, options, RANGED))
}

/** What is given of the options of kernels along an axis. */
export function alongAxis(kernel: Kernel, options: unknown): Parameters | undefined {
  if (options === undefined) return undefined
  const read = given(kernel, options, ALONG_AXIS)
  return { ...common(kernel, read), axes: oneAxis(kernel, read) }
}

/** The option `axis` of kernels that take one axis at most. */
export function oneAxis(kernel: Kernel, { axis }: Given): readonly number[] | undefined {
  if (axis === undefined) return undefined
  if (typeof axis === 'number' && Number.isSafeInteger(axis)) return [axis]
  throw new InvalidArgumentError(`option 'axis' of ${kernel.name} must be an integer, not ${show(axis)}`, {
    option: 'axis',
  })
}

/** The options that are the same for all kernels. */
export function common(kernel: Kernel, options: Given): Parameters {
  const read: Parameters = {}
  const { threads, range, where } = options
  if (threads !== undefined) read.threads = integer(kernel, 'threads', threads, 1)
  if (range !== undefined) read.range = rangeOf(kernel, range)
  if (where !== undefined) read.where = settled(kernel, where)
  return read
}

/**
 * An option that is an integer of `least` or more.
 *
 * @throws InvalidArgumentError for what is none
 */
export function integer(kernel: Kernel, option: string, value: unknown, least = 0): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value
  throw new InvalidArgumentError(
    `option '${option}' of ${kernel.name} must be an integer of ${least} or more, not ${show(value)}`,
    { option },
  )
}

/**
 * An option that is a number.
 *
 * @throws InvalidArgumentError for what is none
 */
export function number(kernel: Kernel, option: string, value: unknown): number {
  if (typeof value === 'number') return value
  throw new InvalidArgumentError(`option '${option}' of ${kernel.name} must be a number, not ${show(value)}`, {
    option,
  })
}

/**
 * An option that is a boolean, as 0 or 1; absent, 0.
 *
 * @throws InvalidArgumentError for what is none
 */
export function flag(kernel: Kernel, option: string, value: unknown): 0 | 1 {
  if (value === undefined || value === false) return 0
  if (value === true) return 1
  throw new InvalidArgumentError(`option '${option}' of ${kernel.name} must be true or false, not ${show(value)}`, {
    option,
  })
}

/**
 * An option that is one of several names, as its place among them; absent, the first.
 *
 * @throws InvalidArgumentError for another
 */
export function choice(kernel: Kernel, option: string, value: unknown, names: readonly string[]): number {
  const place = value === undefined ? 0 : names.indexOf(value as string)
  if (place >= 0) return place
  throw new InvalidArgumentError(
    `option '${option}' of ${kernel.name} must be one of ${names.join(', ')}, not ${show(value)}`,
    { option },
  )
}

/**
 * The place of a name that an argument is among those that it may be.
 *
 * @throws InvalidArgumentError for another
 */
export function codeOf(kernel: Kernel, name: unknown, names: readonly string[]): number {
  const code = names.indexOf(name as string)
  if (code >= 0) return code
  throw new InvalidArgumentError(`${kernel.name}: ${show(name)} is none of ${describeList(names)}`)
}

/**
 * A list of numbers as an operand.
 *
 * @throws InvalidArgumentError for what is none
 */
export function numberList(kernel: Kernel, list: unknown): Float64Array {
  if (list instanceof Float64Array) return list
  if (!Array.isArray(list)) throw new InvalidArgumentError(`${kernel.name} takes a list of numbers, not ${show(list)}`)
  return Float64Array.from(list, each => number(kernel, 'list', each))
}

function rangeOf(kernel: Kernel, range: unknown): readonly [number, number] {
  if (range instanceof IndexRange) {
    if (range.step === 1) return [range.start, Math.max(range.start, range.stop)]
    throw new InvalidArgumentError(`option 'range' of ${kernel.name} is one block: its step is 1, not ${range.step}`, {
      option: 'range',
    })
  }
  if (Array.isArray(range) && range.length === 2) {
    return [integer(kernel, 'range', range[0]), integer(kernel, 'range', range[1])]
  }
  throw new InvalidArgumentError(`option 'range' of ${kernel.name} must be [start, stop] or an IndexRange`, {
    option: 'range',
  })
}

/** Writes what a call says beside its operands into the frame; `where` is an operand, too, and is left to the caller. */
export function apply({ threads, range, axes, numbers }: Parameters): void {
  if (threads !== undefined) setThreads(threads)
  if (range !== undefined) setRange(range[0], range[1])
  if (axes !== undefined) setAxes(axes)
  if (numbers === undefined) return
  for (const [which, value] of numbers.entries()) {
    if (typeof value === 'bigint') setWord(which, value)
    else setNumber(which, value)
  }
}
