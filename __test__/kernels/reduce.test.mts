// Reductions against NumPy: types, shapes, axes, strides, empty, NaN and infinities, masks, ranges, threads, refusals.
import test from 'ava'
import { type DType, InvalidArgumentError, kernels } from 'tsdsm'
import { room, shared } from '../helpers/arrange.mjs'
import { type NumpyArray, plainArray, same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

type Typed = Float64Array
type Reduce = (a: unknown, options?: unknown) => number | bigint | boolean | Typed
type Name = 'sum' | 'prod' | 'mean' | 'var' | 'std' | 'min' | 'max' | 'any' | 'all' | 'argmin' | 'argmax'

const DTYPES: readonly DType[] = [
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
]
const NAMES: readonly Name[] = ['sum', 'prod', 'mean', 'var', 'std', 'min', 'max', 'any', 'all', 'argmin', 'argmax']
const SHAPES = [[7], [3, 5], [40, 3], [2, 700], [4, 3, 5], [5000], [33, 130]]

/** How far float32 and float64 results may be from NumPy's, which sums in another order and float32 in float32. */
const tolerance = (dtype: DType, name: Name) =>
  ['min', 'max', 'any', 'all', 'argmin', 'argmax'].includes(name) || (/int/.test(dtype) && /sum|prod/.test(name))
    ? {}
    : { relative: dtype === 'float32' ? 2e-5 : 1e-12 }

/** Elements without a pattern, of which some are equal and some are 0. */
function elements(dtype: DType, size: number): Typed {
  const array = new (plainArray(dtype) as unknown as new (size: number) => Typed)(size)
  let state = 12345
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    const small = ((state >>> 16) % 40) - (dtype.startsWith('u') ? 0 : 20)
    const value = dtype.startsWith('float') ? 1 + small / 64 : small
    ;(array as unknown as Record<number, number | bigint>)[i] =
      dtype.endsWith('64') && !dtype.startsWith('f') ? BigInt(value) : value
  }
  return array
}

/** The kernels by name: their types are checked where they are called by it. */
const reduce = kernels as unknown as Record<Name | 'norm', Reduce>

/** Results along axes, which lie in a plain typed array, with the shape that NumPy has. */
const as = (results: unknown, { shape, dtype }: NumpyArray): NumpyArray => ({
  dtype,
  shape,
  data: results as Typed,
})

const stridesOf = (shape: readonly number[]) => shape.map((_, axis) => shape.slice(axis + 1).reduce((n, m) => n * m, 1))

/** A typed array with a shape, as kernels take it and as NumPy does. */
function shaped(
  dtype: DType,
  shape: number[],
  data = elements(
    dtype,
    shape.reduce((n, m) => n * m, 1),
  ),
) {
  return { nd: { data, shape, stride: stridesOf(shape), offset: 0 }, a: { dtype, shape, data } as NumpyArray }
}

numpyTest('all elements of every type', async (t, numpy) => {
  for (const dtype of DTYPES) {
    for (const size of [1, 2, 17, 5000]) {
      const a = elements(dtype, size)
      const expected = await numpy.evalAll(`[${NAMES.map(name => `np.${name}(a)`).join(', ')}, np.count_nonzero(a)]`, {
        a,
      })
      NAMES.forEach((name, i) => {
        // The product of so many is below the least float32.
        if (name === 'prod' && dtype === 'float32' && size > 1000) return
        same(t, reduce[name](a) as number, expected[i], {
          ...tolerance(dtype, name),
          message: `${name} of ${size} ${dtype}`,
        })
      })
      same(t, kernels.countNonzero(a), expected[NAMES.length], { message: `countNonzero of ${size} ${dtype}` })
    }
  }
})

numpyTest('along axes, into a new array and into `out`, on any number of threads', async (t, numpy) => {
  for (const dtype of ['uint8', 'int32', 'float32', 'float64'] as const) {
    for (const shape of SHAPES.filter(each => each.length > 1)) {
      const { nd, a } = shaped(dtype, shape)
      for (const axis of [...shape.keys(), -1]) {
        const expected = await numpy.evalAll(`[${NAMES.map(name => `np.${name}(a, axis=${axis})`).join(', ')}]`, { a })
        NAMES.forEach((name, i) => {
          const message = `${name} of ${dtype} ${shape} along ${axis}`
          for (const threads of [1, 2, 3]) {
            same(t, as(reduce[name](nd, { axis, threads }), expected[i]), expected[i], {
              ...tolerance(dtype, name),
              message,
            })
          }
        })
      }
    }
  }
})

numpyTest('along several axes, and strided views', async (t, numpy) => {
  const { nd, a } = shaped('float64', [4, 3, 50])
  const turned = { ...nd, shape: [50, 4, 3], stride: [1, 150, 50] }
  for (const name of ['sum', 'mean', 'var', 'max', 'any'] as const) {
    const near = tolerance('float64', name)
    same(t, reduce[name](nd, { axis: [0, 2] }) as Typed, await numpy.eval(`np.${name}(a, axis=(0, 2))`, { a }), near)
    same(t, reduce[name](nd, { axis: [0, 1, 2] }) as number, await numpy.eval(`np.${name}(a)`, { a }), near)
    same(t, reduce[name](turned) as number, await numpy.eval(`np.${name}(a)`, { a }), near)
    const expected = await numpy.eval(`np.${name}(a.transpose(2, 0, 1), axis=(1, 2))`, { a })
    same(t, reduce[name](turned, { axis: [1, -1] }) as Typed, expected, near)
    const stepped = { data: nd.data, shape: [75], stride: [-8], offset: 599 }
    same(t, reduce[name](stepped) as number, await numpy.eval(`np.${name}(a.ravel()[::-8])`, { a }), near)
  }
})

numpyTest('NaN, infinities and zeros of both signs', async (t, numpy) => {
  const lists = [
    [1, Number.NaN, -3],
    [Number.NEGATIVE_INFINITY, 2, Number.NaN, Number.NaN],
    [Number.POSITIVE_INFINITY, 1],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    [Number.NaN],
    [2, 1, 1, 2],
  ]
  for (const a of lists.flatMap(list => [Float64Array.from(list), Float32Array.from(list)])) {
    for (const name of NAMES)
      same(t, reduce[name](a) as number, await numpy.eval(`np.${name}(a)`, { a }), { relative: 1e-6 })
  }
  for (const name of ['sum', 'any', 'all', 'argmin', 'argmax'] as const) {
    const a = Float64Array.of(-0, 0, -0)
    same(t, reduce[name](a) as number, await numpy.eval(`np.${name}(a)`, { a }))
  }
})

numpyTest('no elements', async (t, numpy) => {
  const a = new Float64Array(0)
  for (const name of ['sum', 'prod', 'mean', 'var', 'std', 'any', 'all'] as const) {
    same(t, reduce[name](a) as number, await numpy.eval(`np.${name}(a)`, { a }))
    const { nd, a: wide } = shaped('float64', [0, 3])
    same(t, reduce[name](nd, { axis: 0 }) as Typed, await numpy.eval(`np.${name}(a, axis=0)`, { a: wide }))
  }
  for (const name of ['min', 'max', 'argmin', 'argmax'] as const) {
    await t.throwsAsync(numpy.eval(`np.${name}(a)`, { a }))
    t.throws(() => reduce[name](a), { instanceOf: InvalidArgumentError, message: /no elements/ })
  }
  t.is(kernels.min(a, { initial: 3 }), 3)
})

numpyTest('integers wrap in 64 bits', async (t, numpy) => {
  const a = BigInt64Array.of(2n ** 62n, 2n ** 62n, 3n)
  same(t, kernels.sum(a), await numpy.eval('np.sum(a)', { a }))
  same(t, kernels.prod(a), await numpy.eval('np.prod(a)', { a }))
  const b = Int8Array.of(100, 100)
  same(t, kernels.sum(b), await numpy.eval('np.sum(b)', { b }))
  same(t, kernels.dot(b, b), await numpy.eval('np.dot(b, b)', { b }))
})

numpyTest('norm and dot', async (t, numpy) => {
  for (const dtype of ['float32', 'float64'] as const) {
    const near = { relative: dtype === 'float32' ? 1e-5 : 1e-13 }
    const a = elements(dtype, 9001)
    same(t, kernels.norm(a), await numpy.eval('np.linalg.norm(a)', { a }), near)
    same(t, kernels.dot(a, a), await numpy.eval('np.vdot(a, a)', { a }), near)
  }
})

numpyTest('ddof, where, initial and range', async (t, numpy) => {
  const { nd, a } = shaped('float64', [33, 130])
  const mask = elements('uint8', 33 * 130).map((x: number) => x % 3) as unknown as Uint8Array
  const where = { data: mask, shape: [33, 130], stride: [130, 1], offset: 0 }
  const m = { dtype: 'uint8', shape: [33, 130], data: mask } as NumpyArray
  for (const axis of [0, 1]) {
    for (const name of ['sum', 'mean', 'var', 'std'] as const) {
      const expected = await numpy.eval(`np.${name}(a, axis=${axis}, where=m != 0)`, { a, m })
      same(t, reduce[name](nd, { axis, where }) as Typed, expected, { relative: 1e-12, message: name })
    }
    for (const name of ['min', 'max'] as const) {
      const expected = await numpy.eval(`np.${name}(a, axis=${axis}, where=m != 0, initial=1.25)`, { a, m })
      same(t, reduce[name](nd, { axis, where, initial: 1.25 }) as Typed, expected)
    }
    const expected = await numpy.eval(`np.var(a, axis=${axis}, ddof=2)`, { a })
    same(t, kernels.var(nd, { axis, ddof: 2 }) as Typed, expected, { relative: 1e-12 })
  }
  t.throws(() => kernels.max(nd, { where }), { instanceOf: InvalidArgumentError, message: /initial/ })
  same(t, kernels.sum(nd, { range: [3, 9] }), await numpy.eval('a[3:9].sum()', { a }), { relative: 1e-12 })
  const out = new Float64Array(33).fill(7)
  kernels.max(nd, { axis: 1, range: [3, 9], out })
  const expected = 'result = np.full(33, 7.0)\nresult[3:9] = a[3:9].max(axis=1)'
  same(t, out, await numpy.eval(expected, { a }))
})

test('the bits of a result do not depend on threads, strides or who has summed which blocks', t => {
  const data = elements('float64', 300_000).map(x => x / 3)
  const backwards = { data: data.slice().reverse(), shape: [300_000], stride: [-1], offset: 299_999 }
  for (const name of ['sum', 'mean', 'var', 'norm'] as const) {
    const value = reduce[name](data, { threads: 1 })
    t.is(reduce[name](data, { threads: 2 }), value)
    t.is(reduce[name](data, { threads: 3 }), value)
    t.is(reduce[name](backwards, { threads: 2 }), value)
  }
  const partials = new Float64Array(kernels.partialsOf('sum', data).length)
  for (const range of [
    [0, 1001],
    [1001, 150_000],
    [150_000, 300_000],
  ] as const) {
    kernels.partials(partials, 'sum', data, { range })
  }
  t.is(kernels.sum(partials), kernels.sum(data))
})

test('what does not fit is refused, and nothing is written', t => {
  const { nd } = shaped('float64', [3, 4])
  const out = new Float64Array(4).fill(7)
  const refused = (run: () => unknown) => t.throws(run, { instanceOf: InvalidArgumentError })
  refused(() => kernels.sum(nd, { axis: 2 }))
  refused(() => kernels.sum(nd, { axis: [0, -2] }))
  refused(() => kernels.sum(nd, { axis: 1, out }))
  refused(() => kernels.sum(nd, { axis: 0, out: new Int32Array(4) }))
  refused(() => kernels.sum(nd, { axis: 0, out, range: [2, 5] }))
  refused(() => kernels.argmax(nd, { axis: [] }))
  refused(() => kernels.sum(nd, { axis: 0, out: nd.data.subarray(2, 6) }))
  refused(() => kernels.dot(nd, nd.data))
  refused(() => kernels.dot(out, new Float32Array(4)))
  t.deepEqual(out, new Float64Array(4).fill(7))
})

test('partials of any shares make every reduction, and dot, bit for bit', async t => {
  const ranges = [
    [0, 1],
    [1, 70_001],
    [70_001, 70_001],
    [70_001, 200_003],
  ] as const
  for (const dtype of ['int32', 'uint64', 'float32', 'float64'] as const) {
    const a = elements(dtype, 200_003)
    const b = a.slice().reverse()
    /** A reduction of what the workers have found, each for its range. */
    const joined = async (name: 'sum' | 'prod' | 'min' | 'max' | 'any' | 'all' | 'mean' | 'norm' | 'countNonzero') => {
      const { length, dtype } = kernels.partialsOf(name, a)
      const out = await shared(t, { dtype, shape: [length], data: room(dtype, length) })
      for (const range of ranges) kernels.partials(out, name, a, { range, threads: 2 })
      return out
    }
    for (const name of ['sum', 'prod', 'min', 'max', 'any', 'all'] as const) {
      t.is(reduce[name](await joined(name)), reduce[name](a), `${name} of ${dtype}`)
    }
    t.is(kernels.sum(await joined('countNonzero')), kernels.countNonzero(a), dtype)
    t.is(Number(kernels.sum(await joined('mean'))) / a.length, kernels.mean(a), dtype)
    t.is(Math.sqrt(Number(kernels.sum(await joined('norm')))), kernels.norm(a), dtype)
    const products = await joined('sum')
    for (const range of ranges) kernels.dotPartials(products, a, b, { range })
    t.is(kernels.sum(products), kernels.dot(a, b), `dot of ${dtype}`)
  }
})
