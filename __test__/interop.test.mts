// Shared arrays in the hands of others: scijs ndarray, Apache Arrow, Buffer, JSON, structured clones, NumPy.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Float64, makeData, makeVector, Table, tableFromIPC, tableToIPC } from 'apache-arrow'
import test from 'ava'
import ndarray from 'ndarray'
import { SharedArray, type SharedArrayOf } from 'tsdsm'
import { counted, npyFile } from './helpers/npy.mjs'

const PYTHON = '.cache/venv/bin/python'

test('scijs ndarray works over a shared array without a copy', async t => {
  const A = await counted(t, 3, 4)
  const nd = ndarray(A, A.shape, A.stride)
  t.is(nd.data, A)
  t.is(nd.dtype, 'float64')
  t.is(nd.get(2, 1), 9)
  nd.set(2, 1, -9)
  t.is(A.item(2, 1), -9)
  A.setItem(0, 3, 33)
  t.is(nd.pick(0, null).get(3), 33)
  t.is(nd.transpose(1, 0).get(3, 0), 33)
  // Without a shape it is taken for one of one axis, as any typed array.
  t.deepEqual(ndarray(A).shape, [12])
})

test('scijs ndarray works over a strided view without a copy', async t => {
  const A = await counted(t, 4, 6)
  for (const view of [
    A.transpose(),
    A.view({ step: -1 }, { start: 1, step: 2 }),
    A.rows(1, 3).view(null, { step: -2 }),
    A.view(2),
  ]) {
    const nd = ndarray(view.data, view.shape, view.stride, view.offset)
    const list = view.toNested<number[][]>()
    for (const [i, row] of list.entries()) {
      if (typeof row === 'number') t.is(nd.get(i), row)
      else for (const [j, value] of row.entries()) t.is(nd.get(i, j), value)
    }
    t.deepEqual(nd.order, view.order)
    t.is(nd.size, view.size)
    t.is(nd.dimension, view.dimension)
  }
})

test('an array and a view are themselves what code for scijs ndarrays reads', async t => {
  interface Readable {
    readonly data: ArrayLike<number>
    readonly shape: readonly number[]
    readonly stride: readonly number[]
    readonly offset: number
  }
  // What compilers of scijs kernels, such as cwise, make: nothing but data, shape, stride and offset.
  const sum = ({ data, shape, stride, offset }: Readable) => {
    let total = 0
    for (let i = 0; i < shape[0]; i++) {
      for (let j = 0; j < shape[1]; j++) total += (i + 1) * data[offset + i * stride[0] + j * stride[1]]
    }
    return total
  }
  const A = await counted(t, 3, 4)
  t.is(sum(A), 1 * 6 + 2 * 22 + 3 * 38)
  t.is(sum(A.rows(1, 3)), 1 * 22 + 2 * 38)
  t.is(sum(A.transpose()), 1 * 12 + 2 * 15 + 3 * 18 + 4 * 21)
  t.deepEqual(A.order, ndarray(A, A.shape, A.stride).order)
  t.is(A.dimension, 2)
  t.is(A.offset, 0)
})

test('Apache Arrow makes vectors over shared arrays without a copy', async t => {
  const A = await counted(t, 10)
  const vector = makeVector(A)
  t.is(vector.data[0].values.buffer, A.buffer as ArrayBufferLike)
  A[3] = 42.5
  t.is(vector.get(3), 42.5)
  t.is(makeVector(A.rows(4, 8)).get(0), 4)

  const typed = makeVector(makeData({ type: new Float64(), data: A, length: 10, nullCount: 0 }))
  A[3] = 43
  t.is(typed.get(3), 43)
  const table = new Table({ x: vector })
  t.deepEqual([...(tableFromIPC(tableToIPC(table)).getChild('x') ?? [])], [...A])

  for (const [descr, data] of [
    ['<i4', Int32Array.of(1, -2, 3)],
    ['<u2', Uint16Array.of(1, 2, 65_535)],
    ['<i8', BigInt64Array.of(1n, -(2n ** 62n), 3n)],
    ['<f4', Float32Array.of(1.5, -2, 3)],
  ] as const) {
    const B = SharedArray.attach(await npyFile(t, descr, [3], data)) as SharedArrayOf<'float32'>
    const other = makeVector(B)
    t.is(other.data[0].values.buffer, B.buffer as ArrayBufferLike, descr)
    t.deepEqual([...other] as unknown[], [...data] as unknown[], descr)
    B.close()
  }
})

test('a Buffer over a shared array is no copy', async t => {
  const A = await counted(t, 2, 3)
  const row = A.row(1)
  const bytes = Buffer.from(row.buffer, row.byteOffset, row.byteLength)
  t.is(bytes.length, 24)
  t.is(bytes.readDoubleLE(8), 4)
  bytes.writeDoubleLE(-4, 8)
  t.is(A.item(1, 1), -4)
})

test('Atomics work on a shared array', async t => {
  const A = SharedArray.attach(await npyFile(t, '<i4', [4], new Int32Array(4))) as SharedArrayOf<'int32'>
  t.teardown(() => A.close())
  t.is(Atomics.add(A, 1, 5), 0)
  t.is(Atomics.compareExchange(A, 1, 5, 7), 5)
  t.is(A[1], 7)
  A.close()
  t.throws(() => Atomics.load(A, 1), { instanceOf: TypeError })
})

test('JSON has the handle, structuredClone a plain copy', async t => {
  const A = await counted(t, 2, 3)
  const again = SharedArray.attach(JSON.parse(JSON.stringify({ A })).A) as SharedArrayOf<'float64'>
  again[0] = 17
  t.is(A[0], 17)
  const copy = structuredClone(A)
  copy[0] = 18
  t.is(A[0], 17)
  t.is(Object.getPrototypeOf(copy), Float64Array.prototype)
})

test('NumPy reads what is stored here and we read what NumPy stores, while both have it', async t => {
  if (!existsSync(PYTHON)) {
    t.log(`SKIPPED: no NumPy at ${PYTHON}`)
    t.pass()
    return
  }
  const path = await npyFile(t, '<i4', [3, 4], new Int32Array(12))
  const A = SharedArray.attach(path) as SharedArrayOf<'int32'>
  t.teardown(() => A.close())
  for (let i = 0; i < A.length; i++) A[i] = i * i
  const program = `
import sys, json, numpy as np
a = np.load(sys.argv[1], mmap_mode='r+')
print(json.dumps([a.tolist(), str(a.dtype)]))
a[1, 2] = -5
del a`
  const said = JSON.parse(execFileSync(PYTHON, ['-c', program, path], { encoding: 'utf8' }))
  t.deepEqual(said[0], [
    [0, 1, 4, 9],
    [16, 25, 36, 49],
    [64, 81, 100, 121],
  ])
  t.is(said[1], 'int32')
  t.is(A.item(1, 2), -5)
})

test("an array that NumPy's open_memmap has made attaches, in every dtype that both have", async t => {
  if (!existsSync(PYTHON)) {
    t.log(`SKIPPED: no NumPy at ${PYTHON}`)
    t.pass()
    return
  }
  const dtypes = [
    'bool',
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
  for (const dtype of dtypes) {
    const path = await npyFile(t, '<i4', [0], new Int32Array(0))
    const program = `
import sys, numpy as np
a = np.lib.format.open_memmap(sys.argv[1], mode='w+', dtype=sys.argv[2], shape=(2, 3))
a[...] = np.arange(6).reshape(2, 3) % 2
a.flush()`
    execFileSync(PYTHON, ['-c', program, path, dtype])
    const A = SharedArray.attach(path)
    t.is(A.dtype, dtype as typeof A.dtype)
    t.deepEqual(A.shape, [2, 3])
    t.deepEqual(Array.from(A as ArrayLike<number | bigint>, Number), [0, 1, 0, 1, 0, 1])
    A.close()
  }
})
