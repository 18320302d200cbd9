// Sorting against NumPy: every type, axes, views, in place, threads, and what is refused.
import test from 'ava'
import { type DType, InvalidArgumentError, kernels } from 'tsdsm'
import { counted } from '../helpers/npy.mjs'
import { plainArray, same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

const DTYPES: DType[] = ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float32', 'float64']

/** Elements of all bits, without a pattern: a NaN, an infinity and both zeros among those of floats. */
const RANDOM = `
r = np.random.default_rng(seed)
dt = np.dtype(dtype)
result = np.frombuffer(r.bytes(length * dt.itemsize), dtype=dt).copy()
if dt.kind == 'f' and length > 8: result[[1, 3, 5, 7, 8]] = [np.nan, np.inf, -0.0, 0.0, -np.inf]
`

for (const dtype of DTYPES) {
  numpyTest(`${dtype} arrays of any length are sorted, and argsorted stably`, async (t, numpy) => {
    for (const [seed, length] of [0, 1, 2, 63, 65, 1000, 5000, 70_000].entries()) {
      const { data } = await numpy.eval(RANDOM, { seed, length, dtype })
      const a = data as Float64Array
      const out = new (plainArray(dtype))(a.buffer.slice(0) as ArrayBuffer) as Float64Array
      // Of -0.0 and 0.0, which are equal, either may come first: made alike by adding 0.
      const sorted = await numpy.eval('np.sort(a) + a.dtype.type(0)', { a })
      kernels.sort(out, a)
      same(t, kernels.add(new (plainArray(dtype))(a.buffer.slice(0) as ArrayBuffer) as Float64Array, out, 0), sorted)
      kernels.sort(out, out, { threads: 2 })
      same(t, kernels.add(out, out, 0), sorted)
      const order = await numpy.eval("np.argsort(a, kind='stable')", { a })
      same(t, kernels.argsort(new BigInt64Array(length), a), order)
      t.deepEqual([...kernels.argsort(new Int32Array(length), a)], [...(order.data as BigInt64Array)].map(Number))
    }
  })
}

numpyTest('large arrays are sorted alike on any number of threads', async (t, numpy) => {
  const { data } = await numpy.eval('np.random.default_rng(1).random(400000)')
  const a = data as Float64Array
  const sorted = await numpy.eval('np.sort(a)', { a })
  const order = await numpy.eval("np.argsort(a, kind='stable')", { a })
  for (const threads of [1, 2, 3]) {
    same(t, kernels.sort(new Float64Array(a.length), a, { threads }), sorted)
    same(t, kernels.argsort(new BigInt64Array(a.length), a, { threads }), order)
  }
  same(t, await kernels.sortAsync(new Float64Array(a.length), a), sorted)
})

numpyTest('shared arrays and views are sorted along any axis, and in place', async (t, numpy) => {
  const A = await counted(t, 6, 7)
  const B = await counted(t, 6, 7)
  kernels.multiply(A, A, 29)
  kernels.remainder(A, A, 17)
  for (const axis of [0, 1, -1, -2]) {
    same(t, kernels.sort(B, A, { axis }), await numpy.eval('np.sort(A, axis=axis)', { A, axis }))
  }
  const column = A.view(null, 3)
  const expected = await numpy.eval('np.sort(c)', { c: column })
  kernels.sort(column, column)
  same(t, A.view(null, 3), expected)
  kernels.fill(B, -1)
  const rows = await numpy.eval('np.sort(A, axis=1)[2:4]', { A })
  kernels.sort(B, A, { axis: 1, range: [2, 4] })
  same(t, B.view({ start: 2, stop: 4 }), rows)
  t.is(kernels.max(B.view({ start: 0, stop: 2 })), -1)
})

test('sorts that do not fit are refused', t => {
  const refused = (f: () => unknown) => t.throws(f, { instanceOf: InvalidArgumentError })
  const a = Float64Array.of(3, 1, 2)
  refused(() => kernels.sort(new Float32Array(3), a))
  refused(() => kernels.sort(new Float64Array(2), a))
  refused(() => kernels.sort(new Float64Array(3), a, { axis: 1 }))
  refused(() => kernels.sort(new Float64Array(3), a, { range: [0, 2] }))
  const four = new Float64Array(4)
  refused(() => kernels.sort(four.subarray(1), four.subarray(0, 3)))
  refused(() => kernels.argsort(new Float64Array(3), a))
  refused(() => kernels.argsort(new Int16Array(3), a))
  t.deepEqual([...four], [0, 0, 0, 0])
})
