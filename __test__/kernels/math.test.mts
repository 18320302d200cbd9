// Transcendental functions beside NumPy's, which are within 4 ulp themselves; ours are within 1.1 of the exact value (that is
// tested in Rust, beside the functions).
import test from 'ava'
import { InvalidArgumentError, kernels } from 'tsdsm'
import { counted } from '../helpers/npy.mjs'
import { same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

const UNARY = [
  ...(['exp', 'exp2', 'expm1', 'log', 'log2', 'log10', 'log1p', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan'] as const),
  ...(['sinh', 'cosh', 'tanh', 'cbrt'] as const),
]
const BINARY = ['pow', 'atan2'] as const
const BESIDE_NUMPY = { ulps: 4 }

const SPECIAL = [0, -0, 1, -1, 0.5, -0.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 5e-324, 1e22]
const LIMITS = [709.78, 709.79, -745.1, -745.2, 710.4, -1022, 1023.9, 1e-310, 88.7, -103.9, 2, 3, -3, 1e300, -1e300]

/** Of many sizes and both signs, after what is special. */
function numbers(length: number): Float64Array {
  const known = [...SPECIAL, ...LIMITS]
  return Float64Array.from({ length }, (_, i) => {
    const angle = Math.sin(i * 1.7) * 10 ** ((i % 9) - 5)
    return known[i] ?? angle
  })
}

/** Every one of a list beside every other. */
function pairs(values: readonly number[]): [Float64Array, Float64Array] {
  const size = values.length
  const at = (of: (i: number) => number) =>
    Float64Array.from({ length: size * size }, (_, i) => values[of(i)] ?? Number.NaN)
  return [at(i => Math.floor(i / size)), at(i => i % size)]
}

for (const name of UNARY) {
  numpyTest(`${name} of float64, float32 and integers`, async (t, numpy) => {
    const a = numbers(1003)
    same(t, kernels[name](new Float64Array(a.length), a), await numpy.eval(`np.${name}(a)`, { a }), BESIDE_NUMPY)
    const narrow = Float32Array.from(a)
    // NumPy's float32 from its own float64: some of its float32 functions are not as exact.
    const rounded = await numpy.eval(`np.${name}(a.astype('f8')).astype('f4')`, { a: narrow })
    same(t, kernels[name](new Float32Array(a.length), narrow), rounded, { ulps: 1 })
    const ints = Int32Array.of(0, 1, -1, 2, 5, -3)
    same(t, kernels[name](new Float64Array(6), ints), await numpy.eval(`np.${name}(a)`, { a: ints }), BESIDE_NUMPY)
    t.throws(() => kernels[name](new Int32Array(6), ints), { instanceOf: InvalidArgumentError })
  })
}

for (const name of BINARY) {
  numpyTest(`${name} of special values and others`, async (t, numpy) => {
    const [a, b] = pairs([...SPECIAL, ...LIMITS])
    const out = new Float64Array(a.length)
    same(t, kernels[name](out, a, b), await numpy.eval(`np.${name}(a, b)`, { a, b }), BESIDE_NUMPY)
    const x = numbers(1003).map(Math.abs)
    const y = numbers(1004).subarray(1)
    same(
      t,
      kernels[name](new Float64Array(1003), x, y),
      await numpy.eval(`np.${name}(x, y)`, { x, y: Float64Array.from(y) }),
      BESIDE_NUMPY,
    )
  })
}

numpyTest('pow of integers wraps', async (t, numpy) => {
  const a = Int32Array.of(0, 0, 1, -1, -1, 2, 2, -3, 7, 46341)
  const b = Int32Array.of(0, 3, 9, 8, 7, 30, 32, 5, 20, 2)
  same(t, kernels.pow(new Int32Array(10), a, b), await numpy.eval('np.pow(a, b)', { a, b }))
  t.deepEqual([...kernels.pow(new Int32Array(4), Int32Array.of(2, 1, -1, 0), -1)], [0, 1, -1, 0])
})

numpyTest('functions of angles are exact for large arguments, too', async (t, numpy) => {
  const a = Float64Array.from({ length: 500 }, (_, i) => 10 ** (i / 1.7) * (i % 2 === 0 ? 1.37 : -1.11))
  for (const name of ['sin', 'cos', 'tan'] as const) {
    same(t, kernels[name](new Float64Array(500), a), await numpy.eval(`np.${name}(a)`, { a }), BESIDE_NUMPY)
  }
})

numpyTest('in place, strided, in parts, masked and on several threads', async (t, numpy) => {
  const A = await counted(t, 60, 70)
  const expected = await numpy.eval('np.exp(-A / 100)', { A })
  kernels.multiply(A, A, -1)
  kernels.divide(A, A, 100)
  const out = await counted(t, 60, 70)
  for (const range of [
    [0, 1],
    [1, 33],
    [33, 60],
  ] as const)
    kernels.exp(out, A, { range })
  same(t, out, expected, BESIDE_NUMPY)
  same(t, await kernels.expAsync(out, A, { threads: 2 }), expected, BESIDE_NUMPY)
  const column = new Float64Array(60)
  same(t, kernels.exp(column, A.view(null, 3)), await numpy.eval('np.exp(A[:, 3])', { A }), BESIDE_NUMPY)
  const where = Uint8Array.from({ length: 70 }, (_, i) => (i % 3) & 1)
  same(
    t,
    kernels.sin(out, A, { where }),
    await numpy.eval('np.where(w, np.sin(A), np.exp(A))', { A, w: where }),
    BESIDE_NUMPY,
  )
  same(t, kernels.exp(A, A), expected, BESIDE_NUMPY)
})

test('results do not depend on the number of threads', t => {
  const a = numbers(600_000)
  const one = kernels.tanh(new Float64Array(a.length), a, { threads: 1 })
  for (const threads of [2, 3]) {
    t.deepEqual(kernels.tanh(new Float64Array(a.length), a, { threads }), one)
  }
})
