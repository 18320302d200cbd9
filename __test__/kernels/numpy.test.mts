// The oracle itself: what is sent to NumPy and comes back.
import test from 'ava'
import { type NumpyArray, same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

numpyTest('arrays and values go to NumPy and come back', async (t, numpy) => {
  const a = Float64Array.of(1.5, -0, Number.NaN, Number.POSITIVE_INFINITY)
  same(t, a, await numpy.eval('a', { a }))
  same(t, BigInt64Array.of(-(2n ** 63n), 5n), await numpy.eval('a', { a: BigInt64Array.of(-(2n ** 63n), 5n) }))
  same(t, Uint8Array.of(1, 0), await numpy.eval('np.array([x, y])', { x: true, y: false }))
  const matrix: NumpyArray = { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }
  same(
    t,
    { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 3, 2, 4) },
    await numpy.eval('m.T', { m: matrix }),
  )
  same(t, 10, await numpy.eval('m.sum()', { m: matrix }))
  same(t, 7, await numpy.eval('np.int64(x)', { x: 7n }))
  const [low, high] = await numpy.evalAll('m.min(axis=0), m.max(axis=0)', { m: matrix })
  same(t, Float32Array.of(1, 2), low)
  same(t, Float32Array.of(3, 4), high)
  same(t, Float64Array.of(0, 1, 2), await numpy.eval('x = np.arange(n)\nresult = x.astype("f8")', { n: 3 }))
})

numpyTest('what Python raises is thrown, and the next request is answered', async (t, numpy) => {
  const [failed, served] = await Promise.allSettled([numpy.eval('1 / 0'), numpy.eval('np.float64(1)')])
  t.regex(String((failed as PromiseRejectedResult).reason), /ZeroDivisionError/)
  t.is(served.status, 'fulfilled')
})

numpyTest('large arrays go both ways whole', async (t, numpy) => {
  const a = Float64Array.from({ length: 1_000_003 }, (_, i) => i)
  same(t, a, await numpy.eval('a[::-1][::-1].copy()', { a }))
})

numpyTest('what is not the same is found', async (t, numpy) => {
  const expected = await numpy.eval('np.array([1.0, 2.0, np.nan, 0.0])')
  for (const data of [
    Float64Array.of(1, 2.0000000000000004, Number.NaN, 0),
    Float64Array.of(1, 2, 3, 0),
    Float64Array.of(1, 2, Number.NaN, -0),
    Float64Array.of(1, 2, Number.NaN),
  ]) {
    const attempt = await t.try(tt => same(tt, data, expected))
    attempt.discard()
    t.false(attempt.passed)
  }
  same(t, Float64Array.of(1, 2.0000000000000004, Number.NaN, -0), expected, { ulps: 1 })
})
