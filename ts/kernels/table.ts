/**
 * The kernels that the native part has.
 */
import { native } from '../native.js'

/** A kernel as the native part knows it. */
export interface Kernel {
  readonly name: string
  /** Kernels of a family take the same operands. */
  readonly family: string
  /** How many of its operands, the first ones, it writes. */
  readonly outs: number
  /** The codes of the element types of its results by that of its input, where it can be given no output. */
  readonly results?: readonly number[]
  /** Its place in the native part's table, by which it is called. */
  readonly code: number
}

const KERNELS: readonly Kernel[] = native.kernelTable().map((info, code) => ({ ...info, code }))

/** The kernels of a family. */
export function kernelsOf(family: string): readonly Kernel[] {
  return KERNELS.filter(kernel => kernel.family === family)
}

/** The kernel of a name. */
export function kernelNamed(name: string): Kernel {
  const found = KERNELS.find(kernel => kernel.name === name)
  if (found === undefined) throw new Error(`the native part has no kernel '${name}'`)
  return found
}
