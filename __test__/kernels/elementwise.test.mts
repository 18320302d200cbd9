// Kernels over independent elements against NumPy: every operation for every element type, views, masks, ranges, refusals.
import test from 'ava'
import { type DType, InvalidArgumentError, kernels } from 'tsdsm'
import { DTYPES, has, isFloat, room, shared } from '../helpers/arrange.mjs'
import { counted } from '../helpers/npy.mjs'
import { same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

/** Values that are easy to get wrong. Those of integers and bools reach all limits of their type. */
const EDGES = `
d = np.dtype(name)
if d.kind == 'b':
    edges = np.array([False, True])
elif d.kind == 'f':
    f = np.finfo(d)
    edges = np.array([0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, -3, 7.25, 100.125, -100.125, f.max, f.min, f.tiny,
        f.smallest_subnormal, -f.smallest_subnormal, np.inf, -np.inf, np.nan], d)
else:
    i = np.iinfo(d)
    edges = np.unique(np.array([i.min, i.min + 1, i.max, i.max - 1, i.max // 2, i.max // 3, 0, 1, 2, 3, 7, 8, 31, 64]
        + [-1, -2, -3, -7, -100] * (d.kind == 'i'), d))
`
const PAIRS = `${EDGES}
x, y = (a.ravel() for a in np.meshgrid(edges, edges))
`

const camel = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())

const BINARY =
  `add subtract multiply divide floor_divide remainder minimum maximum equal not_equal less less_equal greater greater_equal
  logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor left_shift right_shift`.split(/\s+/)
const UNARY = `negative absolute sign square sqrt floor ceil trunc rint isnan isinf isfinite logical_not invert`.split(
  /\s+/,
)

/** What NumPy has for an element type: the rest raises there. */
function defined(name: string, dtype: DType): boolean {
  if (dtype === 'bool') return !['subtract', 'negative', 'sign'].includes(name)
  return !isFloat(dtype) || !/bitwise|shift|invert/.test(name)
}

type Kernel = (out: unknown, ...operands: unknown[]) => unknown
const kernel = (name: string) => (kernels as unknown as Record<string, Kernel>)[camel(name)]

numpyTest('operations of two arrays are those of NumPy', async (t, numpy) => {
  for (const dtype of DTYPES) {
    const names = BINARY.filter(name => defined(name, dtype))
    const code = `${PAIRS}\nresult = [x, y] + [getattr(np, f)(x, y) for f in names]`
    const [x, y, ...results] = await numpy.evalAll(code, { name: dtype, names })
    const [a, b] = [await shared(t, x), await shared(t, y)]
    for (const [i, name] of names.entries()) {
      const out = room(results[i].dtype, x.data.length)
      kernel(name)(out, a, b)
      // Which of two zeros is the lesser one, NumPy leaves to the processor.
      const zeros = /minimum|maximum/.test(name) && isFloat(dtype)
      const expected = zeros ? await numpy.eval('r + np.zeros(1, r.dtype)', { r: results[i] }) : results[i]
      if (zeros) kernel('add')(out, out, 0)
      same(t, out as never, expected, { message: `${name} of ${dtype}` })
    }
    for (const name of BINARY.filter(name => !defined(name, dtype))) {
      t.throws(() => kernel(name)(a, a, b), { instanceOf: InvalidArgumentError }, `${name} of ${dtype}`)
    }
  }
})

numpyTest('operations of one array are those of NumPy', async (t, numpy) => {
  for (const dtype of DTYPES) {
    const names = UNARY.filter(name => defined(name, dtype))
    const code = `${PAIRS}\nresult = [x] + [getattr(np, f)(x) for f in names]`
    const [x, ...results] = await numpy.evalAll(code, { name: dtype, names })
    const a = await shared(t, x)
    for (const [i, name] of names.entries()) {
      if (!has(results[i].dtype)) continue
      const out = room(results[i].dtype, x.data.length)
      kernel(name)(out, a)
      same(t, out as never, results[i], { message: `${name} of ${dtype}` })
    }
    for (const name of UNARY.filter(name => !defined(name, dtype))) {
      t.throws(() => kernel(name)(a, a), { instanceOf: InvalidArgumentError }, `${name} of ${dtype}`)
    }
  }
})

numpyTest('clip, where, fma and axpy are those of NumPy', async (t, numpy) => {
  for (const dtype of DTYPES.filter(dtype => dtype !== 'bool')) {
    // Integers wrap; products of these floats are exact, so that one rounding is what NumPy has with two.
    const code = `${PAIRS}
low, high = edges[2], np.array(7, d)
small = (x if d.kind in 'iu' else np.round(np.nan_to_num(x, posinf=9, neginf=-9).clip(-9, 9)).astype(d))
result = [x, y, small, np.clip(x, y, high), np.where(y, x, y), small * small + small, np.array(3, d) * small + small]`
    const [x, y, small, clipped, chosen, fused, sum] = await numpy.evalAll(code, { name: dtype })
    const [a, b, c] = [await shared(t, x), await shared(t, y), await shared(t, small)]
    const out = room(dtype, x.data.length) as Float64Array
    same(
      t,
      kernels.add(kernels.clip(out, a, b, 7), out, 0),
      await numpy.eval('r + np.zeros(1, r.dtype)', { r: clipped }),
      {
        message: `clip of ${dtype}`,
      },
    )
    same(t, kernels.where(out, b, a, b), chosen, { message: `where of ${dtype}` })
    same(t, kernels.fma(out, c, c, c), fused, { message: `fma of ${dtype}` })
    kernels.copy(out, c)
    same(t, kernels.axpy(out, 3, c), sum, { message: `axpy of ${dtype}` })
  }
})

numpyTest('casts are those of NumPy where it defines them, and saturate elsewhere', async (t, numpy) => {
  for (const from of DTYPES) {
    const code = `${EDGES}
def fits(to):
    if d.kind != 'f' or np.dtype(to).kind in 'fb':
        return edges
    i = np.iinfo(to)
    wide = edges.astype('f8')
    return edges[(np.trunc(wide) >= i.min) & (wide < i.max)]
result = [part for to in names for part in (fits(to), fits(to).astype(to))]`
    const parts = await numpy.evalAll(code, { name: from, names: DTYPES })
    for (const [i, to] of DTYPES.entries()) {
      const plain = room(to, parts[2 * i].data.length)
      // A plain Uint8Array has the element type uint8.
      const out = to === 'bool' ? await shared(t, { ...parts[2 * i + 1], data: plain as never }) : plain
      kernel('cast')(out, await shared(t, parts[2 * i]))
      same(t, out as never, parts[2 * i + 1], { message: `${from} to ${to}` })
    }
  }
  const wild = Float64Array.of(NaN, Infinity, -Infinity, 1e300, -1e300, 300, -300)
  t.deepEqual([...kernels.cast(new Int8Array(7), wild)], [0, 127, -128, 127, -128, 127, -128])
  t.deepEqual([...kernels.cast(new Uint8Array(7), wild)], [0, 255, 0, 255, 0, 255, 0])
  const most = 2n ** 63n - 1n
  t.deepEqual([...kernels.cast(new BigInt64Array(3), wild.subarray(0, 3))], [0n, most, -most - 1n])
})

numpyTest('views of any strides are read and written in place', async (t, numpy) => {
  const A = await counted(t, 6, 5)
  const B = await counted(t, 5, 6)
  const C = await counted(t, 6, 5)
  same(t, kernels.add(C, A, B.transpose()), await numpy.eval('A + B.T', { A, B }))
  same(t, kernels.subtract(C, A, A.view(2)), await numpy.eval('A - A[2]', { A }))
  kernels.multiply(C.view({ step: -2 }), A.view({ step: 2 }), A.view({ step: 2 }, { start: 0, stop: 1 }))
  same(t, C, await numpy.eval('C = A - A[2]\nC[::-2] = A[::2] * A[::2, 0:1]\nresult = C', { A }))
  kernels.negative(C.transpose(), C.transpose())
  same(t, C, await numpy.eval('C = A - A[2]\nC[::-2] = A[::2] * A[::2, 0:1]\nresult = -C', { A }))
  // Columns of one matrix share no element, rows that reach into each other do.
  kernels.copy(C.view(null, 1), C.view(null, 0))
  t.throws(() => kernels.copy(C.view({ start: 1 }), C.view({ stop: 5 })), { instanceOf: InvalidArgumentError })
  t.throws(() => kernels.copy(C.view({ step: -1 }), C), { instanceOf: InvalidArgumentError })
})

numpyTest('`where` and `range` leave the rest as it is', async (t, numpy) => {
  const A = await counted(t, 7, 9)
  const out = await counted(t, 7, 9)
  const mask = Uint8Array.of(0, 1, 1, 0, 2, 0, 0, 1, 255)
  kernels.add(out, A, 1000, { where: mask, range: [2, 6] })
  same(
    t,
    out,
    await numpy.eval('out = A.copy()\nnp.add(A[2:6], 1000, out=out[2:6], where=mask != 0)\nresult = out', { A, mask }),
  )
  kernels.fill(out, -1, { range: [3, 3] })
  kernels.fill(out, -1, { where: new Uint8Array(9) })
  same(
    t,
    out,
    await numpy.eval('out = A.copy()\nnp.add(A[2:6], 1000, out=out[2:6], where=mask != 0)\nresult = out', { A, mask }),
  )
  t.throws(() => kernels.fill(out, -1, { where: new Uint8Array(8) }), { instanceOf: InvalidArgumentError })
  t.throws(() => kernels.fill(out, -1, { range: [3, 8] }), { instanceOf: InvalidArgumentError })
})

numpyTest('every length, wherever it begins', async (t, numpy) => {
  for (const Type of [Int8Array, Uint16Array, Float32Array, Float64Array]) {
    const a = new Type(200).map((_: number, i: number) => (i * 37) % 101)
    for (let length = 0; length < 70; length++) {
      const out = new Type(length + 3)
      kernels.multiply(out.subarray(2, length + 2), a.subarray(1, length + 1), a.subarray(5, length + 5))
      const expected = await numpy.eval('np.concatenate([a[:2] * 0, a[1:n + 1] * a[5:n + 5], a[:1] * 0])', {
        a,
        n: length,
      })
      same(t, out, expected, { message: `${Type.name} of ${length}` })
    }
  }
})

test('no result depends on the number of threads, in either form', async t => {
  const a = Float32Array.from({ length: 600_011 }, (_, i) => i % 1013)
  const b = Float32Array.from({ length: 600_011 }, (_, i) => i % 911)
  const one = kernels.divide(new Float32Array(600_011), a, b, { threads: 1 })
  for (const threads of [2, 3]) {
    t.deepEqual(kernels.divide(new Float32Array(600_011), a, b, { threads }), one)
    t.deepEqual(await kernels.divideAsync(new Float32Array(600_011), a, b, { threads }), one)
  }
})

test('what does not fit is refused before anything is written', t => {
  const [ints, floats] = [new Int32Array(6).fill(7), new Float32Array(6).fill(1)]
  const refused: (() => unknown)[] = [
    () => kernels.add(ints, ints.slice(), floats),
    () => kernels.add(ints, floats, floats),
    () => kernels.divide(ints, ints, ints),
    () => kernels.add(ints, ints, 2 ** 31),
    () => kernels.add(ints, ints, 0.5),
    () => kernels.add(ints, new Int32Array(5), 1),
    () => kernels.sqrt(ints, ints),
    () => kernels.clip(ints, floats, 0, 1),
    () => kernels.where(ints, floats, ints, floats),
    () => kernels.fill(ints, 1.5),
    () => kernels.copy(ints.subarray(1), ints.subarray(0, 5)),
  ]
  for (const [i, refuse] of refused.entries()) {
    t.throws(refuse, { instanceOf: InvalidArgumentError }, `refusal ${i}`)
    t.deepEqual([...ints], Array(6).fill(7))
  }
})
