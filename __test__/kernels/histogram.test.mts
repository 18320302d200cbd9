// Histograms and counts against NumPy: types, edges, weights, layouts, shares of the work, refusals.
import test from 'ava'
import { kernels } from 'tsdsm'
import {
  arrange,
  DTYPES,
  isFloat,
  LAYOUTS,
  place,
  refused,
  room,
  shared,
  untouched,
  values,
} from '../helpers/arrange.mjs'
import { plainArray, same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

/** Elements near each other, many of them on edges of bins; of floats also NaN and infinities. */
const VALUES = `
r = np.random.default_rng(seed)
d = np.dtype(dtype)
x = r.integers(0, 2 if d.kind == 'b' else 100, length).astype(d)
if d.kind == 'f':
    x = x + r.choice([0, 0.5, 0.1, 1 / 3], length).astype(d)
    if length > 9: x[:6] = [np.nan, np.inf, -np.inf, -0.0, 100, 7]
if d.kind == 'i' and length > 9: x[:2] = -5, -128
`
const RANGES = [
  [0, 100],
  [10, 50],
  [-20, 33.3],
  [7, 7],
  [1 / 3, 88.1],
] as const

for (const dtype of DTYPES) {
  numpyTest(`${dtype} is counted in bins of one width and between edges`, async (t, numpy) => {
    for (const [seed, length] of [0, 1, 10, 5000].entries()) {
      const x = await numpy.eval(`${VALUES}\nresult = x`, { seed, length, dtype })
      const a = await shared(t, x)
      for (const bounds of RANGES) {
        for (const bins of [1, 7, 100]) {
          // NumPy sees no histogram in bools: they are its integers.
          const inputs = { x, bins, low: bounds[0], high: bounds[1] }
          const code = `x = x.view('u1') if x.dtype.kind == 'b' else x
x = x[np.isfinite(x)] if x.dtype.kind == 'f' else x
result = np.histogram(x, bins, (low, high))`
          const [counts, edges] = await numpy.evalAll(code, inputs)
          const message = `${length} elements, ${bins} bins of ${bounds}`
          for (const threads of [1, 2, 3]) {
            const out = new BigInt64Array(bins)
            t.is(kernels.histogram(out, a, { bounds, threads }), out)
            same(t, out, counts, { message })
          }
          const given = kernels.binEdges(new Float64Array(bins + 1), bounds, dtype === 'bool' ? 'uint8' : dtype)
          t.deepEqual([...given], [...(edges.data as Float64Array)], message)
        }
      }
      const edges = [-3, 0, 0.5, 1, 1, 10, 20.25, 99, 100]
      const code = "np.histogram(x.view('u1') if x.dtype.kind == 'b' else x, np.array(edges))"
      const [counts] = await numpy.evalAll(code, { x, edges })
      same(t, kernels.histogram(new BigInt64Array(edges.length - 1), a, { edges }), counts, {
        message: `${length} elements`,
      })
      if (isFloat(dtype)) {
        const [own, some] = await numpy.evalAll(
          'e = np.sort(x[np.isfinite(x)])[::3]\nresult = [e, np.histogram(x, e)[0] if e.size > 1 else e]',
          { x },
        )
        if (own.data.length < 2) continue
        const out = new BigInt64Array(own.data.length - 1)
        same(t, kernels.histogram(out, a, { edges: own.data as Float64Array }), some, {
          message: `${length} elements, own edges`,
        })
      }
    }
  })
}

for (const dtype of DTYPES.filter(dtype => !isFloat(dtype) && dtype !== 'bool')) {
  numpyTest(`indices of ${dtype} are counted, and their weights are summed`, async (t, numpy) => {
    for (const [seed, length] of [0, 1, 10, 5000].entries()) {
      const [x, counts] = await numpy.evalAll(
        `${VALUES}
x = np.abs(x.astype('i8')).clip(0, 99).astype(d)
result = [x, np.bincount(x.astype('i8'), minlength=101)]`,
        { seed, length, dtype },
      )
      const a = await shared(t, x)
      for (const threads of [1, 2, 3]) {
        const out = new BigInt64Array(101)
        t.is(kernels.bincount(out, a, { threads }), out)
        same(t, out, counts)
      }
      const counted = Array.from(counts.data, Number)
      for (const name of ['int32', 'uint32', 'uint64', 'float16', 'float32', 'float64'] as const) {
        if (!DTYPES.includes(name) || (name === 'float16' && length > 2000)) continue
        t.deepEqual(Array.from(kernels.bincount(room(name, 101) as Float64Array, a), Number), counted, name)
      }
      for (const weight of DTYPES) {
        // Sums of whole numbers are exact in any order.
        const [w, sums] = await numpy.evalAll(
          `w = np.random.default_rng(1).integers(0, 2 if weight == 'bool' else 100, x.size).astype(weight)
result = [w, np.bincount(x.astype('i8'), w, 101).astype('f8')]`,
          { x, weight },
        )
        const weights = await shared(t, w)
        for (const threads of [1, 3]) {
          same(t, kernels.bincount(new Float64Array(101), a, { weights, threads }), sums, { message: weight })
        }
      }
    }
  })
}

numpyTest('weights of a histogram, many of them, on any number of threads', async (t, numpy) => {
  const [x, w, sums, exact] = await numpy.evalAll(
    `r = np.random.default_rng(1)
x, w = r.random(200_000), r.standard_normal(200_000)
result = [x, w, np.histogram(x, 50, (0, 1), weights=w)[0], np.histogram(x, 50, (0, 1))[0]]`,
  )
  const [a, weights] = [x.data as Float64Array, w.data as Float64Array]
  const first = kernels.histogram(new Float64Array(50), a, { bounds: [0, 1], weights, threads: 1 })
  same(t, first, sums, { relative: 1e-13 })
  const edges = kernels.binEdges(new Float64Array(51), [0, 1])
  const indices = Int32Array.from(a, each => Math.min(49, edges.filter(edge => edge <= each).length - 1))
  for (const threads of [1, 2, 3]) {
    t.deepEqual(kernels.histogram(new Float64Array(50), a, { bounds: [0, 1], weights, threads }), first)
    t.deepEqual(kernels.histogram(new Float64Array(50), a, { edges, weights, threads }), first)
    t.deepEqual(kernels.bincount(new Float64Array(50), indices, { weights, threads }), first)
    same(t, kernels.histogram(new BigInt64Array(50), a, { bounds: [0, 1], threads }), exact)
    same(t, kernels.bincount(new BigInt64Array(50), indices, { threads }), exact)
  }
  const special = [Number.NaN, 1, Number.POSITIVE_INFINITY, -0]
  const out = kernels.bincount(new Float64Array(5), Int8Array.of(0, 1, 2, 3), { weights: Float64Array.from(special) })
  t.deepEqual([...out], [Number.NaN, 1, Number.POSITIVE_INFINITY, 0, 0])
})

numpyTest('elements and weights of any layout; a range is one of the input', async (t, numpy) => {
  const [x, w] = await numpy.evalAll(
    'r = np.random.default_rng(1)\nresult = [r.integers(0, 9, (4, 5, 6)), r.integers(-9, 9, (4, 5, 6)).astype("f4")]',
  )
  const before = { x: Array.from(x.data), w: Array.from(w.data) }
  for (const layout of LAYOUTS) {
    for (const other of LAYOUTS) {
      for (const range of [undefined, [1, 3], [2, 2]] as const) {
        const inputs = { x, w, start: range?.[0] ?? 0, stop: range?.[1] ?? 4 }
        const [counts, sums, bins] = await numpy.evalAll(
          `x, w = x[start:stop].ravel(), w[start:stop].ravel()
result = [np.bincount(x, minlength=9), np.bincount(x, w, 9).astype('f8'), np.histogram(x, [0, 2, 2, 5, 8])[0]]`,
          inputs,
        )
        const [a, weights] = [arrange(x, layout), arrange(w, other)]
        for (const [out, expected, given] of [
          [place('int64', [9], other), counts, { range }],
          [place('float64', [9], other), sums, { range, weights }],
        ] as const) {
          kernels.bincount(out, a, given)
          same(t, values(out), expected, { message: `${layout}, ${other}, ${range}` })
          untouched(t, out)
        }
        const out = place('int64', [4], other)
        kernels.histogram(out, a, { edges: [0, 2, 2, 5, 8], range })
        same(t, values(out), bins, { message: `${layout}, ${other}, ${range}` })
        untouched(t, out)
        same(t, values(a), { ...x, data: new (plainArray(x.dtype))(BigInt64Array.from(before.x as bigint[]).buffer) })
      }
    }
  }
  t.deepEqual(Array.from(w.data), before.w)
})

numpyTest('edges and elements are as they were before', async (t, numpy) => {
  const x = await numpy.eval('np.array([3.0, np.nan, -0.0, 1, -np.nan, 2])')
  const edges = Float64Array.of(-0, 1, 3)
  const a = Float64Array.from(x.data as Float64Array)
  kernels.histogram(new Int32Array(2), a, { edges })
  same(t, a, x)
  t.true(Object.is(edges[0], -0))
})

test('what does not fit is refused before anything is written', async t => {
  const a = Int32Array.of(0, 2, 1)
  const x = Float64Array.of(0.5, 1, 2)
  const bools = await shared(t, { dtype: 'bool', shape: [3], data: new Uint8Array(3) })
  const [out, sums] = [new Int32Array(3), new Float64Array(3)]
  const bytes = new ArrayBuffer(64)
  const both = new Int32Array(bytes, 0, 4)
  const table = { data: new Int32Array(4), shape: [2, 2], stride: [2, 1], offset: 0 }
  const bounds = [0, 1] as const
  await refused(
    t,
    [out, sums, both, table.data],
    [
      ['bincount', out, Int32Array.of(0, -1)],
      ['bincount', out, Int32Array.of(0, 1, 2, 3)],
      ['bincount', out, BigUint64Array.of(0n, 2n ** 63n)],
      ['bincount', out, x],
      ['bincount', out, bools],
      ['bincount', table, a],
      ['bincount', new Int16Array(3), a],
      ['bincount', out, a, { weights: x }],
      ['bincount', sums, a, { weights: new Float64Array(2) }],
      ['bincount', both, new Int32Array(bytes, 4, 3)],
      ['bincount', new Float64Array(bytes, 0, 3), a, { weights: new Float64Array(bytes, 16, 3) }],
      ['bincount', out, a, { range: [0, 4] }],
      ['bincount', { data: out, shape: [3], stride: [0], offset: 0 }, a],
      ['histogram', out, x, {}],
      ['histogram', out, x, { bounds, edges: [0, 1, 2, 3] }],
      ['histogram', out, x, { bounds: [1, 0] }],
      ['histogram', out, x, { bounds: [0, Number.NaN] }],
      ['histogram', out, x, { bounds: [0, Number.POSITIVE_INFINITY] }],
      ['histogram', out, x, { bounds: [0] }],
      ['histogram', out, x, { bounds: ['0', 1] }],
      ['histogram', new Int32Array(0), x, { bounds }],
      ['histogram', out, x, { edges: [0, 1, 2] }],
      ['histogram', out, x, { edges: [0, 2, 1, 3] }],
      ['histogram', out, x, { edges: [0, 1, Number.NaN, 3] }],
      ['histogram', out, x, { edges: Int32Array.of(0, 1, 2, 3) }],
      ['histogram', out, x, { bounds, weights: x }],
      ['histogram', sums, x, { bounds, weights: new Float64Array(4) }],
      ['histogram', sums, sums, { bounds }],
      ['histogram', table, x, { bounds }],
      ['histogram', new Int8Array(3), x, { bounds }],
      ['histogram', out, x, { bounds, range: [1, 4] }],
      ['binEdges', out, [0, 1]],
      ['binEdges', new Float64Array(1), [0, 1]],
      ['binEdges', sums, [1, 0]],
      ['binEdges', sums, [0, Number.NaN]],
    ],
  )
})
