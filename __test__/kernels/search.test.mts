// Searching in sorted arrays, and unique values, against NumPy: types, layouts, NaN and zeros, threads, refusals.
import test from 'ava'
import { kernels } from 'tsdsm'
import { arrange, DTYPES, LAYOUTS, place, refused, room, shared, untouched, values } from '../helpers/arrange.mjs'
import { counted } from '../helpers/npy.mjs'
import { same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

/** Elements with many equal ones, and the limits of the type; of floats also NaN, infinities, both zeros. */
const VALUES = `
r = np.random.default_rng(seed)
d = np.dtype(dtype)
if d.kind == 'b':
    few = np.array([False, True])
elif d.kind == 'f':
    few = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1, -1, 2.5, np.finfo(d).max, np.finfo(d).smallest_subnormal], d)
else:
    few = np.array([np.iinfo(d).min, np.iinfo(d).max, 0, 1, 2, 3, 7], d)
many = np.frombuffer(r.bytes(length * d.itemsize), d if d.kind != 'b' else 'u1').astype(d)
x = np.where(r.random(length) < 0.5, r.choice(few, length), many)
`

for (const dtype of DTYPES) {
  numpyTest(`needles are found in sorted ${dtype}`, async (t, numpy) => {
    for (const [seed, length] of [0, 1, 2, 3, 15, 16, 17, 1000, 5000].entries()) {
      const [sorted, needles, left, right] = await numpy.evalAll(
        `${VALUES}
s = np.sort(x)
n = r.permutation(np.concatenate([x, few]))
result = [s, n, np.searchsorted(s, n), np.searchsorted(s, n, side='right')]`,
        { seed, length, dtype },
      )
      const [s, n] = [await shared(t, sorted), await shared(t, needles)]
      for (const threads of [1, 2, 3]) {
        const out = new BigInt64Array(n.length)
        t.is(kernels.searchsorted(out, s, n, { threads }), out)
        same(t, out, left, { message: `${length} elements` })
        same(t, kernels.searchsorted(out, s, n, { side: 'right', threads }), right, { message: `${length} elements` })
      }
      for (const Indices of [Int32Array, Uint32Array, BigUint64Array]) {
        const out = kernels.searchsorted(new Indices(n.length), s, n)
        t.deepEqual(
          Array.from<unknown>(out),
          Array.from(left.data, each => (Indices === BigUint64Array ? each : Number(each))),
        )
      }
    }
  })

  numpyTest(`the different values of ${dtype} are counted and placed`, async (t, numpy) => {
    for (const [seed, length] of [0, 1, 2, 63, 1000, 20_000].entries()) {
      // Which of equal zeros it gives is NumPy's affair.
      const [x, u, i, v, c] = await numpy.evalAll(
        `${VALUES}
result = [x, *np.unique(x, return_index=True, return_inverse=True, return_counts=True)]
if d.kind == 'f': result[1] = result[1] + np.zeros(1, d)`,
        { seed, length, dtype },
      )
      const a = await shared(t, x)
      for (const threads of [1, 2, 3]) {
        const message = `${length} elements, ${threads} threads`
        const out = await shared(t, { ...x, data: room(dtype, length) })
        const [counts, index, inverse] = [0, 0, 0].map(() => new BigInt64Array(length))
        const k = kernels.unique(out, a, { counts, index, inverse, threads })
        t.is(k, u.data.length, message)
        same(t, { ...u, data: out.subarray(0, k) as never }, u, { message })
        same(t, counts.subarray(0, k), c, { message })
        same(t, index.subarray(0, k), i, { message })
        same(t, inverse, v, { message })
        const alone = await shared(t, { ...x, data: room(dtype, length) })
        t.is(kernels.unique(alone, a, { threads }), k, message)
        t.deepEqual(alone, out, message)
      }
    }
  })
}

numpyTest('needles and values of any layout', async (t, numpy) => {
  const [sorted, needles, found] = await numpy.evalAll(
    `r = np.random.default_rng(1)
s, n = np.sort(r.integers(0, 50, 40).astype('f4')), r.integers(-1, 51, (3, 4, 5)).astype('f4')
result = [s, n, np.searchsorted(s, n)]`,
  )
  for (const layout of LAYOUTS) {
    for (const other of LAYOUTS) {
      const out = place('int64', [3, 4, 5], other)
      kernels.searchsorted(out, arrange(sorted, layout), arrange(needles, layout))
      same(t, values(out), found, { message: `${layout}, ${other}` })
      untouched(t, out)
      const code = 'u, v, c = np.unique(n.ravel(), return_counts=True, return_inverse=True)\nresult = u, c, v'
      const [u, c, v] = await numpy.evalAll(code, { n: needles })
      const k = u.data.length
      const [all, counts, inverse] = [
        place('float32', [k], other),
        place('int64', [k], other),
        place('int64', [60], other),
      ]
      t.is(kernels.unique(all, arrange(needles, layout), { counts, inverse }), k)
      for (const [given, expected] of [
        [all, u],
        [counts, c],
        [inverse, v],
      ] as const) {
        same(t, values(given), expected, { message: `${layout}, ${other}` })
        untouched(t, given)
      }
    }
  }
})

numpyTest('a number is searched for, and a range leaves the rest as it is', async (t, numpy) => {
  const sorted = Float64Array.of(1, 2, 2, 4)
  const one = place('int64', [])
  kernels.searchsorted(one, sorted, 2, { side: 'right' })
  same(t, values(one), await numpy.eval("np.asarray(np.searchsorted(s, 2, side='right'))", { s: sorted }))
  const needles = await counted(t, 6)
  for (const threads of [1, 2]) {
    const out = new Int32Array(6).fill(-7)
    kernels.searchsorted(out, sorted, needles, { range: [1, 4], threads })
    t.deepEqual([...out], [-7, 0, 1, 3, -7, -7])
    kernels.searchsorted(out, sorted, needles, { range: [5, 5], threads })
    t.deepEqual([...out], [-7, 0, 1, 3, -7, -7])
  }
})

numpyTest('many needles and many values are the same on any number of threads', async (t, numpy) => {
  const [x, u, i, v, c] = await numpy.evalAll(
    `x = np.random.default_rng(5).integers(0, 100_000, 300_000)
result = [x, *np.unique(x, return_index=True, return_inverse=True, return_counts=True)]`,
  )
  const found = await numpy.eval('np.searchsorted(u, x)', { u, x })
  for (const threads of [1, 2, 3]) {
    const a = x.data as BigInt64Array
    same(t, kernels.searchsorted(new BigInt64Array(a.length), u.data as BigInt64Array, a, { threads }), found)
    const [out, counts, index, inverse] = [0, 0, 0, 0].map(() => new BigInt64Array(a.length))
    const k = kernels.unique(out, a, { counts, index, inverse, threads })
    same(t, out.subarray(0, k), u)
    same(t, counts.subarray(0, k), c)
    same(t, index.subarray(0, k), i)
    same(t, inverse, v)
    t.is(out[k], 0n)
  }
})

test('searches that do not fit are refused before anything is written', async t => {
  const [sorted, needles] = [Float64Array.of(1, 2, 3), Float64Array.of(2, 9)]
  const out = new BigInt64Array(2)
  const table = { data: new Float64Array(4), shape: [2, 2], stride: [2, 1], offset: 0 }
  const bytes = new ArrayBuffer(64)
  const both = new BigInt64Array(bytes, 0, 2)
  await refused(
    t,
    [out, both],
    [
      ['searchsorted', out, new Float32Array(3), needles],
      ['searchsorted', out, table, needles],
      ['searchsorted', new BigInt64Array(3), sorted, needles],
      ['searchsorted', new Float64Array(2), sorted, needles],
      ['searchsorted', new Int16Array(2), sorted, needles],
      ['searchsorted', both, sorted, new Float64Array(bytes, 8, 2)],
      ['searchsorted', both, new Float64Array(bytes, 8, 2), needles],
      ['searchsorted', out, sorted, needles, { side: 'middle' }],
      ['searchsorted', out, sorted, needles, { range: [0, 3] }],
      ['searchsorted', out, sorted, needles, { range: [2, 1] }],
      ['searchsorted', { data: out, shape: [2], stride: [0], offset: 0 }, sorted, needles],
    ],
  )
})

test('unique values that do not fit are refused before anything is written', async t => {
  const a = Float64Array.of(3, 1, 2, 1)
  const [out, counts] = [new Float64Array(4), new Int32Array(4)]
  const bytes = new ArrayBuffer(64)
  const both = new Float64Array(bytes, 0, 4)
  const table = { data: new Float64Array(4), shape: [2, 2], stride: [2, 1], offset: 0 }
  await refused(
    t,
    [out, counts, both, table],
    [
      ['unique', new Float32Array(4), a],
      ['unique', table, a],
      ['unique', new Float64Array(2), a],
      ['unique', out, a, { counts: new Int32Array(2) }],
      ['unique', out, a, { counts, index: new Int32Array(2) }],
      ['unique', out, a, { counts, inverse: new Int32Array(3) }],
      ['unique', out, a, { counts, inverse: new Int32Array(5) }],
      ['unique', out, a, { counts: new Int16Array(4) }],
      ['unique', out, a, { counts: new Float64Array(4) }],
      ['unique', out, a, { counts, index: counts }],
      ['unique', both, new Float64Array(bytes, 16, 4)],
      ['unique', both, both],
      ['unique', out, a, { counts, inverse: new Int32Array(out.buffer, 0, 4) }],
      ['unique', out, a, { range: [0, 2] }],
      ['unique', { data: out, shape: [4], stride: [0], offset: 0 }, a],
    ],
  )
})
