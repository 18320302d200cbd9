// Products of matrices against NumPy: types, shapes, strides, stacks, shares of the work, and what is refused.
import test from 'ava'
import { InvalidArgumentError, kernels } from 'tsdsm'
import { counted } from '../helpers/npy.mjs'
import { type NumpyArray, plainArray, same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

/** An ndarray in C order, or with its axes in reverse. */
function ndarray(array: NumpyArray, turned = false) {
  const shape = [...array.shape]
  const stride = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1))
  const data = array.data as Float64Array
  return turned
    ? { data, shape: shape.reverse(), stride: stride.reverse(), offset: 0 }
    : { data, shape, stride, offset: 0 }
}

/** Zeros of NumPy's type and shape. */
function like(array: NumpyArray) {
  return ndarray({
    ...array,
    data: new (plainArray(array.dtype))(new ArrayBuffer(array.data.byteLength)) as NumpyArray['data'],
  })
}

const asArray = (array: NumpyArray, data: unknown): NumpyArray => ({ ...array, data: data as NumpyArray['data'] })

const SHAPES: [number[], number[]][] = [
  [[3], [3]],
  [[3], [3, 4]],
  [[5, 3], [3]],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [7, 9],
    [9, 5],
  ],
  [
    [33, 130],
    [130, 49],
  ],
  [
    [2, 300],
    [300, 70],
  ],
  [
    [4, 0],
    [0, 3],
  ],
  [
    [0, 4],
    [4, 3],
  ],
  [
    [3, 5, 2],
    [2, 4],
  ],
  [
    [3, 1, 5, 2],
    [4, 2, 3],
  ],
  [[2, 5, 3], [3]],
]

for (const dtype of ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float32', 'float64']) {
  numpyTest(`a product of ${dtype} is NumPy's, whatever shapes and strides`, async (t, numpy) => {
    for (const [m, n] of SHAPES) {
      // Whole numbers that are exact as floats, and wrap as integers.
      const range = dtype.startsWith('float') ? [-9, 9] : dtype.startsWith('u') ? [0, 256] : [-128, 128]
      const [a, b] = await numpy.evalAll(
        `r = np.random.default_rng(1)
result = [r.integers(${range[0]}, ${range[1]}, s).astype('${dtype}') for s in (${JSON.stringify(m)}, ${JSON.stringify(n)})]`,
      )
      const expected = await numpy.eval('a @ b', { a, b })
      for (const threads of [1, 2, 3]) {
        const out = like(expected)
        t.is(kernels.matmul(out, ndarray(a), ndarray(b), { threads }), out)
        same(t, asArray(expected, out.data), expected, { message: `${m} @ ${n}` })
      }
      if (m.length === 2 && n.length === 2) {
        const [left, right] = await numpy.evalAll('np.ascontiguousarray(a.T), np.ascontiguousarray(b.T)', { a, b })
        const out = like(expected)
        kernels.matmul(out, ndarray(left, true), ndarray(right, true))
        same(t, asArray(expected, out.data), expected, { message: `${m} @ ${n} of views` })
      }
    }
  })
}

numpyTest('sums of floats are within the rounding of NumPy’s, NaN and infinity come through', async (t, numpy) => {
  const [a, b] = await numpy.evalAll(
    `r = np.random.default_rng(2)
a = r.standard_normal((60, 900)); b = r.standard_normal((900, 70))
a[3, 4] = np.nan; b[7, 8] = np.inf; a[5, 7] = 0
result = [a, b]`,
  )
  const expected = await numpy.eval('a @ b', { a, b })
  const out = like(expected)
  kernels.matmul(out, ndarray(a), ndarray(b))
  const finite = await numpy.evalAll(
    '[np.isnan(x) for x in (o, e)] + [np.nan_to_num(x, posinf=0, neginf=0) for x in (o, e)]',
    {
      o: asArray(expected, out.data),
      e: expected,
    },
  )
  same(t, finite[0], finite[1])
  same(t, finite[2], finite[3], { relative: 1e-13 })
})

numpyTest('chosen rows and ranges are those of the whole product, bit for bit; the rest is left', async (t, numpy) => {
  const A = await counted(t, 40, 500)
  const B = await counted(t, 500, 30)
  kernels.sqrt(A, A)
  kernels.sqrt(B, B)
  const whole = kernels.matmul(await counted(t, 40, 30), A, B)
  const rows = [5, -1, 0, 17]
  const part = kernels.fill(await counted(t, 40, 30), -1)
  t.is(kernels.matmul(part, A, B, { rows: Int32Array.from(rows) }), part)
  same(t, part, await numpy.eval('o = np.full_like(w, -1)\no[r] = w[r]\nresult = o', { w: whole, r: rows }))
  const ranged = kernels.fill(await counted(t, 40, 30), -1)
  kernels.matmul(ranged, A, B, { range: [7, 9], threads: 2 })
  same(t, ranged, await numpy.eval('o = np.full_like(w, -1)\no[7:9] = w[7:9]\nresult = o', { w: whole }))
  same(t, await kernels.matmulAsync(await counted(t, 40, 30), A, B), await numpy.eval('w', { w: whole }))
})

numpyTest('the output may be wider', async (t, numpy) => {
  const a = Float32Array.of(0.1, 0.2, 0.3)
  const out = { data: new Float64Array(1), shape: [], stride: [], offset: 0 }
  kernels.matmul(out, a, a)
  same(t, out.data[0], await numpy.eval('np.float64(a @ a)', { a }), { relative: 1e-7 })
})

test('what does not fit is refused, and nothing is written', async t => {
  const A = await counted(t, 4, 3)
  const B = await counted(t, 3, 5)
  const out = kernels.fill(await counted(t, 4, 5), 7)
  const refused = (run: () => unknown) => t.throws(run, { instanceOf: InvalidArgumentError })
  refused(() => kernels.matmul(out, A, A))
  refused(() => kernels.matmul(A, A, B))
  refused(() => kernels.matmul(out, B, A))
  refused(() => kernels.matmul(out, A, new Float64Array(4)))
  refused(() => kernels.matmul(out, A, { data: new Float32Array(15), shape: [3, 5], stride: [5, 1], offset: 0 }))
  refused(() => kernels.matmul({ data: new Int32Array(20), shape: [4, 5], stride: [5, 1], offset: 0 }, A, B))
  refused(() => kernels.matmul(out, A, B, { range: [2, 5] }))
  for (const rows of [[4], [-5], [1, 1], [0, -4]])
    refused(() => kernels.matmul(out, A, B, { rows: Int32Array.from(rows) }))
  refused(() => kernels.matmul(out, A, B, { rows: Int32Array.of(1), range: [0, 1] }))
  const square = await counted(t, 3, 3)
  refused(() => kernels.matmul(square, square, square))
  await t.throwsAsync(kernels.matmulAsync(out, A, A), { instanceOf: InvalidArgumentError })
  t.true([...out].every(value => value === 7))
})
