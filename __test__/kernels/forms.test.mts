// Every kernel has an asynchronous form, which gives what the other gives.
import test from 'ava'
import { InvalidArgumentError, kernels } from 'tsdsm'
import { call } from '../helpers/arrange.mjs'

const LENGTH = 60
const size = (data: object, ...shape: number[]) => ({
  data,
  shape,
  stride: shape.map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1)),
  offset: 0,
})
const doubles = () => Float64Array.from({ length: LENGTH }, (_, i) => Math.sin(i) / 2)
const indices = () => Int32Array.from({ length: LENGTH }, (_, i) => (i * 7) % LENGTH)
const empty = () => new Float64Array(LENGTH)

/** What kernels take that do not go from one or two arrays of a length to one of it; the first is written, if one is. */
const CALLS: Readonly<Record<string, () => unknown[]>> = {
  fill: () => [empty(), 3],
  where: () => [empty(), indices(), doubles(), 2],
  clip: () => [empty(), doubles(), -0.2, 0.3],
  fma: () => [empty(), doubles(), doubles(), 1],
  axpy: () => [empty(), 2, doubles()],
  dot: () => [doubles(), doubles()],
  partials: () => [new Float64Array(1), 'sum', doubles()],
  dotPartials: () => [new Float64Array(1), doubles(), doubles()],
  matmul: () => [size(empty().subarray(0, 36), 6, 6), size(doubles(), 6, 10), size(doubles(), 10, 6)],
  transpose: () => [size(empty(), 10, 6), size(doubles(), 6, 10)],
  cdist: () => [size(empty().subarray(0, 36), 6, 6), size(doubles(), 6, 10), size(doubles(), 6, 10)],
  nearest: () => [new Int32Array(6), size(doubles(), 6, 10), size(doubles(), 6, 10)],
  stencil: () => [size(empty(), 6, 10), size(doubles(), 6, 10), [1, 2, 3, 4, 5]],
  take: () => [empty(), doubles(), indices()],
  put: () => [empty(), indices(), doubles()],
  scatterAdd: () => [empty(), indices(), doubles()],
  combineAt: () => [empty(), 'multiply', doubles(), doubles(), indices()],
  argsort: () => [indices(), doubles()],
  partition: () => [empty(), doubles(), [3, 30]],
  quantile: () => [doubles(), [0.1, 0.9]],
  searchsorted: () => [indices(), doubles().sort(), doubles()],
  unique: () => [empty(), doubles()],
  bincount: () => [indices(), indices()],
  histogram: () => [new Int32Array(7), doubles(), { bounds: [-1, 1] }],
  binEdges: () => [empty(), [-1, 1]],
  randomWords: () => [new BigUint64Array(LENGTH), { key: 5 }],
  uniform: () => [empty(), { key: 5 }],
  normal: () => [empty(), { key: 5 }],
  integers: () => [indices(), -5, 5, { key: 5 }],
  permutation: () => [indices(), { key: 5 }],
}
const bytes = () => new Uint8Array(LENGTH)
/** What the others take: one or two arrays of floating-point numbers or integers, into the same, or into bools. */
const OTHERS: readonly (() => unknown[])[] = [
  () => [empty(), doubles()],
  () => [empty(), doubles(), doubles()],
  () => [bytes(), doubles()],
  () => [bytes(), doubles(), doubles()],
  () => [new Int32Array(LENGTH), indices()],
  () => [new Int32Array(LENGTH), indices(), indices()],
  () => [doubles()],
]

function accepted(name: string): () => unknown[] {
  const known = CALLS[name]
  if (known !== undefined) return known
  const found = OTHERS.find(make => {
    try {
      call(name, ...make())
      return true
    } catch (error) {
      if (error instanceof InvalidArgumentError) return false
      throw error
    }
  })
  if (found === undefined) throw new Error(`this test does not know what ${name} takes`)
  return found
}

const NAMES = Object.keys(kernels).filter(name => !name.endsWith('Async') && name !== 'partialsOf')

test('there are as many asynchronous forms', t => {
  const asynchronous = Object.keys(kernels).filter(name => name.endsWith('Async'))
  t.deepEqual(asynchronous.sort(), NAMES.map(name => `${name}Async`).sort())
  t.true(NAMES.length > 90)
  t.deepEqual(
    Object.keys(CALLS).filter(name => !NAMES.includes(name)),
    [],
  )
})

test('both forms give the same, and write the same', async t => {
  for (const name of NAMES) {
    const [first, second] = [accepted(name)(), accepted(name)()]
    const given = call(name, ...first)
    const later = call(`${name}Async`, ...second)
    t.true(later instanceof Promise, name)
    t.deepEqual(await later, given, name)
    t.is((await later) === second[0], given === first[0], `${name} gives its out`)
    t.deepEqual(second, first, name)
  }
})

test('many asynchronous calls at a time do not mix', async t => {
  const calls = NAMES.flatMap(name => [1, 2, 3].map(() => ({ name, make: accepted(name) })))
  const all = calls.map(({ name, make }) => {
    const args = make()
    return { name, expected: call(name, ...make()), args, later: call(`${name}Async`, ...args) }
  })
  for (const { name, expected, later } of all) t.deepEqual(await later, expected, name)
})
