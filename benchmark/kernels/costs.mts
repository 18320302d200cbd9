// What a call of each kernel costs on one thread, into the tables of docs/kernels.md.
//   node build/benchmark/kernels/costs.mjs [--write]     after npm run build and npm run build:test
import { readFileSync, writeFileSync } from 'node:fs'
import { kernels } from 'tsdsm'
import { filling } from '../harness.mts'

const N = 2 ** 17
const SIDE = 256
const POINTS = 512
const AXES = 3
const one = { threads: 1 } as const
const seeded = { ...one, key: 1 } as const

const random = (n: number) => Float64Array.from({ length: n }, Math.random)
const matrix = (rows: number, columns: number) => ({
  data: random(rows * columns),
  shape: [rows, columns],
  stride: [columns, 1],
  offset: 0,
})
const [a, b, c, out] = [random(N), random(N), random(N), random(N)]
const [left, right, product] = [matrix(SIDE, SIDE), matrix(SIDE, SIDE), matrix(SIDE, SIDE)]
const [points, centres, distances] = [matrix(POINTS, AXES), matrix(POINTS, AXES), matrix(POINTS, POINTS)]
const labels = new Int32Array(POINTS)
const ints = Int32Array.from(a, x => x * 2 ** 30)
const few = ints.map(i => i & 15)
const someInts = new Int32Array(N)
const mask = Uint8Array.from(a, x => (x < 0.5 ? 1 : 0))
const bools = new Uint8Array(N)
const words = new BigUint64Array(N)
const sorted = Float64Array.from(a).sort()
const order = Int32Array.from(kernels.permutation(new Int32Array(N), seeded))
const bins = new BigInt64Array(100)
const { length, dtype } = kernels.partialsOf('sum', a)
if (dtype !== 'float64') throw new Error(`partials of a sum are ${dtype}`)
const partials = new Float64Array(length)

type Call = () => unknown
interface Cost {
  readonly call: Call
  /** How many of `what` a call is; elements unless told. */
  readonly count: number
  readonly what: string
}

const each = (call: Call): Cost => ({ call, count: N, what: '' })
const calls = (names: readonly string[], call: (kernel: (...operands: never[]) => unknown) => unknown) =>
  names.map((name): [string, Cost] => {
    const kernel = kernels[name as keyof typeof kernels] as (...operands: never[]) => unknown
    return [name, each(() => call(kernel))]
  })
const into = (target: unknown, ...inputs: unknown[]) => {
  const operands = [target, ...inputs, one] as never[]
  return (kernel: (...operands: never[]) => unknown) => kernel(...operands)
}
const list = (text: string) => text.split(' ')

const costs: readonly (readonly [string, Cost])[] = [
  ...calls(list('add subtract multiply divide floorDivide remainder minimum maximum pow atan2'), into(out, a, b)),
  ...calls(list('equal notEqual less lessEqual greater greaterEqual'), into(bools, a, b)),
  ...calls(list('logicalAnd logicalOr logicalXor'), into(bools, a, b)),
  ...calls(list('bitwiseAnd bitwiseOr bitwiseXor'), into(someInts, ints, few)),
  ...calls(list('leftShift rightShift'), into(someInts, ints, few)),
  ...calls(list('negative absolute sign square sqrt floor ceil trunc rint copy'), into(out, a)),
  ...calls(list('exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh cbrt'), into(out, a)),
  ...calls(list('isnan isinf isfinite logicalNot'), into(bools, a)),
  ...calls(['invert'], into(someInts, ints)),
  ...calls(['cast'], into(someInts, a)),
  ['fill', each(() => kernels.fill(out, 3, one))],
  ...calls(['fma', 'clip'], into(out, a, b, c)),
  ...calls(['where'], into(out, mask, a, b)),
  ['axpy', each(() => kernels.axpy(out, 1e-9, a, one))],
  ...calls(list('sum prod mean var std norm min max argmin argmax any all countNonzero'), kernel =>
    kernel(...([a, one] as never[])),
  ),
  ...calls(['cumsum', 'cumprod'], into(out, a)),
  ['dot', each(() => kernels.dot(a, b, one))],
  ['partials', each(() => kernels.partials(partials, 'sum', a, one))],
  ['dotPartials', each(() => kernels.dotPartials(partials, a, b, one))],
  [
    'matmul',
    { call: () => kernels.matmul(product, left, right, one), count: SIDE ** 3, what: 'a multiplication and addition' },
  ],
  ['transpose', { ...each(() => kernels.transpose(product, left, one)), count: SIDE ** 2 }],
  [
    'cdist',
    { call: () => kernels.cdist(distances, points, centres, one), count: POINTS ** 2, what: 'a distance in space' },
  ],
  [
    'nearest',
    { call: () => kernels.nearest(labels, points, centres, one), count: POINTS ** 2, what: 'a distance in space' },
  ],
  ['stencil', { ...each(() => kernels.stencil(product, left, [0.2, 0.2, 0.2, 0.2, 0.2], one)), count: SIDE ** 2 }],
  ['take', each(() => kernels.take(out, a, order, one))],
  ['put', each(() => kernels.put(out, order, a, one))],
  ['scatterAdd', each(() => kernels.scatterAdd(out, order, a, one))],
  ['combineAt', each(() => kernels.combineAt(out, 'add', a, b, order, one))],
  ...calls(['sort'], into(out, a)),
  ...calls(['argsort'], into(someInts, a)),
  ['partition', each(() => kernels.partition(out, a, N / 2, one))],
  ['median', each(() => kernels.median(a, one))],
  ['quantile', each(() => kernels.quantile(a, [0.1, 0.5, 0.9], one))],
  ['searchsorted', each(() => kernels.searchsorted(someInts, sorted, a, one))],
  ['unique', each(() => kernels.unique(out, a, one))],
  ['bincount', each(() => kernels.bincount(bins, few, one))],
  ['histogram', each(() => kernels.histogram(bins, a, { ...one, bounds: [0, 1] }))],
  ['randomWords', each(() => kernels.randomWords(words, seeded))],
  ['uniform', each(() => kernels.uniform(out, seeded))],
  ['normal', each(() => kernels.normal(out, seeded))],
  ['integers', each(() => kernels.integers(someInts, 0, 1000, seeded))],
  ['permutation', each(() => kernels.permutation(someInts, seeded))],
]

const page = new URL('../../../docs/kernels.md', import.meta.url)
let text = readFileSync(page, 'utf8')
for (const [name, { call, count, what }] of costs) {
  const rounds = Array.from({ length: 5 }, () => filling(10, call))
  const cost = `${(Math.min(...rounds) / count).toPrecision(2)}${what && ` ${what}`}`
  console.log(`${name}: ${cost}`)
  const row = new RegExp(`^(\\| \`${name}\` \\|.*) \\| [^|]* \\|$`, 'm')
  if (!row.test(text)) throw new Error(`docs/kernels.md has no place for the cost of ${name}`)
  text = text.replace(row, (_, before) => `${before} | ${cost} |`)
}
if (process.argv.includes('--write')) writeFileSync(page, text)
