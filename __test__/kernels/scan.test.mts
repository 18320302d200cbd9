// Scans against NumPy: types, axes, strides, in place, ranges, threads, refusals.
import test from 'ava'
import { InvalidArgumentError, kernels } from 'tsdsm'
import { type NumpyArray, same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

const stridesOf = (shape: readonly number[]) => shape.map((_, axis) => shape.slice(axis + 1).reduce((n, m) => n * m, 1))

/** A typed array with a shape, as kernels take it. */
const nd = <T,>(data: T, shape: number[]) => ({ data, shape, stride: stridesOf(shape), offset: 0 })

/** Elements in turn: all sums of them are exact. */
const exact = (length: number) => Float64Array.from({ length }, (_, i) => (((i * 7919) % 101) - 50) / 4)

numpyTest('sums of every type, whatever the number of threads', async (t, numpy) => {
  for (const length of [0, 1, 63, 64, 65, 513, 300_000]) {
    const a = exact(length)
    for (const threads of [1, 2, 3]) {
      same(t, kernels.cumsum(new Float64Array(length), a, { threads }), await numpy.eval('np.cumsum(a)', { a }))
    }
    const whole = Int32Array.from(a)
    const sums = await numpy.eval('np.cumsum(a)', { a: whole })
    same(t, kernels.cumsum(new BigInt64Array(length), whole), sums)
    const bytes = Uint8Array.from(a)
    same(t, kernels.cumsum(new BigUint64Array(length), bytes), await numpy.eval('np.cumsum(a)', { a: bytes }))
  }
  const narrow = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i))
  const expected = await numpy.eval('np.cumsum(a, dtype=np.float64).astype(np.float32)', { a: narrow })
  same(t, kernels.cumsum(new Float32Array(5000), narrow), expected, { relative: 1e-6 })
})

numpyTest('products, which wrap in 64 bits', async (t, numpy) => {
  const a = BigInt64Array.of(3n, -5n, 2n ** 40n, 2n ** 30n, 7n)
  same(t, kernels.cumprod(new BigInt64Array(5), a), await numpy.eval('np.cumprod(a)', { a }))
  const b = Float64Array.from({ length: 700 }, (_, i) => 1 + Math.sin(i) / 50)
  const expected = await numpy.eval('np.cumprod(b)', { b })
  same(t, kernels.cumprod(new Float64Array(700), b), expected, { relative: 1e-12 })
})

numpyTest('NaN, infinities and zeros of both signs', async (t, numpy) => {
  const a = Float64Array.of(-0, -0, 0, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2)
  same(t, kernels.cumsum(new Float64Array(7), a), await numpy.eval('np.cumsum(a)', { a }))
  same(t, kernels.cumprod(new Float64Array(7), a), await numpy.eval('np.cumprod(a)', { a }))
})

numpyTest('along axes, of views, in place, in shares', async (t, numpy) => {
  for (const shape of [
    [3, 700],
    [700, 3],
    [200, 40],
    [5, 30, 7],
  ]) {
    const data = exact(shape.reduce((n, m) => n * m, 1))
    const a: NumpyArray = { dtype: 'float64', shape, data }
    for (const axis of [...shape.keys(), -1]) {
      const expected = await numpy.eval(`np.cumsum(a, axis=${axis})`, { a })
      const sums = (out: Float64Array): NumpyArray => ({ dtype: 'float64', shape, data: out })
      for (const threads of [1, 2]) {
        const out = new Float64Array(data.length)
        kernels.cumsum(nd(out, shape), nd(data, shape), { axis, threads })
        same(t, sums(out), expected)
        const own = nd(data.slice(), shape)
        kernels.cumsum(own, own, { axis, threads })
        same(t, sums(own.data), expected)
      }
      const out = new Float64Array(data.length)
      const middle = shape[0] >> 1
      for (const range of [
        [middle, shape[0]],
        [0, middle],
      ] as const) {
        kernels.cumsum(nd(out, shape), nd(data, shape), { axis, range })
      }
      same(t, sums(out), expected)
    }
    const flat = new Float64Array(data.length)
    same(t, kernels.cumsum(flat, nd(data, shape)), await numpy.eval('np.cumsum(a)', { a }))
  }
  const data = exact(60)
  const backwards = { data, shape: [30], stride: [-2], offset: 59 }
  same(t, kernels.cumsum(new Float64Array(30), backwards), await numpy.eval('np.cumsum(a[::-2])', { a: data }))
})

test('what does not fit is refused, and nothing is written', t => {
  const a = exact(12)
  const out = new Float64Array(12).fill(7)
  const refused = (run: () => unknown) => t.throws(run, { instanceOf: InvalidArgumentError })
  refused(() => kernels.cumsum(new Float64Array(11), a))
  refused(() => kernels.cumsum(new Int32Array(12), a))
  refused(() => kernels.cumsum(out, a, { axis: 1 }))
  refused(() => kernels.cumsum(out, a, { range: [5, 13] }))
  refused(() => kernels.cumsum(a.subarray(1), a.subarray(0, 11)))
  refused(() => kernels.cumsum(a, a, { range: [3, 9] }))
  t.deepEqual(out, new Float64Array(12).fill(7))
  t.deepEqual(a, exact(12))
})
