// The way from `kernels.NAME(…)` to the native kernels: operands, options, refusals, both forms of each.
import test from 'ava'
import { InvalidArgumentError, kernels } from 'tsdsm'
import { counted } from '../helpers/npy.mjs'
import { same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

numpyTest('kernels take shared arrays, views, typed arrays, scijs ndarrays and scalars', async (t, numpy) => {
  const A = await counted(t, 3, 4)
  const out = await counted(t, 3, 4)
  t.is(kernels.add(out, A, A), out)
  same(t, out, await numpy.eval('A + A', { A }))
  same(t, kernels.multiply(out, A, 2.5), await numpy.eval('A * 2.5', { A }))
  const column = A.view(null, 1)
  const plain = new Float64Array(3)
  same(t, kernels.subtract(plain, column, A.view(null, 0)), await numpy.eval('A[:, 1] - A[:, 0]', { A }))
  const nd = { data: plain, shape: [2], stride: [2], offset: 0 }
  t.is(kernels.fill(nd, 7), nd)
  t.deepEqual([...plain], [7, 1, 7])
})

numpyTest('reductions give values, new arrays or `out`', async (t, numpy) => {
  const A = await counted(t, 3, 4)
  same(t, kernels.sum(A), await numpy.eval('A.sum()', { A }))
  same(t, kernels.sum(A, { axis: -1 }), await numpy.eval('A.sum(axis=-1)', { A }))
  const out = new Float64Array(4)
  t.is(kernels.mean(A, { axis: 0, out }), out)
  same(t, out, await numpy.eval('A.mean(axis=0)', { A }))
  t.is(kernels.argmax(A.view({ step: -1 })), 3)
  t.is(kernels.sum(BigInt64Array.of(2n ** 62n, 5n)), 2n ** 62n + 5n)
  t.is(kernels.sum(BigInt64Array.of(3n, 5n)), 8)
  t.is(kernels.any(Float32Array.of(0, 1)), true)
  t.is(await kernels.sumAsync(A), 66)
  t.deepEqual(await kernels.maxAsync(A, { axis: 1 }), Float64Array.of(3, 7, 11))
})

numpyTest('every other family has its face', async (t, numpy) => {
  const A = await counted(t, 3, 4)
  const flat = Float64Array.of(3, 1, 2, 1)
  same(t, kernels.cumsum(new Float64Array(12), A), await numpy.eval('A.cumsum()', { A }))
  same(t, kernels.sort(new Float64Array(4), flat), await numpy.eval('np.sort(a)', { a: flat }))
  same(t, kernels.argsort(new BigInt64Array(4), flat), await numpy.eval('np.argsort(a, kind="stable")', { a: flat }))
  same(
    t,
    kernels.partition(new Float64Array(4), flat, 1).subarray(1, 2),
    await numpy.eval('np.sort(a)[1:2]', { a: flat }),
  )
  same(t, kernels.median(flat), await numpy.eval('np.median(a)', { a: flat }))
  same(t, kernels.median(A, { axis: 0 }), await numpy.eval('np.median(A, axis=0)', { A }))
  same(t, kernels.quantile(flat, 0.25), await numpy.eval('np.quantile(a, 0.25)', { a: flat }))
  const q = await counted(t, 2, 3)
  same(
    t,
    kernels.quantile(A, [0.1, 0.9], { axis: 1, out: q }),
    await numpy.eval('np.quantile(A, [.1, .9], axis=1)', { A }),
  )
  same(
    t,
    kernels.quantile(A, 0.5, { axis: 1, out: new Float64Array(3) }),
    await numpy.eval('np.quantile(A, .5, axis=1)', { A }),
  )
  t.deepEqual(await kernels.quantileAsync(flat, [0, 1]), Float64Array.of(1, 3))
  const sorted = Float64Array.of(1, 2, 2, 3)
  const right = kernels.searchsorted(new BigInt64Array(2), sorted, Float64Array.of(2, 9), { side: 'right' })
  same(t, right, await numpy.eval('np.searchsorted(s, [2., 9.], side="right")', { s: sorted }))
  const [values, counts] = [new Float64Array(4), new Int32Array(4)]
  t.is(kernels.unique(values, flat, { counts }), 3)
  t.deepEqual([...values.subarray(0, 3), ...counts.subarray(0, 3)], [1, 2, 3, 2, 1, 1])
  same(t, kernels.take(new Float64Array(2), flat, [-1, 0]), await numpy.eval('a.take([-1, 0])', { a: flat }))
  t.deepEqual([...kernels.put(new Float64Array(3), [2, 0], 5)], [5, 0, 5])
  t.deepEqual([...kernels.scatterAdd(new Float64Array(2), Int32Array.of(1, 1, 0), 2, { atomic: true })], [2, 4])
  t.deepEqual([...kernels.combineAt(new Float64Array(4), 'add', flat, 1, [0, 3])], [4, 0, 0, 2])
  t.deepEqual([...kernels.bincount(new Int32Array(3), Int32Array.of(2, 2, 0))], [1, 0, 2])
  t.deepEqual([...kernels.histogram(new Int32Array(2), flat, { bounds: [1, 3] })], [2, 2])
  t.deepEqual([...kernels.histogram(new Int32Array(2), flat, { edges: [0, 1.5, 3] })], [2, 2])
  t.deepEqual([...kernels.binEdges(new Float64Array(3), [0, 1])], [0, 0.5, 1])
  const C = await counted(t, 3, 3)
  same(t, kernels.matmul(C, A, A.transpose()), await numpy.eval('A @ A.T', { A }))
  kernels.fill(C, 0)
  kernels.matmul(C, A, A.transpose(), { rows: [2] })
  t.deepEqual(C.toNested(), [
    [0, 0, 0],
    [0, 0, 0],
    [62, 214, 366],
  ])
  const parts = kernels.partialsOf('sum', A)
  t.deepEqual(parts, { length: 1, dtype: 'float64' })
  t.is(kernels.sum(kernels.partials(new Float64Array(1), 'sum', A)), 66)
  t.is(kernels.sum(kernels.dotPartials(new Float64Array(1), flat, flat)), kernels.dot(flat, flat))
})

test('the asynchronous form gives what the other gives', async t => {
  const A = await counted(t, 1000)
  const out = new Float64Array(1000)
  t.is(await kernels.addAsync(out, A, 1), out)
  t.is(out[999], 1000)
  await t.throwsAsync(kernels.addAsync(out, A, 'x' as never), { instanceOf: InvalidArgumentError })
})
