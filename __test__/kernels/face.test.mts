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

test('the asynchronous form gives what the other gives', async t => {
  const A = await counted(t, 1000)
  const out = new Float64Array(1000)
  t.is(await kernels.addAsync(out, A, 1), out)
  t.is(out[999], 1000)
  await t.throwsAsync(kernels.addAsync(out, A, 'x' as never), { instanceOf: InvalidArgumentError })
})
