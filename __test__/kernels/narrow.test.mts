// The types with few values, float16 (where the engine has it) and bool, against NumPy: sorting, reductions, products.
import test from 'ava'
import { type DType, kernels } from 'tsdsm'
import { call, has, room, shared } from '../helpers/arrange.mjs'
import { type NumpyArray, same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)
const TYPES = (['bool', 'float16'] as const).filter(has)

/** All values of the type, or some: of float16 with NaN, infinities, zeros, subnormals. */
const VALUES = `
r = np.random.default_rng(seed)
if dtype == 'bool':
    x = r.integers(0, 2, shape).astype(bool)
else:
    x = np.frombuffer(r.bytes(2 * int(np.prod(shape))), 'f2').reshape(shape).copy()
    if not special: x = (r.integers(-64, 65, shape) / 8).astype('f2')
    elif x.size > 9: x.flat[:7] = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 6e-8]
    r.shuffle(x)
`
const SHAPES = [[1], [7], [1000], [40_000], [5, 9], [3, 4, 5]]

/** Room for results of a type, shared. */
const like = (t: Parameters<typeof shared>[0], { dtype, shape, data }: NumpyArray, other: DType = dtype) =>
  shared(t, { dtype: other, shape, data: room(other, data.length) })

for (const dtype of TYPES) {
  numpyTest(`${dtype} is sorted and argsorted along each axis`, async (t, numpy) => {
    for (const [seed, shape] of SHAPES.entries()) {
      const x = await numpy.eval(`${VALUES}\nresult = x`, { seed, shape, dtype, special: true })
      const a = await shared(t, x)
      for (let axis = 0; axis < shape.length; axis++) {
        // Of -0.0 and 0.0, which are equal, either may come first.
        const zeros = (name: string) => (dtype === 'bool' ? name : `${name} + np.zeros(1, 'f2')`)
        const [sorted, order] = await numpy.evalAll(
          `${zeros('np.sort(x, axis=axis)')}, np.argsort(x, axis=axis, kind='stable')`,
          { x, axis },
        )
        for (const threads of [1, 2, 3]) {
          const out = await like(t, x)
          t.is(kernels.sort(out, a, { axis, threads }), out)
          same(t, await numpy.eval(zeros('x'), { x: out }), sorted, { message: `${shape} along ${axis}` })
          kernels.copy(out, a)
          kernels.sort(out, out, { axis, threads })
          same(t, await numpy.eval(zeros('x'), { x: out }), sorted, { message: `${shape} along ${axis}, in place` })
          const indices = await like(t, x, 'int64')
          same(t, kernels.argsort(indices, a, { axis, threads }), order, { message: `${shape} along ${axis}` })
        }
      }
    }
  })

  numpyTest(`reductions of ${dtype}, of all and along each axis`, async (t, numpy) => {
    for (const special of [false, true]) {
      for (const [seed, shape] of SHAPES.entries()) {
        const x = await numpy.eval(`${VALUES}\nresult = x`, { seed, shape, dtype, special })
        const a = await shared(t, x)
        for (const [name, theirs] of [
          ['sum', 'sum'],
          ['mean', 'mean'],
          ['min', 'min'],
          ['max', 'max'],
          ['argmin', 'argmin'],
          ['argmax', 'argmax'],
          ['any', 'any'],
          ['all', 'all'],
          ['countNonzero', 'count_nonzero'],
          ...(dtype === 'bool'
            ? [['prod', 'prod']]
            : [
                ['var', 'var'],
                ['std', 'std'],
              ]),
        ]) {
          // Numbers of float16 overflow where they are squared in it; we compute in float64.
          const exact = /arg|min|max|any|all|count/.test(name)
          if (special && !exact) continue
          const wide = exact || dtype === 'bool' ? 'x' : 'x.astype("f8")'
          for (const axis of [null, ...shape.keys()]) {
            const expected = await numpy.eval(`np.${theirs}(${wide}, axis=axis)`, { x, axis })
            const message = `${name} of ${shape} along ${axis}, special: ${special}`
            for (const threads of [1, 2, 3]) {
              const given = call(name, a, axis === null ? { threads } : { axis, threads })
              // With no axis left, it is a value, which is not rounded to the type.
              const results = typeof given === 'object' ? Array.from(given as Float64Array, Number) : [Number(given)]
              t.is(results.length, expected.data.length, message)
              const rounding = exact ? 0 : typeof given === 'object' && dtype === 'float16' ? 2 ** -11 : 1e-12
              const wrong = results.findIndex((value, at) => {
                const wanted = Number(expected.data[at])
                return !(Object.is(value, wanted) || Math.abs(value - wanted) <= rounding * Math.abs(wanted))
              })
              t.is(wrong, -1, `${message}: ${results[wrong]}, not ${expected.data[wrong]}`)
            }
          }
        }
      }
    }
  })

  numpyTest(`products of ${dtype}`, async (t, numpy) => {
    for (const [m, n] of [
      [[7], [7]],
      [[7], [7, 5]],
      [[6, 7], [7]],
      [
        [6, 7],
        [7, 5],
      ],
      [
        [33, 130],
        [130, 49],
      ],
      [
        [4, 0],
        [0, 3],
      ],
      [
        [2, 5, 3],
        [3, 4],
      ],
    ]) {
      const code = `${VALUES}\nresult = x`
      const [x, y] = [
        await numpy.eval(code, { seed: 1, shape: m, dtype, special: false }),
        await numpy.eval(code, { seed: 2, shape: n, dtype, special: false }),
      ]
      // Sums of these are exact in float32, and rounded once.
      const product = dtype === 'bool' ? 'x @ y' : '(x.astype("f4") @ y.astype("f4")).astype("f2")'
      const expected = await numpy.eval(product, { x, y })
      for (const threads of [1, 2, 3]) {
        const out = await like(t, expected)
        kernels.matmul(out, await shared(t, x), await shared(t, y), { threads })
        same(t, out, expected, { message: `${m} @ ${n}` })
      }
    }
  })
}

test('float16 is tested where the engine has it', t => {
  if (!has('float16')) t.log('SKIPPED: this engine has no Float16Array')
  t.pass()
})
