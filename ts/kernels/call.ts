/**
 * Calls of kernels, on this thread or off the event loop.
 */
import { native } from '../native.js'
import { begin, place, placeOut, settled, WHERE } from './frame.js'
import { apply, type Parameters } from './options.js'
import type { Kernel } from './table.js'

/** What a kernel answers beside what it writes. */
export type Answer = number | bigint | boolean | undefined

/** A way to run kernels. */
export interface Mode {
  readonly run: typeof native.kernelRun | typeof native.kernelRunAsync
  /** What is made of a kernel's answer, once it is there. */
  readonly after: <T>(answer: Answer | Promise<Answer>, make: (answer: Answer) => T) => T | Promise<T>
  /** `value`, once the answer is there. */
  readonly give: <T>(answer: Answer | Promise<Answer>, value: T) => T | Promise<T>
}

/** On this thread. */
export const SYNC: Mode = {
  run: native.kernelRun,
  after: (answer, make) => make(answer as Answer),
  give: (_, value) => value,
}

/** Off the event loop. */
export const ASYNC: Mode = {
  run: native.kernelRunAsync,
  after: async (answer, make) => make(await answer),
  give: async (answer, value) => {
    await answer
    return value
  },
}

/** An operand that a kernel, or a call of it, does not have. */
export const ABSENT = Symbol('absent')

/**
 * Runs a kernel on its operands, of which it writes the first.
 *
 * @throws InvalidArgumentError, ClosedError
 */
export function invoke(
  mode: Mode,
  kernel: Kernel,
  parameters: Parameters | undefined,
  a: unknown,
  b: unknown,
  c: unknown,
  d: unknown,
  e: unknown = ABSENT,
): Answer | Promise<Answer> {
  const first = settled(kernel, a)
  const second = settled(kernel, b)
  const third = settled(kernel, c)
  const fourth = settled(kernel, d)
  const fifth = settled(kernel, e)
  begin(kernel)
  let where: ArrayBufferView | undefined
  if (parameters !== undefined) {
    apply(parameters)
    if (parameters.where !== undefined) where = place(kernel, WHERE, parameters.where)
  }
  return mode.run(
    operand(kernel, 0, first),
    operand(kernel, 1, second),
    operand(kernel, 2, third),
    operand(kernel, 3, fourth),
    operand(kernel, 4, fifth),
    where,
  )
}

function operand(kernel: Kernel, slot: number, x: unknown): ArrayBufferView | undefined {
  if (x === ABSENT) return undefined
  return slot < kernel.outs ? placeOut(kernel, slot, x) : place(kernel, slot, x)
}
