// Transposed copies and steps of stencils against NumPy: types, axes, layouts, shares of the work, refusals.
import test from 'ava'
import { kernels } from 'tsdsm'
import { arrange, DTYPES, LAYOUTS, place, refused, shared, untouched, values } from '../helpers/arrange.mjs'
import { same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

const ORDERS = [
  [[0]],
  [
    [0, 1],
    [1, 0],
    [-1, 0],
  ],
  [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
    [2, 0, 1],
    [0, 2, 1],
    [1, 0, 2],
    [-1, 0, -2],
  ],
]

for (const dtype of DTYPES.filter(dtype => dtype !== 'bool')) {
  numpyTest(`${dtype} is copied with its axes in any order`, async (t, numpy) => {
    for (const shape of [[0], [7], [1, 1], [3, 0], [65, 130], [7, 300], [2, 3, 4], [3, 70, 33]]) {
      const code =
        'd = np.dtype(dtype)\nresult = np.frombuffer(np.random.default_rng(1).bytes(d.itemsize * size), d).reshape(shape)'
      const x = await numpy.eval(code, { dtype, shape, size: shape.reduce((product, length) => product * length, 1) })
      for (const axes of [undefined, ...ORDERS[shape.length - 1]]) {
        const expected = await numpy.eval('np.transpose(x, axes).copy()', { x, axes: axes ?? null })
        for (const layout of LAYOUTS) {
          for (const threads of shape.length === 2 ? [1, 2, 3] : [2]) {
            const out = place(dtype, expected.shape, layout)
            t.is(kernels.transpose(out, arrange(x, layout), { axes, threads }), out)
            same(t, values(out), expected, { message: `${shape} by ${axes} in ${layout}` })
            untouched(t, out)
          }
        }
      }
    }
  })
}

numpyTest('transposing widens, takes shared bools and parts, and leaves the rest', async (t, numpy) => {
  const x = await numpy.eval('np.arange(24, dtype="i4").reshape(4, 6)')
  const wide = kernels.transpose(place('float64', [6, 4]), arrange(x, 'rows'))
  same(t, values(wide), await numpy.eval('x.T.astype("f8")', { x }))
  for (const layout of LAYOUTS) {
    const part = kernels.fill(place('int32', [6, 4], layout), -1)
    kernels.transpose(part, arrange(x, 'rows'), { range: [2, 5], threads: 2 })
    same(t, values(part), await numpy.eval('o = np.full((6, 4), -1, "i4")\no[2:5] = x.T[2:5]\nresult = o', { x }))
    untouched(t, part)
  }
  const bools = await numpy.eval('np.arange(24).reshape(4, 6) % 5 == 0')
  const out = await shared(t, { ...bools, shape: [6, 4], data: new Uint8Array(24) })
  same(t, kernels.transpose(out, await shared(t, bools)), await numpy.eval('x.T.copy()', { x: bools }))
})

/** A step by slices: the terms in the order of the coefficients. */
const STEP = `
o = out.copy()
inner = (slice(1, -1),) * a.ndim
if all(n > 2 for n in a.shape):
    terms = [a[inner]]
    for axis in range(a.ndim):
        terms.append(a[inner[:axis] + (slice(None, -2),) + inner[axis + 1:]])
        terms.append(a[inner[:axis] + (slice(2, None),) + inner[axis + 1:]])
    c = np.array(c).astype(a.dtype)
    total = c[0] * terms[0]
    for factor, term in zip(c[1:], terms[1:]): total = total + factor * term
    step = a.copy() if copied else o.copy()
    step[inner] = total
else:
    step = a.copy() if copied else o.copy()
o[start:stop] = step[start:stop]
result = o
`

for (const dtype of ['float32', 'float64'] as const) {
  numpyTest(`stencils of ${dtype} over one to three axes are those of slices`, async (t, numpy) => {
    for (const shape of [
      [0],
      [1],
      [2],
      [3],
      [1500],
      [3, 3],
      [2, 9],
      [9, 2],
      [1, 1],
      [30, 600],
      [3, 4, 5],
      [2, 5, 5],
      [7, 8, 40],
    ]) {
      const a = await numpy.eval(
        `a = np.random.default_rng(1).standard_normal(shape).astype(dtype)
if a.size > 100: a.flat[[50, 70]] = np.nan, np.inf
result = a`,
        { shape, dtype },
      )
      const c = [0.5, 0.1, -0.3, 1 / 3, 2, -1, 0.7].slice(0, 2 * shape.length + 1)
      for (const boundary of ['untouched', 'copied', undefined] as const) {
        for (const range of [undefined, [Math.min(1, shape[0]), shape[0] >> 1], [0, Math.min(1, shape[0])]] as const) {
          if (range !== undefined && range[0] > range[1]) continue
          for (const layout of LAYOUTS) {
            const before = kernels.fill(place(dtype, shape, layout), -7)
            const [start, stop] = range ?? [0, shape[0]]
            const inputs = { a, out: values(before), c, copied: boundary === 'copied', start, stop }
            const expected = await numpy.eval(STEP, inputs)
            for (const threads of [1, 2, 3]) {
              const out = kernels.fill(place(dtype, shape, layout), -7)
              t.is(kernels.stencil(out, arrange(a, layout), c, { boundary, range, threads }), out)
              same(t, values(out), expected, { message: `${shape} in ${layout}, ${boundary}, ${range}` })
              untouched(t, out)
            }
          }
        }
      }
    }
  })
}

test('what does not fit is refused before anything is written', async t => {
  const table = (data: object = new Float64Array(12)) => ({ data, shape: [3, 4], stride: [4, 1], offset: 0 })
  const turned = { ...table(), shape: [4, 3], stride: [3, 1] }
  const [a, out, room] = [table(), table(), new Float64Array(32)]
  const five = [1, 1, 1, 1, 1]
  await refused(
    t,
    [out, turned, room, a],
    [
      ['transpose', out, a],
      ['transpose', turned, a, { axes: [0, 1] }],
      ['transpose', turned, a, { axes: [0] }],
      ['transpose', turned, a, { axes: [1, 1] }],
      ['transpose', turned, a, { axes: [1, 2] }],
      ['transpose', turned, a, { axes: [-3, 0] }],
      ['transpose', turned, a, { axes: 'x' }],
      ['transpose', { ...turned, data: new Int32Array(12) }, a],
      ['transpose', { ...turned, data: room }, table(room.subarray(11))],
      ['transpose', { ...turned, data: a.data }, a],
      ['transpose', { ...turned, stride: [0, 1] }, a],
      ['transpose', turned, a, { range: [0, 5] }],
      ['stencil', out, a, [1, 1, 1]],
      ['stencil', out, a, [...five, 1, 1]],
      ['stencil', out, a, [1, 1, 1, 1, '1']],
      ['stencil', out, a, 1],
      ['stencil', turned, a, five],
      ['stencil', table(new Float32Array(12)), a, five],
      ['stencil', table(new Int32Array(12)), table(new Int32Array(12)), five],
      ['stencil', a, a, five],
      ['stencil', table(room), table(room.subarray(11)), five],
      ['stencil', { ...out, stride: [0, 1] }, a, five],
      ['stencil', out, a, five, { boundary: 'wrapped' }],
      ['stencil', out, a, five, { range: [0, 4] }],
      ['stencil', { ...out, shape: [], stride: [] }, { ...a, shape: [], stride: [] }, [1]],
      [
        'stencil',
        { ...out, shape: [1, 1, 3, 4], stride: [12, 12, 4, 1] },
        { ...a, shape: [1, 1, 3, 4], stride: [12, 12, 4, 1] },
        [1, 1, 1, 1, 1, 1, 1, 1, 1],
      ],
    ],
  )
})
