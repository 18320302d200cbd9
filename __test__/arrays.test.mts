// Shared arrays: what they are, what they refuse, how they end, and how handles carry them.
import { readdir, readFile, readlink, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import {
  type ArrayHandle,
  ClosedError,
  Cluster,
  type DTypeLike,
  IncompatibleSegmentError,
  InvalidArgumentError,
  isSharedArray,
  isStridedView,
  NotFoundError,
  SharedArray,
  type SharedArrayOf,
  SharedBoolArray,
  SharedFloat16Array,
  SharedFloat32Array,
  SharedFloat64Array,
  SharedInt8Array,
  SharedInt16Array,
  SharedInt32Array,
  SharedInt64Array,
  type SharedTypedArray,
  SharedUint8Array,
  SharedUint16Array,
  SharedUint32Array,
  SharedUint64Array,
  UnsupportedError,
} from 'tsdsm'
import { Child } from './helpers/child.mjs'
import { counted, folder, npyBytes, npyFile } from './helpers/npy.mjs'

let cluster: Cluster

test.before(async () => {
  cluster = await Cluster.start(1)
})
test.after.always(() => cluster?.close())

const Float16 = (globalThis as { Float16Array?: new (length: number) => ArrayLike<number> }).Float16Array

/** Every dtype: its spellings, class, plain class, and three elements. */
const DTYPES = [
  ['bool', SharedBoolArray, Uint8Array, [0, 1, 1], ['?', 'b1', '|b1', 'bool_']],
  ['int8', SharedInt8Array, Int8Array, [-128, 0, 127], ['i1', '|i1', '<i1', '>i1', 'b', Int8Array]],
  ['uint8', SharedUint8Array, Uint8Array, [0, 1, 255], ['u1', '|u1', 'B', Uint8Array]],
  ['int16', SharedInt16Array, Int16Array, [-32_768, 0, 32_767], ['i2', '<i2', '=i2', 'h', Int16Array]],
  ['uint16', SharedUint16Array, Uint16Array, [0, 1, 65_535], ['u2', '<u2', 'H', Uint16Array]],
  ['int32', SharedInt32Array, Int32Array, [-(2 ** 31), 0, 2 ** 31 - 1], ['i4', '<i4', 'i', Int32Array, undefined]],
  ['uint32', SharedUint32Array, Uint32Array, [0, 1, 2 ** 32 - 1], ['u4', '<u4', 'I', Uint32Array]],
  ['int64', SharedInt64Array, BigInt64Array, [-(2n ** 63n), 0n, 2n ** 63n - 1n], ['i8', '<i8', 'q', BigInt64Array]],
  ['uint64', SharedUint64Array, BigUint64Array, [0n, 1n, 2n ** 64n - 1n], ['u8', '<u8', 'Q', BigUint64Array]],
  ['float32', SharedFloat32Array, Float32Array, [-1.5, 0, 2 ** 127], ['f4', '<f4', 'f', 'single', Float32Array]],
  [
    'float64',
    SharedFloat64Array,
    Float64Array,
    [-1.5, 0, Number.MIN_VALUE],
    ['f8', '<f8', 'd', 'double', Float64Array, SharedFloat64Array, Buffer.from('f8').toString()],
  ],
  ...(Float16
    ? [['float16', SharedFloat16Array, Float16, [-1.5, 0, 65_504], ['f2', '<f2', 'e', 'half', Float16]]]
    : []),
] as unknown as ['float64', typeof SharedFloat64Array, typeof Float64Array, [number, number, number], DTypeLike[]][]

test('a shared array of each dtype is its typed array, zero-filled, by every spelling of the dtype', t => {
  for (const [dtype, Class, Plain, elements, spellings] of DTYPES) {
    for (const spelling of [dtype, ...spellings]) {
      const A = cluster.createShared('dtype', [3], spelling) as SharedArrayOf<'float64'>
      t.true(A instanceof Class && A instanceof Plain && A instanceof SharedArray, dtype)
      t.true(isSharedArray(A))
      t.is(A.dtype, dtype)
      t.is(A.length, 3)
      t.is(A.byteLength, 3 * Plain.BYTES_PER_ELEMENT)
      t.true(A.every(element => Number(element) === 0))
      A.set(elements)
      t.deepEqual([...A], elements)
      t.deepEqual(A.toNested<number[]>(), elements)
      t.deepEqual([...(cluster.getShared('dtype') as unknown as SharedArrayOf<'float64'>)], elements)
      cluster.deleteShared('dtype')
      A.close()
    }
    t.is(Class.dtype, dtype)
    t.is(Class.BYTES_PER_ELEMENT, Plain.BYTES_PER_ELEMENT)
  }
})

test('the dtype decides the type of the array, however it is spelled', t => {
  // The compiler checks these; each annotation is the exact class.
  const names: [SharedFloat64Array, SharedInt32Array, SharedBoolArray, SharedUint64Array] = [
    cluster.createShared('t1', 1, 'float64'),
    cluster.createShared('t2', 1),
    cluster.createShared('t3', 1, '?'),
    cluster.createShared('t4', 1, '<u8'),
  ]
  const constructors: [SharedFloat32Array, SharedInt64Array, SharedInt16Array, SharedBoolArray] = [
    cluster.createShared('t5', 1, Float32Array),
    cluster.createShared('t6', 1, BigInt64Array),
    cluster.createShared('t7', 1, SharedInt16Array),
    cluster.createShared('t8', 1, SharedBoolArray),
  ]
  t.deepEqual(
    [...names, ...constructors].map(array => array.dtype),
    ['float64', 'int32', 'bool', 'uint64', 'float32', 'int64', 'int16', 'bool'],
  )
})

test('a dtype that is unknown, big-endian or not in this engine is refused by name, before anything is made', t => {
  const bad = ['int31', '', 'f16', '>f8', '|f8', '<', 'Float64', '__proto__', 'constructor', 'O', 'U5', 'c16', 4, null]
  for (const dtype of [...bad, {}, [], Symbol('f8'), Array, Uint8ClampedArray, DataView, () => 'f8']) {
    const error = t.throws(() => cluster.createShared('bad', 3, dtype as 'int32'), {
      instanceOf: InvalidArgumentError,
      code: 'ERR_TSDSM_INVALID_ARGUMENT',
    })
    t.regex(error?.message ?? '', dtype === '>f8' ? /big-endian/ : /float64 \('<f8'\)/)
  }
  if (!Float16) {
    t.throws(() => cluster.createShared('bad', 3, 'float16'), { instanceOf: UnsupportedError, message: /Float16Array/ })
    t.is(SharedFloat16Array, undefined)
  }
  t.false(cluster.listShared().some(({ name }) => name === 'bad'))
})

test('a shape that is none is refused before anything is made', t => {
  const bad = [Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY, '10', 2 ** 60, 2 ** 53, 10n, null, undefined, {}, true]
  const lists = bad.map(length => [2, length])
  const others = [[[2]], ['2'], [2 ** 30, 2 ** 30], [0, 2 ** 60], Array(33).fill(1), new Float64Array(2), Array(2)]
  for (const shape of [...bad, ...lists, ...others]) {
    t.throws(() => cluster.createShared('bad', shape as number), {
      instanceOf: InvalidArgumentError,
      code: 'ERR_TSDSM_INVALID_ARGUMENT',
      message: /shape/,
    })
  }
  t.false(cluster.listShared().some(({ name }) => name === 'bad'))
})

test('empty arrays, single elements and 32 axes are arrays', t => {
  const cases: [number | number[], number[], number][] = [
    [0, [0], 0],
    [[], [], 1],
    [[3, 0, 2], [3, 0, 2], 0],
    [Array(32).fill(1), Array(32).fill(1), 1],
    [-0, [0], 0],
  ]
  for (const [given, shape, size] of cases) {
    const A = cluster.createShared('odd', given, 'float64')
    t.deepEqual(A.shape, shape)
    t.is(A.size, size)
    t.is(A.length, size)
    t.is(A.ndim, shape.length)
    t.false(A.closed)
    t.deepEqual(SharedArray.attach(A.handle()).shape, shape)
    t.deepEqual([A.toNested<unknown>()].flat(Number.POSITIVE_INFINITY), Array(size).fill(0))
    cluster.deleteShared('odd')
    A.close()
    t.true(A.closed)
  }
})

test('shape, strides and the rest are there, and frozen', async t => {
  const A = await counted(t, 2, 3, 4)
  t.deepEqual(A.shape, [2, 3, 4])
  t.deepEqual(A.strides, [12, 4, 1])
  t.is(A.stride, A.strides)
  t.is(A.data, A)
  t.is(A.offset, 0)
  t.is(A.ndim, 3)
  t.is(A.size, 24)
  t.is(A.dtype, 'float64')
  t.false(A.readOnly)
  t.true(Object.isFrozen(A.shape) && Object.isFrozen(A.strides))
  // Nothing of its own but the elements: a plain typed array has no more.
  t.deepEqual(Reflect.ownKeys(A), Reflect.ownKeys(new Float64Array(24)))
  t.is(Object.prototype.toString.call(A), '[object Float64Array]')
})

test('slice, map and filter give plain arrays, subarray a plain array over the shared memory', async t => {
  const A = await counted(t, 10)
  for (const plain of [A.slice(), A.map(x => x), A.filter(() => true)]) {
    t.is(Object.getPrototypeOf(plain), Float64Array.prototype)
    t.not(plain.buffer, A.buffer)
    t.deepEqual([...plain], [...A])
  }
  const part = A.subarray(2, 4)
  t.is(Object.getPrototypeOf(part), Float64Array.prototype)
  part[0] = -2
  t.is(A[2], -2)
})

test('item and setItem take one index for each axis, from either end', t => {
  const A = cluster.createShared('items', [2, 3])
  A.setItem(1, 2, 7)
  t.is(A[5], 7)
  t.is(A.item(1, 2), 7)
  t.is(A.item(-1, -1), 7)
  A.setItem(-2, 0, true)
  t.is(A[0], 1)

  const B = cluster.createShared('flags', 3, 'bool')
  B.setItem(0, true)
  B.setItem(1, 5)
  B.setItem(2, false)
  t.deepEqual([...B], [1, 1, 0])

  const C = cluster.createShared('wide', [], 'int64')
  C.setItem(2n ** 40n)
  t.is(C.item(), 2n ** 40n)
  t.throws(() => C.setItem(1 as unknown as bigint), { instanceOf: InvalidArgumentError, message: /bigint/ })
  t.throws(() => A.setItem(0, 0, 1n as unknown as number), { instanceOf: InvalidArgumentError, message: /number/ })
  t.is(C.item(), 2n ** 40n)
  t.is(A[0], 1)
})

test('the classes are for instanceof: to construct one is refused and says how it is done', t => {
  const Class = SharedInt32Array as unknown as Int32ArrayConstructor
  t.throws(() => new Class(3), { instanceOf: InvalidArgumentError, message: /createShared.*Int32Array\.from/ })
  t.throws(() => Class.from([1]), { instanceOf: InvalidArgumentError })
  t.false(new Int32Array(3) instanceof SharedInt32Array)
  for (const other of [new Int32Array(3), [], {}, null, undefined, 3, Object.create(SharedInt32Array.prototype)]) {
    t.false(isSharedArray(other))
    t.false(isStridedView(other))
    t.false((other as unknown) instanceof SharedArray)
  }
})

test('close empties the array and all its views, methods then throw ClosedError, and closing twice is fine', async t => {
  const A = await counted(t, 2, 3)
  const views = [A.row(0), A.rows(0, 2), A.reshape(-1)]
  const plain = A.subarray(1)
  views[0].close()
  for (const view of [A, ...views]) {
    t.true(view.closed)
    t.is(view.length, 0)
    t.is(view[0] as unknown, undefined)
    view[0] = 1
    for (const call of [
      () => view.item(0, 0),
      () => view.setItem(0, 0, 1),
      () => view.row(0),
      () => view.rows(0, 1),
      () => view.reshape(-1),
      () => view.view(),
      () => view.transpose(),
      () => view.toNested(),
      () => view.handle(),
      () => JSON.stringify(view),
    ]) {
      t.throws(call, { instanceOf: ClosedError, code: 'ERR_TSDSM_CLOSED', message: /closed/ })
    }
    t.notThrows(() => view.close())
  }
  t.is(plain.length, 0)
  // What it was is still known.
  t.deepEqual(A.shape, [2, 3])
})

test('an array of no elements is closed only by close', t => {
  const A = cluster.createShared('nothing', 0)
  t.deepEqual(A.toNested<number[]>(), [])
  A.close()
  t.throws(() => A.toNested(), { instanceOf: ClosedError })
})

test('an array whose buffer was transferred away counts as closed', async t => {
  const A = await counted(t, 4)
  const buffer = A.buffer as ArrayBuffer & { transfer?: () => ArrayBuffer }
  if (!buffer.transfer) {
    t.log('SKIPPED: this engine has no ArrayBuffer.prototype.transfer')
    t.pass()
    return
  }
  const moved = buffer.transfer()
  t.is(moved.byteLength, 32)
  t.true(A.closed)
  t.throws(() => A.item(0), { instanceOf: ClosedError })
  t.notThrows(() => A.close())
})

test('arrays that nobody has any more are unmapped by the collector, and no descriptor stays open', async t => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const path = await npyFile(t, '<f8', [4], new Float64Array(4))
  const lines = async () => (await readFile('/proc/self/maps', 'utf8')).split('\n').filter(line => line.includes(path))
  const kept = SharedArray.attach(path)
  for (let i = 0; i < 50; i++) SharedArray.attach(path)
  t.true((await lines()).length >= 2)
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  )
  t.false(links.includes(path))
  while ((await lines()).length > 1) {
    collect()
    await new Promise(setImmediate)
  }
  kept.close()
  while ((await lines()).length > 0) {
    collect()
    await new Promise(setImmediate)
  }
  t.true(kept.closed)
})

test('dispose closes, at once and in its asynchronous form', async t => {
  const A = await counted(t, 4)
  A[Symbol.dispose]()
  t.true(A.closed)
  const B = await counted(t, 4)
  await B[Symbol.asyncDispose]()
  t.true(B.closed)
})

test('close in one process leaves the array to the others', async t => {
  const A = cluster.createShared('left', 4)
  A[2] = 5
  const child = new Child(t, 'array-child')
  t.is((await child.ask({ open: A.handle() })).sum, 5)
  await child.ask({ close: true })
  t.is(A[2], 5)
  const handle = A.handle()
  A.close()
  const again = cluster.getShared('left')
  t.is(again[2], 5)
  t.is((SharedArray.attach(handle) as typeof A)[2], 5)
})

test('unlink takes the name away and leaves the memory', t => {
  const A = cluster.createShared('gone', 4)
  const handle = A.handle()
  A[1] = 3
  A.unlink()
  t.is(A[1], 3)
  t.false(cluster.listShared().some(({ name }) => name === 'gone'))
  A.close()
  t.throws(() => SharedArray.attach(handle), { instanceOf: NotFoundError, code: 'ERR_TSDSM_NOT_FOUND' })
})

test('an array attached from outside its cluster does not take the name away', t => {
  const A = cluster.createShared('kept', 4)
  const B = SharedArray.attach(A.handle().segment)
  t.throws(() => B.unlink(), { instanceOf: UnsupportedError, message: /deleteShared/ })
  B.close()
  t.is(cluster.getShared('kept')[0], 0)
})

// Handles.

test('a handle is plain data, and another process computes on the same memory through it', async t => {
  const A = cluster.createShared('handled', [4, 3], 'float64')
  const handle = A.handle()
  t.deepEqual(JSON.parse(JSON.stringify(handle)), handle)
  t.deepEqual(JSON.parse(JSON.stringify(A)), handle)
  t.is(handle.tsdsm, 1)
  t.is(handle.name, 'handled')
  t.is(handle.dtype, 'float64')
  t.deepEqual(handle.shape, [4, 3])

  const child = new Child(t, 'array-child')
  A.fill(1)
  t.deepEqual(await child.ask({ open: handle }), {
    sum: 12,
    shape: [4, 3],
    type: 'SharedFloat64Array',
    name: 'handled',
  })
  await child.ask({ store: [5, 42] })
  t.is(A[5], 42)
  // Parts of it, contiguous or not.
  t.deepEqual(await child.ask({ open: A.row(1).handle() }), {
    sum: 44,
    shape: [3],
    type: 'SharedFloat64Array',
    name: 'handled',
  })
  t.deepEqual(await child.ask({ open: A.transpose().handle() }), {
    sum: 53,
    shape: [3, 4],
    type: 'StridedView',
    name: 'handled',
  })
  t.deepEqual(await child.ask({ open: A.view(null, 2).handle() }), {
    sum: 45,
    shape: [4],
    type: 'StridedView',
    name: 'handled',
  })
})

test('a view whose elements lie one after the other has the handle of an array', async t => {
  const A = await counted(t, 4, 3)
  const B = SharedArray.attach(A.view({ start: 1, stop: 3 }).handle())
  t.true(isSharedArray(B))
  t.deepEqual(B.toNested<number[][]>(), [
    [3, 4, 5],
    [6, 7, 8],
  ])
  t.true(isStridedView(SharedArray.attach(A.view({ step: 2 }).handle())))
})

test('all handles of one array share one mapping in a process', t => {
  const A = cluster.createShared('once', [4, 3])
  const [B, C] = [SharedArray.attach(A.row(1).handle()), SharedArray.attach(A.transpose().handle())]
  t.is((B as typeof A).buffer, A.buffer)
  t.is(C.data.buffer, A.buffer)
  A.close()
  t.true(B.closed && C.closed)
})

test('a handle of a deleted array does not open the next one of that name', t => {
  const A = cluster.createShared('anew', 4)
  const handle = A.handle()
  cluster.deleteShared('anew')
  const B = cluster.createShared('anew', 4)
  B.fill(1)
  A.close()
  t.throws(() => SharedArray.attach(handle), { instanceOf: IncompatibleSegmentError, message: /another array/ })
  t.throws(() => SharedArray.attach({ ...handle, id: undefined, shape: [2], base: [2] }), {
    instanceOf: IncompatibleSegmentError,
    message: /shape/,
  })
  t.throws(() => SharedArray.attach({ ...handle, id: undefined, dtype: 'uint32' }), {
    instanceOf: IncompatibleSegmentError,
    message: /dtype/,
  })
  t.deepEqual([...B], [1, 1, 1, 1])
})

test('what is no handle is refused', async t => {
  const good = (await counted(t, 4, 3)).view({ step: 2 }).handle()
  t.true(isStridedView(SharedArray.attach(good)))
  const bad: unknown[] = [
    {},
    { tsdsm: 1 },
    { ...good, tsdsm: 2 },
    { ...good, name: 3 },
    { ...good, segment: null },
    { ...good, file: 'relative.npy' },
    { ...good, dtype: 'int31' },
    { ...good, shape: [-1] },
    { ...good, shape: '3' },
    { ...good, base: undefined },
    { ...good, offset: -1 },
    { ...good, offset: 0.5 },
    { ...good, offset: 12 },
    { ...good, strides: [6] },
    { ...good, strides: [6, '1'] },
    { ...good, strides: [12, 1] },
    { ...good, strides: [-6, 1] },
    { ...good, strides: undefined, shape: [5, 3] },
    null,
    undefined,
    3,
    '',
    [],
    new Float64Array(3),
    new URL('http://localhost/a.npy'),
  ]
  for (const handle of bad) {
    t.throws(() => SharedArray.attach(handle as ArrayHandle), {
      instanceOf: InvalidArgumentError,
      code: 'ERR_TSDSM_INVALID_ARGUMENT',
    })
  }
  t.throws(() => SharedArray.attach(good, { readOnly: 1 as unknown as boolean }), { instanceOf: InvalidArgumentError })
})

// Attaching by name and path.

test('attach takes the name of a segment, and each one attached so is closed for itself', t => {
  const A = cluster.createShared('named', [2, 2], 'float32')
  A[3] = 1.5
  const [B, C] = [SharedArray.attach(A.handle().segment), SharedArray.attach(A.handle().segment)]
  t.deepEqual([...(B as typeof A)], [0, 0, 0, 1.5])
  B.close()
  t.false(C.closed || A.closed)
  t.throws(() => SharedArray.attach(`${A.handle().segment}.not`), { instanceOf: NotFoundError })
})

test('attach takes the path or URL of a .npy file, also a relative one, and stores reach the file', async t => {
  const path = await npyFile(t, '<i2', [2], Int16Array.of(1, 2))
  for (const source of [path, pathToFileURL(path)]) {
    const A = SharedArray.attach(source) as SharedArrayOf<'int16'>
    t.deepEqual([...A], [1, 2])
    A.close()
  }
  const A = SharedArray.attach(path) as SharedArrayOf<'int16'>
  A[1] = 77
  t.deepEqual([...(await readFile(path)).subarray(-4)], [1, 0, 77, 0])
  t.is((SharedArray.attach(JSON.parse(JSON.stringify(A))) as typeof A)[1], 77)
  A.close()
  t.throws(() => SharedArray.attach(`${path}.npy`), { instanceOf: NotFoundError })
  const error = t.throws(() => SharedArray.attach('no-such.npy'), { instanceOf: NotFoundError })
  t.true(error?.message.includes('no-such.npy'))
})

test('files that are no arrays for us are refused, and left as they are', async t => {
  const path = join(await folder(t), 'x.npy')
  const good = npyBytes('<f8', [4], new Float64Array(4))
  const bad: [string, Uint8Array][] = [
    ['empty', new Uint8Array(0)],
    ['text', Buffer.from('hello\n'.repeat(100))],
    ['truncated', good.subarray(0, good.length - 1)],
    ['half a header', good.subarray(0, 40)],
    ['big-endian', npyBytes('>f8', [4], new Float64Array(4))],
    ['complex', npyBytes('<c16', [2], new Float64Array(4))],
    ['other version', Buffer.concat([good.subarray(0, 6), Buffer.of(9), good.subarray(7)])],
  ]
  for (const [what, bytes] of bad) {
    await writeFile(path, bytes)
    t.throws(() => SharedArray.attach(path), { instanceOf: IncompatibleSegmentError }, what)
    t.deepEqual(await readFile(path), Buffer.from(bytes), what)
  }
})

test('a file that took the place of the one a handle names is refused', async t => {
  const path = await npyFile(t, '<i2', [2], Int16Array.of(1, 2))
  const A = SharedArray.attach(path) as SharedArrayOf<'int16'>
  const handle = A.handle()
  await rename(path, `${path}.old`)
  await writeFile(path, npyBytes('<i2', [2], Int16Array.of(3, 4)))
  // This process still has the one that it had.
  t.deepEqual([...(SharedArray.attach(handle) as typeof A)], [1, 2])
  A.close()
  t.throws(() => SharedArray.attach(handle), { instanceOf: IncompatibleSegmentError })
  await unlink(path)
  t.throws(() => SharedArray.attach(handle), { instanceOf: NotFoundError })
})

test('a read-only array takes stores for itself alone: nobody sees them, and Node lives', async t => {
  const path = await npyFile(t, '<i4', [2], Int32Array.of(1, 2))
  const A = SharedArray.attach(path, { readOnly: true }) as SharedArrayOf<'int32'>
  const B = SharedArray.attach(path) as SharedArrayOf<'int32'>
  t.teardown(() => B.close())
  t.true(A.readOnly)
  t.throws(() => A.setItem(0, 9), { instanceOf: InvalidArgumentError, message: /read-only/ })
  A[0] = 9
  t.is(B[0], 1)
  t.deepEqual([...(await readFile(path)).subarray(-8, -4)], [1, 0, 0, 0])
  // Its handle stays read-only; that of a writable one can be made so.
  t.true(SharedArray.attach(A.handle()).readOnly)
  const C = SharedArray.attach(B.handle(), { readOnly: true })
  t.true(C.readOnly)
  t.not(C.data.buffer, B.buffer)
  A.close()
})

// Printing.

test('arrays of one axis print as typed arrays do', t => {
  const C = cluster.createShared('C', 10)
  for (let i = 0; i < 10; i++) C[i] = 2 * i + 1
  t.is(inspect(C), inspect(Int32Array.from(C)).replace('Int32Array(10)', "SharedInt32Array(10) 'C'"))
  t.regex(inspect(C), /\[\s+1, +3, +5, +7, +9,\s+11, +13, +15, +17, +19\s+\]$/)
  t.is(inspect(cluster.createShared('w', 2, 'uint64')), "SharedUint64Array(2) 'w' [ 0n, 0n ]")
  t.is(inspect(cluster.createShared('s', [], 'float64')), "SharedFloat64Array() 's' 0")
  t.is(inspect(cluster.createShared('e', [0, 3])), "SharedInt32Array(0, 3) 'e' []")
})

test('arrays of more axes print nested, views too', t => {
  const A = cluster.createShared('A', [2, 3], 'float64')
  for (let i = 0; i < 6; i++) A[i] = i + 1
  t.is(inspect(A), "SharedFloat64Array(2, 3) 'A' [ [ 1, 2, 3 ], [ 4, 5, 6 ] ]")
  t.is(inspect(A.row(1)), "SharedFloat64Array(3) 'A' [ 4, 5, 6 ]")
  t.is(inspect(A.transpose()), "StridedView<float64>(3, 2) 'A' [ [ 1, 4 ], [ 2, 5 ], [ 3, 6 ] ]")
  t.regex(inspect(A.reshape(1, 1, 1, 2, 3)), /\[\s*\[\s*\[\s*\[\s*\[ 1, 2, 3 \],\s*\[ 4, 5, 6 \]\s*\]\s*\]\s*\]\s*\]$/)
  t.is(inspect({ A }), "{ A: SharedFloat64Array(2, 3) 'A' [ [ 1, 2, 3 ], [ 4, 5, 6 ] ] }")
  t.is(inspect({ a: { A } }, { depth: 0 }), '{ a: [Object] }')
  t.is(inspect({ A }, { depth: 0 }), '{ A: [SharedFloat64Array(2, 3)] }')
  A.close()
  t.is(inspect(A), "SharedFloat64Array(closed) 'A' []")
})

test('long arrays are abbreviated, and maxArrayLength is obeyed', t => {
  const A = cluster.createShared('long', 1000, 'uint8')
  t.true(inspect(A).endsWith('  ... 900 more items\n]'))
  t.regex(inspect(A, { maxArrayLength: 2 }), /\[ 0, 0, \.\.\. 998 more items \]$/)
  t.is(inspect(A, { maxArrayLength: null }).match(/\b0\b/g)?.length, 1000)
  const B = A.reshape(20, 50)
  const printed = inspect(B)
  t.is(printed.match(/\b0\b/g)?.length, 100)
  t.is(printed.match(/\.\.\. 40 more items/g)?.length, 10)
  t.true(printed.endsWith('... 10 more items\n]'))
  t.is(inspect(B, { maxArrayLength: null }).match(/\b0\b/g)?.length, 1000)
  // Counted, not made: the whole of it would be a gigabyte of text.
  const big = cluster.createShared('big', [1000, 1000, 20], 'uint8')
  t.true(inspect(big).length < 10_000)
})

test('printing does not disturb what is printed around it', t => {
  const A: SharedTypedArray = cluster.createShared('colour', 2)
  t.true(inspect(A, { colors: true }).includes("\u001b[32m'colour'\u001b[39m"))
  t.true(inspect([A, [A]]).includes("SharedInt32Array(2) 'colour' [ 0, 0 ]"))
})
