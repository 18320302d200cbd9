// Elements at indices against NumPy: taken, put, computed with, added to, and what is refused.
import test from 'ava'
import { InvalidArgumentError, kernels } from 'tsdsm'
import { counted } from '../helpers/npy.mjs'
import { same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

numpyTest('elements are taken and put, flat and along an axis, by indices of any integer type', async (t, numpy) => {
  const A = await counted(t, 4, 5)
  for (const Type of [Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array]) {
    const i = Type.of(3, 0, 3, 2, 1)
    same(t, kernels.take(new Float64Array(5), A, i), await numpy.eval('np.take(A, i)', { A, i }))
  }
  for (const Type of [BigInt64Array, BigUint64Array]) {
    const i = Type.of(19n, 0n, 7n)
    same(t, kernels.take(new Float64Array(3), A, i), await numpy.eval('np.take(A, i)', { A, i }))
  }
  const i = Int32Array.of(-1, 2, 0, -4, 2)
  const rows = await counted(t, 5, 5)
  same(t, kernels.take(rows, A, i, { axis: 0 }), await numpy.eval('np.take(A, i, axis=0)', { A, i }))
  const columns = await counted(t, 4, 5)
  same(t, kernels.take(columns, A, i, { axis: -1 }), await numpy.eval('np.take(A, i, axis=-1)', { A, i }))
  const values = Float64Array.of(-10, -11, -12, -13, -14)
  const put = await numpy.eval('B = A.copy()\nnp.put(B, i, v)\nresult = B', { A, i, v: values })
  same(t, kernels.put(A, i, values), put)
  const rowsPut = await numpy.eval('B = A.copy()\nB[:, i] = -1\nresult = B', { A, i })
  same(t, kernels.put(A, i, -1, { axis: 1 }), rowsPut)
  const view = A.view({ step: -1 }, { step: 2 })
  const small = Int32Array.of(0, 11, -3)
  same(t, kernels.take(new Float64Array(3), view, small), await numpy.eval('np.take(V, i)', { V: view, i: small }))
})

numpyTest('additions at indices accumulate, the same on any number of threads', async (t, numpy) => {
  const i = (await numpy.eval('np.random.default_rng(1).integers(-500, 500, 300000)')).data as BigInt64Array
  const v = (await numpy.eval('np.random.default_rng(2).random(300000)')).data as Float64Array
  const added = await numpy.eval('B = np.zeros(500)\nnp.add.at(B, i, v)\nresult = B', { i, v })
  const put = await numpy.eval('B = np.zeros(500)\nB[i] = v\nresult = B', { i, v })
  for (const threads of [1, 2, 3]) {
    same(t, kernels.scatterAdd(new Float64Array(500), i, v, { threads }), added)
    same(t, kernels.put(new Float64Array(500), i, v, { threads }), put)
  }
  const counts = kernels.scatterAdd(new BigInt64Array(500), i, 1, { threads: 2, atomic: true })
  same(t, counts, await numpy.eval('np.bincount(i % 500, minlength=500)', { i }))
})

numpyTest('operations are done at indices, in place too', async (t, numpy) => {
  const A = await counted(t, 1000)
  const B = await counted(t, 1000)
  const C = await counted(t, 1000)
  const i = (await numpy.eval('np.random.default_rng(1).permutation(1000)[:600]')).data as BigInt64Array
  for (const [name, operator] of [
    ['add', '+'],
    ['multiply', '*'],
    ['subtract', '-'],
  ] as const) {
    const expected = await numpy.eval(`D = C.copy()\nD[i] = A[i] ${operator} B[i]\nresult = D`, { A, B, C, i })
    same(t, kernels.combineAt(C, name, A, B, i), expected)
  }
  const expected = await numpy.eval('D = A.copy()\nD[i[:100]] = A[i[:100]] * 3\nresult = D', { A, i })
  same(t, kernels.combineAt(A, 'multiply', A, 3, i, { range: [0, 100] }), expected)
})

test('a wrong index is refused before anything is written', t => {
  const refused = (f: () => unknown) => t.throws(f, { instanceOf: InvalidArgumentError })
  const a = Float64Array.of(1, 2, 3)
  const out = new Float64Array(3)
  for (const bad of [3, -4, 2 ** 31 - 1]) {
    const i = Int32Array.of(0, 1, bad)
    refused(() => kernels.take(out, a, i))
    refused(() => kernels.put(out, i, a))
    refused(() => kernels.scatterAdd(out, i, a))
    refused(() => kernels.scatterAdd(out, i, a, { atomic: true }))
    refused(() => kernels.combineAt(out, 'add', a, a, i))
  }
  refused(() => kernels.take(out, a, a as never))
  refused(() => kernels.take(out, out, Int32Array.of(0, 1, 2)))
  refused(() => kernels.take(new Float32Array(3), a, Int32Array.of(0, 1, 2)))
  t.deepEqual([...out], [0, 0, 0])
})
