// Distances between points against NumPy: metrics, shapes, layouts, NaN, shares of the work, refusals.
import test from 'ava'
import { kernels } from 'tsdsm'
import { arrange, LAYOUTS, place, refused, untouched, values } from '../helpers/arrange.mjs'
import { same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

const METRICS = {
  euclidean: 'np.sqrt(np.sum(d * d, axis=2))',
  sqeuclidean: 'np.sum(d * d, axis=2)',
  cityblock: 'np.sum(np.abs(d), axis=2)',
  chebyshev: 'np.max(np.abs(d), axis=2, initial=0)',
} as const
type Metric = keyof typeof METRICS
const NAMES = Object.keys(METRICS) as Metric[]

/** Points, and the differences of all pairs in float64. */
const POINTS = `
r = np.random.default_rng(1)
a, b = r.standard_normal((m, k)).astype(dtype), r.standard_normal((n, k)).astype(dtype)
`
const DIFFERENCES = 'd = a[:, None].astype("f8") - b[None].astype("f8")\n'
const SHAPES = [
  [1, 1, 1],
  [5, 7, 3],
  [33, 17, 2],
  [40, 70, 130],
  [3, 4, 1000],
  [0, 4, 3],
  [4, 0, 3],
  [3, 4, 0],
]

for (const dtype of ['float32', 'float64'] as const) {
  numpyTest(`distances of ${dtype} by every metric, in any layout`, async (t, numpy) => {
    for (const [m, n, k] of SHAPES) {
      const [a, b] = await numpy.evalAll(`${POINTS}result = a, b`, { m, n, k, dtype })
      for (const metric of NAMES) {
        const expected = await numpy.eval(`${DIFFERENCES}result = (${METRICS[metric]}).astype('${dtype}')`, { a, b })
        const message = `${metric} of ${m}, ${n}, ${k}`
        const first = kernels.cdist(place(dtype, [m, n]), arrange(a, 'rows'), arrange(b, 'rows'), { metric })
        same(t, values(first), expected, { ulps: dtype === 'float32' ? 3 : 30, message })
        for (const layout of LAYOUTS) {
          for (const threads of [1, 2, 3]) {
            const out = place(dtype, [m, n], layout)
            t.is(kernels.cdist(out, arrange(a, layout), arrange(b, layout), { metric, threads }), out)
            // The same bits, whatever the threads and the layout.
            same(t, values(out), values(first), { message: `${message} in ${layout} on ${threads}` })
            untouched(t, out)
          }
        }
      }
    }
  })

  numpyTest(`the nearest centres of points of ${dtype}`, async (t, numpy) => {
    for (const [m, n, k] of [...SHAPES.slice(0, 6), [2000, 30, 3], [300, 700, 20]]) {
      const [a, b] = await numpy.evalAll(`${POINTS}b[n // 2:] = b[:n - n // 2]\nresult = a, b`, { m, n, k, dtype })
      // The distances that we compute in float64, the first of the least of them, rounded once.
      const [wide, centres] = await numpy.evalAll('a.astype("f8"), b.astype("f8")', { a, b })
      const squares = place('float64', [m, n])
      kernels.cdist(squares, arrange(wide, 'rows'), arrange(centres, 'rows'), { metric: 'sqeuclidean' })
      const code = 'np.argmin(d, axis=1), np.min(d, axis=1).astype(dtype)'
      const [labels, least] = await numpy.evalAll(code, { d: values(squares), dtype })
      for (const layout of LAYOUTS) {
        for (const threads of [1, 2, 3]) {
          for (const type of ['int32', 'uint32', 'int64', 'uint64'] as const) {
            const [out, near] = [place(type, [m], layout), place(dtype, [m], layout)]
            t.is(kernels.nearest(out, arrange(a, layout), arrange(b, layout), { squares: near, threads }), out)
            const message = `${m}, ${n}, ${k} in ${layout} on ${threads}`
            t.deepEqual(Array.from(values(out).data, Number), Array.from(labels.data, Number), message)
            same(t, values(near), least, { message })
            untouched(t, out)
            untouched(t, near)
            const alone = kernels.nearest(place(type, [m], layout), arrange(a, layout), arrange(b, layout), { threads })
            t.deepEqual(values(alone), values(out), message)
          }
        }
      }
    }
  })
}

numpyTest('NaN and infinity come through, and a NaN is the nearest', async (t, numpy) => {
  const [a, b] = await numpy.evalAll(
    `a, b = np.arange(8.0).reshape(4, 2), np.arange(6.0).reshape(3, 2)
a[1, 0] = np.nan; a[2, 1] = np.inf; b[2, 1] = -np.inf
result = a, b`,
  )
  for (const metric of NAMES) {
    const code = `${DIFFERENCES}result = ${metric === 'chebyshev' ? 'np.max(np.abs(d), axis=2)' : METRICS[metric]}`
    const out = kernels.cdist(place('float64', [4, 3]), arrange(a, 'rows'), arrange(b, 'rows'), { metric })
    same(t, values(out), await numpy.eval(code, { a, b }), { message: metric })
  }
  const squares = place('float64', [4])
  const labels = kernels.nearest(new Int32Array(4), arrange(a, 'rows'), arrange(b, 'rows'), { squares })
  t.deepEqual([...labels], [0, 0, 0, 1])
  t.deepEqual([...squares.data], [0, Number.NaN, Number.POSITIVE_INFINITY, 32])
  const c = await numpy.eval('np.array([[0.0, 0], [np.nan, 0], [7, 7]])')
  t.deepEqual([...kernels.nearest(new Int32Array(4), arrange(a, 'rows'), arrange(c, 'rows'))], [1, 0, 1, 1])
})

numpyTest('near points have exact distances; ranges leave the rest as it is', async (t, numpy) => {
  const a = await numpy.eval('np.array([[1e8, 1], [1e8 + 2 ** -20, 1]])')
  const out = kernels.cdist(place('float64', [2, 2]), arrange(a, 'rows'), arrange(a, 'rows'))
  t.deepEqual([...out.data], [0, 2 ** -20, 2 ** -20, 0])
  const b = await numpy.eval('np.random.default_rng(1).random((9, 2))')
  const whole = kernels.cdist(place('float64', [9, 9]), arrange(b, 'rows'), arrange(b, 'rows'))
  for (const range of [
    [2, 5],
    [0, 0],
    [8, 9],
  ] as const) {
    const part = kernels.fill(place('float64', [9, 9], 'gaps'), -1)
    kernels.cdist(part, arrange(b, 'rows'), arrange(b, 'columns'), { range, threads: 2 })
    const code = 'o = np.full_like(w, -1)\no[s:e] = w[s:e]\nresult = o'
    same(t, values(part), await numpy.eval(code, { w: values(whole), s: range[0], e: range[1] }))
    const [labels, squares] = [new Int32Array(9).fill(-1), new Float64Array(9).fill(-1)]
    kernels.nearest(labels, arrange(b, 'rows'), arrange(b, 'rows'), { range, squares })
    const inside = (i: number) => i >= range[0] && i < range[1]
    t.deepEqual(
      [...labels],
      Array.from({ length: 9 }, (_, i) => (inside(i) ? i : -1)),
    )
    t.deepEqual(
      [...squares],
      Array.from({ length: 9 }, (_, i) => (inside(i) ? 0 : -1)),
    )
  }
})

test('what does not fit is refused before anything is written', async t => {
  const points = (m: number, k: number, data = new Float64Array(m * k)) => ({
    data,
    shape: [m, k],
    stride: [k, 1],
    offset: 0,
  })
  const [a, b, out] = [points(4, 2), points(3, 2), points(4, 3)]
  const [labels, squares] = [new Int32Array(4), new Float64Array(4)]
  const narrow = { ...a, data: new Float32Array(8) }
  const room = new Float64Array(32)
  await refused(
    t,
    [a, out, labels, squares, room],
    [
      ['cdist', out, a, points(3, 3)],
      ['cdist', out, a, new Float64Array(2)],
      ['cdist', points(3, 4), a, b],
      ['cdist', out.data, a, b],
      ['cdist', out, narrow, b],
      ['cdist', { ...out, data: new Float32Array(12) }, a, b],
      [
        'cdist',
        { ...out, data: new Int32Array(12) },
        { ...a, data: new Int32Array(8) },
        { ...b, data: new Int32Array(6) },
      ],
      ['cdist', points(4, 3, room), points(4, 2, room.subarray(11)), b],
      ['cdist', points(4, 3, room), a, points(3, 2, room.subarray(11))],
      ['cdist', { ...out, stride: [0, 1] }, a, b],
      ['cdist', out, a, b, { metric: 'cosine' }],
      ['cdist', out, a, b, { range: [0, 5] }],
      ['nearest', labels, a, points(3, 3)],
      ['nearest', labels, a, points(0, 2)],
      ['nearest', new Int32Array(3), a, b],
      ['nearest', new Float64Array(4), a, b],
      ['nearest', new Int16Array(4), a, b],
      ['nearest', labels, a, b, { squares: new Float64Array(3) }],
      ['nearest', labels, a, b, { squares: new Float32Array(4) }],
      ['nearest', new Int32Array(room.buffer, 0, 4), a, b, { squares: room.subarray(0, 4) }],
      ['nearest', new Int32Array(room.buffer, 0, 4), points(4, 2, room), b],
      ['nearest', labels, points(4, 2, room), b, { squares: room.subarray(7, 11) }],
      ['nearest', labels, a, b, { squares, range: [1, 5] }],
      ['nearest', { data: labels, shape: [4], stride: [0], offset: 0 }, a, b],
    ],
  )
})
