// Partitions, medians and quantiles against NumPy: types, axes, layouts, NaN, shares of the work, refusals.
import test from 'ava'
import { type DType, kernels } from 'tsdsm'
import { arrange, DTYPES, isFloat, LAYOUTS, place, refused, room, untouched, values } from '../helpers/arrange.mjs'
import { type NumpyArray, same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)
const TYPES = DTYPES.filter(dtype => dtype !== 'bool')

/** Elements with equal ones among them: of integers all of the type, of floats some of any size, and infinities. */
const VALUES = `
r = np.random.default_rng(seed)
d = np.dtype(dtype)
if d.kind == 'f':
    x = (r.standard_normal(shape) * 10.0 ** r.integers(-3, 3, shape)).astype(d)
    if x.size > 20: x.flat[:9] = [np.inf, -np.inf, 0.0, -0.0, 1, 1, 1, -1, 0]
else:
    x = r.integers(np.iinfo(d).min, np.iinfo(d).max, shape, d, endpoint=True)
    if x.size > 20: x.flat[:9] = [np.iinfo(d).min, np.iinfo(d).max, 0, 1, 1, 1, 2, 2, 3]
r.shuffle(x)
`

/** Whether the elements at the places are those of a sort, with none larger before and none smaller behind. */
const PARTITIONED = `
result = [np.sort(p) + np.zeros(1, p.dtype) == np.sort(x) + np.zeros(1, x.dtype)]
s = np.sort(x)
for k in kth:
    result += [p[k] == s[k], np.all(p[:k] <= p[k]), np.all(p[k:] >= p[k])]
result = np.all([np.all(each) for each in result])
`

/** The results in float64, which ours are always. */
const wide = (array: NumpyArray): NumpyArray => ({
  ...array,
  dtype: 'float64',
  data: Float64Array.from(array.data as Float64Array),
})

/** How near NumPy comes to a quantile, whose type is that of the elements where they are floats. */
function near(dtype: DType) {
  if (dtype === 'float16') return { relative: 2 ** -10 }
  return dtype === 'float32' ? { relative: 2 ** -23 } : { relative: 2 ** -51 }
}

for (const dtype of TYPES) {
  numpyTest(`${dtype} is partitioned at any places, in place too`, async (t, numpy) => {
    for (const [seed, length] of [1, 2, 3, 64, 1000, 30_000].entries()) {
      const x = await numpy.eval(`${VALUES}\nresult = x`, { seed, dtype, shape: length })
      const a = x.data as Float64Array
      for (const kth of [[0], [-1], [length >> 1], [length >> 1, 0, -1, length >> 2], []]) {
        for (const threads of [1, 3]) {
          const p = kernels.partition(room(dtype, length) as Float64Array, a, kth, { threads })
          const right = await numpy.eval(PARTITIONED, { x: a, p, kth })
          t.is(right.data[0], 1, `${length} elements at ${kth}`)
          const own = kernels.copy(room(dtype, length) as Float64Array, a)
          t.is(kernels.partition(own, own, kth, { threads }), own)
          same(t, own, { ...x, data: p })
        }
      }
    }
  })

  numpyTest(`medians and quantiles of ${dtype}, of all and along each axis`, async (t, numpy) => {
    const q = [0, 0.1, 1 / 3, 0.5, 0.75, 0.999, 1]
    for (const [seed, shape] of [[1], [2], [3], [64], [1001], [5, 6], [4, 5, 6]].entries()) {
      // Which of two equal zeros is in the middle, nobody says: there is one here.
      const x = await numpy.eval(`${VALUES}\nresult = x + d.type(0)`, { seed, dtype, shape })
      for (const layout of LAYOUTS) {
        const a = arrange(x, layout)
        const message = `${shape} in ${layout}`
        const medians = await numpy.evalAll('[np.median(x)] + [np.median(x, axis=i) for i in range(x.ndim)]', { x })
        // NumPy's differences of signed integers wrap; those of its float64 numbers do not.
        const quantiles = await numpy.evalAll(
          `y = x.astype('f8') if x.dtype.kind == 'i' else x
result = [np.quantile(y, np.array(q), axis=i) for i in (None, *range(x.ndim))]`,
          { x, q },
        )
        for (const [i, median] of medians.entries()) {
          const axis = i === 0 ? undefined : i - 1
          for (const threads of [1, 2, 3]) {
            const out = place(median.dtype, median.shape, layout)
            t.is(kernels.median(a, { axis, out, threads }), out)
            same(t, values(out), median, { message })
            untouched(t, out)
            const several = place('float64', quantiles[i].shape, layout)
            t.is(kernels.quantile(a, q, { axis, out: several, threads }), several)
            same(t, values(several), wide(quantiles[i]), { message, ...near(dtype) })
            untouched(t, several)
          }
        }
        t.is(kernels.median(a), medians[0].data[0] as number, message)
        same(t, kernels.quantile(a, q) as Float64Array, wide(quantiles[0]), { message, ...near(dtype) })
      }
    }
  })
}

numpyTest('where one element is NaN, so are the statistics of its line, and NaN goes last', async (t, numpy) => {
  for (const dtype of TYPES.filter(isFloat)) {
    const x = await numpy.eval(
      `x = np.random.default_rng(1).standard_normal((4, 9)).astype('${dtype}')
x[1, 3] = np.nan; x[2, :] = np.inf; x[2, 0] = -np.inf
result = x`,
    )
    const a = arrange(x, 'columns')
    for (const axis of [0, 1, -1, undefined]) {
      const [median, quantile] = await numpy.evalAll('np.median(x, axis=axis), np.quantile(x, 0.5, axis=axis)', {
        x,
        axis: axis ?? null,
      })
      const [m, q] = [place(dtype, median.shape), place('float64', median.shape)]
      same(t, values(kernels.median(a, { axis, out: m }) as never), median, { message: `${dtype}, ${axis}` })
      kernels.quantile(a, 0.5, { axis, out: q })
      // Between infinities of both signs there may be any number, or none.
      const none = await numpy.evalAll('np.isnan(q), np.isnan(expected)', { q: values(q), expected: quantile })
      same(t, none[0], none[1], { message: `${dtype}, ${axis}` })
    }
    const nan = await numpy.eval(`np.array([np.nan, 2, -np.nan, 1, np.inf, -np.inf], '${dtype}')`)
    const p = kernels.partition(place(dtype, [6]), arrange(nan, 'rows'), [0, 1, 2, 3])
    t.deepEqual(Array.from(p.data), [-Infinity, 1, 2, Infinity, Number.NaN, Number.NaN])
  }
})

numpyTest('lines of any layout are partitioned along any axis; a range leaves the rest as it is', async (t, numpy) => {
  const x = await numpy.eval('np.random.default_rng(2).integers(0, 99, (5, 6, 7)).astype("i4")')
  for (const layout of LAYOUTS) {
    for (const axis of [0, 1, 2, -1, -3]) {
      for (const threads of [1, 2, 3]) {
        const out = place('int32', [5, 6, 7], layout)
        kernels.partition(out, arrange(x, layout), 2, { axis, threads })
        const right = await numpy.eval(
          `p, x = np.moveaxis(p, axis, 0), np.moveaxis(x, axis, 0)
result = np.all(np.sort(p, axis=0) == np.sort(x, axis=0)) & np.all(p[2] == np.sort(x, axis=0)[2]) & np.all(p[:2] <= p[2]) & np.all(p[2:] >= p[2])`,
          { p: values(out), x, axis },
        )
        t.is(right.data[0], 1, `${layout}, ${axis}`)
        untouched(t, out)
      }
    }
    const part = kernels.fill(place('int32', [5, 6, 7], layout), -1)
    kernels.partition(part, arrange(x, layout), 3, { range: [1, 3] })
    const right = await numpy.eval('np.all(p[[0, 3, 4]] == -1) & np.all(np.sort(p[1:3]) == np.sort(x[1:3]))', {
      p: values(part),
      x,
    })
    t.is(right.data[0], 1)
  }
  const [medians, quantiles] = await numpy.evalAll('np.median(x, axis=1), np.quantile(x, [0.25, 0.5], axis=1)', { x })
  for (const threads of [1, 2]) {
    const m = kernels.fill(place('float64', [5, 7]), -1)
    kernels.median(arrange(x, 'rows'), { axis: 1, out: m, range: [2, 4], threads })
    same(t, values(m), await numpy.eval('r = np.full_like(m, -1)\nr[2:4] = m[2:4]\nresult = r', { m: medians }))
    const q = kernels.fill(place('float64', [2, 5, 7]), -1)
    kernels.quantile(arrange(x, 'rows'), [0.25, 0.5], { axis: 1, out: q, range: [2, 4], threads })
    same(t, values(q), await numpy.eval('r = np.full_like(m, -1)\nr[:, 2:4] = m[:, 2:4]\nresult = r', { m: quantiles }))
  }
})

numpyTest('many elements on any number of threads; nothing has no quantile, and NaN for a median', async (t, numpy) => {
  const x = await numpy.eval('np.random.default_rng(3).random(300_001)')
  const a = x.data as Float64Array
  const [median, quantiles] = await numpy.evalAll('np.median(x), np.quantile(x, [0.01, 0.5, 0.99])', { x })
  for (const threads of [1, 2, 3]) {
    t.is(kernels.median(a, { threads }), median.data[0] as number)
    same(t, kernels.quantile(a, [0.01, 0.5, 0.99], { threads } as never) as Float64Array, quantiles, { ulps: 1 })
  }
  t.is(kernels.median(new Float64Array(0)), Number.NaN)
  t.is(kernels.median(Int8Array.of(1, 2)), 1.5)
  t.is(kernels.partition(new Float64Array(0), new Float64Array(0), []).length, 0)
  t.deepEqual(kernels.median(place('float64', [0, 3]), { axis: 1 }), new Float64Array(0))
  t.deepEqual(kernels.median(place('float64', [3, 0]), { axis: 1 }), new Float64Array(3).fill(Number.NaN))
})

test('what does not fit is refused before anything is written', async t => {
  const a = Float64Array.of(3, 1, 2)
  const out = new Float64Array(3)
  const one = { data: new Float64Array(1), shape: [], stride: [], offset: 0 }
  const bytes = new Float64Array(5)
  const table = { data: Float64Array.of(1, 2, 3, 4), shape: [2, 2], stride: [2, 1], offset: 0 }
  const bool = { data: new Uint8Array(3), shape: [3], stride: [1], offset: 0 }
  await refused(
    t,
    [out, one, bytes, table.data],
    [
      ['partition', out, a, 3],
      ['partition', out, a, -4],
      ['partition', out, a, 0.5],
      ['partition', out, a, Number.NaN],
      ['partition', out, a, [0, 9]],
      ['partition', out, a, 'x'],
      ['partition', out, a, 0, { axis: 1 }],
      ['partition', out, a, 0, { range: [0, 2] }],
      ['partition', new Float32Array(3), a, 0],
      ['partition', new Float64Array(4), a, 0],
      ['partition', bytes.subarray(0, 3), bytes.subarray(2), 0],
      ['median', a, { out }],
      ['median', a, { out: one, axis: 1 }],
      ['median', table, { out: one, axis: 0 }],
      ['median', a, { out: one, range: [0, 1] }],
      ['median', a, { out: { ...one, data: new Int32Array(1) } }],
      ['median', table, { out: { ...one, data: table.data } }],
      ['quantile', a, 1.1, { out: one }],
      ['quantile', a, -0.1, { out: one }],
      ['quantile', a, Number.NaN, { out: one }],
      ['quantile', a, [0.5, 2], { out: bytes.subarray(0, 2) }],
      ['quantile', a, [0.5, 0.6], { out }],
      ['quantile', a, 'x', { out: one }],
      ['quantile', a, 0.5, { out: { ...one, data: new Int32Array(1) } }],
      ['quantile', new Float64Array(0), 0.5, { out: one }],
      ['quantile', table, 0.5, { axis: 2 }],
      ['quantile', table, [0.5, 0.5], { axis: 0, out: { ...table, data: table.data } }],
      ['median', bool, { out: { ...one, shape: [1] } }],
    ],
  )
})
