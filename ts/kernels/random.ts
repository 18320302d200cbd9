/**
 * Random numbers.
 */
import { InvalidArgumentError } from '../errors.js'
import { show } from '../options.js'
import { ABSENT, invoke, type Mode } from './call.js'
import type { Implementation, Implementations, Way, When } from './family.js'
import type { ArrayOperand, FloatOperand } from './operands.js'
import {
  common,
  ELEMENTWISE,
  type ElementwiseOptions,
  type Given,
  given,
  type KernelOptions,
  number,
  THREADS,
} from './options.js'
import { type Kernel, kernelNamed } from './table.js'

/** Which random numbers. */
export interface KeyOptions {
  /** The seed: an integer from 0 to 2^128 - 1, NumPy's `Philox(key=…)`. Equal keys give equal numbers. */
  key: number | bigint
  /** One of 2^64 sequences that a key has, independent of each other: a worker's, a run's. Default 0. */
  stream?: number | bigint
}

/** Options of random fills. */
export interface RandomOptions extends KeyOptions, ElementwiseOptions {
  /** The place in the sequence of the first element of `out`; the others follow in C order. Default 0. */
  offset?: number | bigint
}

/** Options of {@link Random.uniform}. */
export interface UniformOptions extends RandomOptions {
  /** The least number. Default 0. */
  low?: number
  /** What all numbers are below. Default 1. */
  high?: number
}

/** Options of {@link Random.normal}. */
export interface NormalOptions extends RandomOptions {
  /** Default 0. */
  mean?: number
  /** The standard deviation. Default 1. */
  deviation?: number
}

/** Options of {@link Random.permutation}. */
export interface PermutationOptions extends KeyOptions, KernelOptions {}

/**
 * Random numbers by Philox4x64-10. Element i depends on the key, the stream and i alone: an array has the same numbers
 * however many threads and workers fill it, each its range.
 */
export interface Random<W extends Way> {
  /** Random 64-bit words, into uint64. NumPy: `Generator(Philox(key=…)).bit_generator.random_raw`. */
  randomWords: <Out extends ArrayOperand>(out: Out, options: RandomOptions) => When<W, Out>
  /** Numbers spread evenly from `low` to below `high`, into float32 or float64. NumPy: `Generator.uniform`. */
  uniform: <Out extends FloatOperand>(out: Out, options: UniformOptions) => When<W, Out>
  /**
   * Normally distributed numbers, into float32 or float64. The numbers are not those of NumPy's `Generator.normal`, whose
   * use of words depends on their values.
   */
  normal: <Out extends FloatOperand>(out: Out, options: NormalOptions) => When<W, Out>
  /** Integers from `low` to below `high`, each as likely. NumPy: `Generator.integers`; the numbers are others. */
  integers: <Out extends ArrayOperand>(
    out: Out,
    low: number | bigint,
    high: number | bigint,
    options: RandomOptions,
  ) => When<W, Out>
  /** 0 … length - 1 in random order, into int32, uint32, int64 or uint64. NumPy: `Generator.permutation`; another one. */
  permutation: <Out extends ArrayOperand>(out: Out, options: PermutationOptions) => When<W, Out>
}

const KEY = ['key', 'stream']
const RANDOM = [...ELEMENTWISE, ...KEY, 'offset']
const UNIFORM = [...RANDOM, 'low', 'high']
const NORMAL = [...RANDOM, 'mean', 'deviation']
const PERMUTATION = [...THREADS, ...KEY]

/** All of them. */
export function random(mode: Mode): Implementations {
  const made: Record<string, Implementation> = {}
  const fill = (
    name: string,
    names: readonly string[],
    own: (kernel: Kernel, read: Given) => (number | bigint)[],
    out: unknown,
    options: unknown,
  ) => {
    const kernel = kernelNamed(name)
    const read = given(kernel, options, names)
    const numbers = [...generator(kernel, read), ...own(kernel, read)]
    return mode.give(invoke(mode, kernel, { ...common(kernel, read), numbers }, out, ABSENT, ABSENT, ABSENT), out)
  }
  made.randomWords = (out, options) => fill('randomWords', RANDOM, () => [], out, options)
  made.uniform = (out, options) => fill('uniform', UNIFORM, pair('low', 0, 'high', 1), out, options)
  made.normal = (out, options) => fill('normal', NORMAL, pair('mean', 0, 'deviation', 1), out, options)
  made.integers = (out, low, high, options) =>
    fill('integers', RANDOM, kernel => [...wide(kernel, 'low', low), ...wide(kernel, 'high', high)], out, options)
  made.permutation = (out, options) => fill('permutation', PERMUTATION, () => [], out, options)
  return made
}

/** Two options that are numbers. */
function pair(first: string, low: number, second: string, high: number) {
  return (kernel: Kernel, read: Given) => [
    number(kernel, first, read[first] ?? low),
    number(kernel, second, read[second] ?? high),
  ]
}

/** The words of the key, the stream and the offset. */
function generator(kernel: Kernel, { key, stream = 0, offset = 0 }: Given): bigint[] {
  const whole = integer(kernel, 'key', key, 128)
  return [
    BigInt.asUintN(64, whole),
    whole >> 64n,
    integer(kernel, 'stream', stream, 64),
    integer(kernel, 'offset', offset, 64),
  ]
}

/** An integer of 0 or more, of so many bits. */
function integer(kernel: Kernel, option: string, value: unknown, bits: number): bigint {
  const whole = toBigInt(value)
  if (whole !== undefined && BigInt.asUintN(bits, whole) === whole) return whole
  throw new InvalidArgumentError(
    `option '${option}' of ${kernel.name} must be an integer from 0 to 2^${bits} - 1, not ${show(value)}`,
    { option },
  )
}

/** An integer as two words, the low one first. */
function wide(kernel: Kernel, what: string, value: unknown): bigint[] {
  const whole = toBigInt(value)
  if (whole !== undefined && BigInt.asIntN(128, whole) === whole) {
    return [BigInt.asUintN(64, whole), BigInt.asUintN(64, whole >> 64n)]
  }
  throw new InvalidArgumentError(`${kernel.name}: ${what} must be an integer, not ${show(value)}`)
}

function toBigInt(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  return Number.isSafeInteger(value) ? BigInt(value as number) : undefined
}
