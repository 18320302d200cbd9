// The way from `kernels.NAME(…)` to the native kernels: operands, options, refusals, both forms of each.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { ClosedError, IndexRange, InvalidArgumentError, kernels, SharedArray, type SharedArrayOf } from 'tsdsm'
import ts from 'typescript'
import { counted, npyFile } from '../helpers/npy.mjs'
import { same, withNumpy } from '../helpers/numpy.mjs'
import { ROOT, runProgram } from '../helpers/process.mjs'

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
  t.deepEqual([...kernels.transpose(new Float64Array(4), flat)], [...flat])
  kernels.transpose(C, A.view(null, { stop: 3 }), { axes: [-1, 0] })
  same(t, C, await numpy.eval('A[:, :3].T.copy()', { A }))
  kernels.cdist(C, A, A, { metric: 'cityblock' })
  t.deepEqual(C.toNested(), [
    [0, 16, 32],
    [16, 0, 16],
    [32, 16, 0],
  ])
  t.deepEqual([...kernels.nearest(new Int32Array(3), A, A)], [0, 1, 2])
  const [points, squares] = [A.rows(0, 2), new Float64Array(3)]
  t.deepEqual([...kernels.nearest(new Int32Array(3), A, points, { squares })], [0, 1, 1])
  t.is(squares[2], 64)
  t.deepEqual([...kernels.stencil(new Float64Array(4), flat, [0, 1, 1], { boundary: 'copied' })], [3, 5, 2, 1])
  const random = kernels.uniform(new Float64Array(5), { key: 7n })
  same(t, random, await numpy.eval('np.random.Generator(np.random.Philox(key=7)).random(5)'))
  t.deepEqual([...kernels.uniform(new Float64Array(3), { key: 7, offset: 2 })], [...random.subarray(2)])
  const words = kernels.randomWords(new BigUint64Array(3), { key: 2n ** 64n + 5n })
  same(t, words, await numpy.eval('np.random.Philox(key=2**64 + 5).random_raw(3)'))
  const dice = kernels.integers(new Int8Array(1000), 1, 7, { key: 1 })
  t.deepEqual([kernels.min(dice), kernels.max(dice)], [1, 6])
  const large = kernels.integers(new BigUint64Array(9), 2n ** 64n - 2n, 2n ** 64n, { key: 1 })
  t.true(large.every(each => each >= 2n ** 64n - 2n))
  t.deepEqual([...kernels.permutation(new Int32Array(9), { key: 3 })].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8])
  t.is(kernels.normal(new Float32Array(2), { key: 3, mean: 5, deviation: 0 })[1], 5)
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

test('an array that is closed while a kernel runs is written to the end', async t => {
  const path = await npyFile(t, '<f8', [1 << 20], new Float64Array(1 << 20))
  const A = SharedArray.attach(path) as SharedArrayOf<'float64'>
  const running = [kernels.uniformAsync(A, { key: 5 })]
  A.close()
  t.is(A.length, 0)
  await Promise.all(running)
  const again = SharedArray.attach(path) as SharedArrayOf<'float64'>
  t.teardown(() => again.close())
  t.deepEqual(again.subarray(0, 9), kernels.uniform(new Float64Array(1 << 20), { key: 5 }).subarray(0, 9))
  t.true(again[(1 << 20) - 1] > 0)
})

test('a closed array and a detached buffer are refused as closed', async t => {
  const A = await counted(t, 10)
  A.close()
  t.throws(() => kernels.sum(A), { instanceOf: ClosedError })
  await t.throwsAsync(kernels.addAsync(A, A, 1), { instanceOf: ClosedError })
  const gone = new Float64Array(4)
  structuredClone(gone.buffer, { transfer: [gone.buffer] })
  t.throws(() => kernels.sum(gone), { instanceOf: ClosedError })
  t.is(kernels.sum(new Float64Array(0)), 0)
})

test('a typed array that is given away while a kernel runs is refused, and nothing is written', async t => {
  const out = new Float64Array(1000)
  const running = kernels.fillAsync(out, 1)
  const taken = structuredClone(out.buffer, { transfer: [out.buffer] })
  await t.throwsAsync(running, { instanceOf: ClosedError })
  t.is(new Float64Array(taken)[0], 0)
})

test('an asynchronous kernel in place on a typed array, and on a part of one', async t => {
  const a = Float64Array.of(1, 2, 3, 4)
  t.deepEqual(await kernels.multiplyAsync(a, a, a), Float64Array.of(1, 4, 9, 16))
  await kernels.addAsync(a.subarray(1, 3), a.subarray(1, 3), 1)
  t.deepEqual(a, Float64Array.of(1, 5, 10, 16))
  const column = { data: a, shape: [2], stride: [2], offset: 0 }
  await kernels.fillAsync(column, 0)
  t.deepEqual(a, Float64Array.of(0, 5, 0, 16))
})

test('asynchronous kernels on two ranges of one typed array both count, and so does what is stored beside them', async t => {
  const out = new Float64Array(100).fill(-1)
  const running = [
    kernels.fillAsync(out, 1, { range: [0, 40] }),
    kernels.fillAsync(out, 2, { range: [40, 80] }),
    kernels.scatterAddAsync(out, [90], 6),
  ]
  out[99] = 3
  await Promise.all(running)
  t.deepEqual([out[0], out[39], out[40], out[79], out[80], out[90], out[99]], [1, 1, 2, 2, -1, 5, 3])
})

test('many asynchronous kernels at once', async t => {
  const sums = await Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      kernels.fillAsync(new Float64Array(100), i).then(out => kernels.sumAsync(out)),
    ),
  )
  t.deepEqual(
    sums,
    Array.from({ length: 200 }, (_, i) => 100 * i),
  )
})

test('a worker_thread ends while its kernels run', async t => {
  const program = `
    const { kernels } = require(${JSON.stringify(join(ROOT, 'dist/index.js'))})
    const a = kernels.uniform(new Float64Array(1 << 21), { key: 1 })
    for (let i = 0; i < 8; i++) kernels.sortAsync(new Float64Array(a.length), a)
    setInterval(() => {}, 1000)
    require('node:worker_threads').parentPort.postMessage('running')`
  const worker = new Worker(program, { eval: true }).on('error', error => t.fail(String(error)))
  await new Promise(resolve => worker.once('message', resolve))
  t.is(typeof (await worker.terminate()), 'number')
  t.is(kernels.sum(Float64Array.of(1, 2)), 3)
})

test('a process exits while its kernels run', async t => {
  const program = `
    const { kernels } = require(${JSON.stringify(join(ROOT, 'dist/index.js'))})
    const a = kernels.uniform(new Float64Array(1 << 21), { key: 1 })
    for (let i = 0; i < 8; i++) kernels.sortAsync(new Float64Array(a.length), a)
    process.exit(7)`
  const { code, signal, stderr } = await runProgram(['-e', program])
  t.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' })
})

test('nonsense in the frame is an error, never the end of the process', async t => {
  const program = `
    const { native } = require(${JSON.stringify(join(ROOT, 'dist/native.js'))})
    const layout = native.kernelLayout()
    const [frame, count] = [new Float64Array(native.kernelFrame()), native.kernelTable().length]
    const values = [0, 1, 2, 3, 7, 8, -1, -8, 0.5, NaN, Infinity, 2 ** 53, 2 ** 63, -(2 ** 63), 1e300, 11, 16, 17, 18, 19, 20]
    const arrays = [new Float64Array(64), new Int32Array(64), new Uint8Array(64), new BigInt64Array(64), undefined]
    let [seed, refused, done] = [1, 0, 0]
    const next = below => (seed = (seed * 48271) % 2147483647) % below
    for (let i = 0; i < 20000; i++) {
      for (let k = 0; k < layout.length; k++) frame[k] = values[next(values.length)]
      frame[layout.kernel] = next(count + 2)
      frame[layout.threads] = next(3)
      const same = arrays[next(arrays.length)]
      const operands = Array.from({ length: 6 }, () => (next(2) ? same : arrays[next(arrays.length)]))
      for (let slot = 0; slot < layout.operandCount; slot++) {
        const at = layout.operands + slot * layout.operandLength
        const code = operands[slot] === arrays[0] ? 11 : operands[slot] === arrays[1] ? 5 : operands[slot] === arrays[2] ? 2 : 7
        if (next(4)) frame[at + layout.kind] = operands[slot] === undefined ? -1 : code
        if (next(2)) frame[at + layout.rank] = -1
      }
      try { native.kernelRun(...operands); done++ } catch (error) {
        if (!/^ERR_TSDSM_/.test(error.code)) throw error
        refused++
      }
    }
    console.log(done > 0 && refused > 0)`
  const { code, signal, stdout, stderr } = await runProgram(['-e', program])
  t.deepEqual({ code, signal, stdout, stderr }, { code: 0, signal: null, stdout: 'true\n', stderr: '' })
})

test('what does not fit is refused, by both forms', async t => {
  const [a, i8, i64] = [new Float64Array(4), new Uint8Array(4), new BigInt64Array(4)]
  const R = SharedArray.attach((await counted(t, 4)).handle(), { readOnly: true }) as SharedArrayOf<'float64'>
  t.teardown(() => R.close())
  const calls: [keyof typeof kernels, ...unknown[]][] = [
    ['add', i8, i8, 300],
    ['add', i8, i8, -1],
    ['add', i8, i8, 2.5],
    ['add', i8, i8, 2n ** 70n],
    ['add', i64, i64, Number.NaN],
    ['add', a, a],
    ['add', a, a, undefined],
    ['add', a, a, null],
    ['add', a, a, 'x'],
    ['add', a, a, {}],
    ['add', a, a, i8],
    ['add', a, a, new Float64Array(3)],
    ['add', 3, a, a],
    ['add', R, a, a],
    ['add', new DataView(new ArrayBuffer(8)), a, a],
    ['add', new Uint8ClampedArray(4), i8, i8],
    ['add', a, a, a, 3],
    ['add', a, a, a, { thread: 1 }],
    ['add', a, a, a, { threads: 0 }],
    ['add', a, a, a, { threads: 1.5 }],
    ['add', a, a, a, { range: [0] }],
    ['add', a, a, a, { range: [0, 5] }],
    ['add', a, a, a, { range: [3, 2] }],
    ['add', a, a, a, { range: new IndexRange(0, 4, 2) }],
    ['add', a, a, a, { where: a }],
    ['add', a, a, a, { where: false }],
    ['add', a, a, a, { where: 1 }],
    ['bincount', new Int32Array(4), i8, { weights: 2 }],
    ['histogram', new Int32Array(4), a, { edges: 3 }],
    ['matmul', a, a, a, { rows: 0 }],
    ['add', { data: a, shape: [2, 2], stride: [2, 1], offset: 1 }, a, a],
    ['add', { data: a, shape: [4], stride: [-1], offset: 2 }, a, a],
    ['add', { data: a, shape: [2 ** 52, 2 ** 52], stride: [0, 0], offset: 0 }, 1, 1],
    ['sum', a, { axis: 1 }],
    ['sum', a, { axis: 'x' }],
    ['sum', a, { ddof: 'x' }],
    ['min', new Float64Array(0)],
    ['take', new Float64Array(1), a, [4]],
    ['take', new Float64Array(1), a, [0.5]],
    ['combineAt', a, 'plus', a, a, [0]],
    ['searchsorted', new Int32Array(4), a, a, { side: 'middle' }],
    ['histogram', new Int32Array(4), a, {}],
    ['uniform', a, {}],
    ['uniform', a, { key: -1 }],
  ]
  for (const [name, ...args] of calls) {
    const said = `${name}(${args.map(String).join(', ')})`
    const [call, later] = [kernels[name], kernels[`${name}Async` as keyof typeof kernels]] as ((
      ...a: unknown[]
    ) => unknown)[]
    t.throws(() => call(...args), { instanceOf: InvalidArgumentError, message: new RegExp(`${name}|read-only`) }, said)
    await t.throwsAsync(async () => later(...args), { instanceOf: InvalidArgumentError }, said)
  }
  t.deepEqual([...a, ...i8], [0, 0, 0, 0, 0, 0, 0, 0])
})

test('a range and a mask leave the rest as it is; no result depends on the threads', async t => {
  const a = Float64Array.of(1, 2, 3, 4)
  t.deepEqual([...kernels.add(new Float64Array(4), a, 1, { range: [1, 3] })], [0, 3, 4, 0])
  t.deepEqual([...kernels.add(new Float64Array(4), a, 1, { range: new IndexRange(2, 4) })], [0, 0, 4, 5])
  t.deepEqual([...kernels.add(new Float64Array(4), a, 1, { where: Uint8Array.of(1, 0, 1, 0) })], [2, 0, 4, 0])
  const large = kernels.uniform(new Float64Array(1 << 20), { key: 9 })
  const sums = [1, 2, 3].map(threads => kernels.sum(large, { threads }))
  t.is(sums[1], sums[0])
  t.is(sums[2], sums[0])
})

test('a getter that calls a kernel itself does no harm', t => {
  const a = Float64Array.of(1, 2)
  const nested = {
    get data() {
      kernels.sum(new Int32Array(3))
      return a
    },
    shape: [2],
    stride: [1],
    offset: 0,
  }
  t.deepEqual([...kernels.add(new Float64Array(2), a, nested)], [2, 4])
})

test('the implementations are loaded with the first kernel that is read, all of them', async t => {
  const program = `
    const { kernels } = require(${JSON.stringify(join(ROOT, 'dist/index.js'))})
    const loaded = () => Object.keys(require.cache).some(file => file.endsWith('kernels/all.js'))
    const before = [loaded(), Object.keys(kernels)]
    const sum = kernels.sum(new Float64Array([1, 2]))
    const members = Object.values(Object.getOwnPropertyDescriptors(kernels))
    const fixed = Object.isFrozen(kernels) && members.every(({ value }) => typeof value === 'function')
    console.log(JSON.stringify({ before, sum, after: [loaded(), Object.keys(kernels)], fixed }))`
  const { stdout } = await runProgram(['-e', program])
  const names = Object.keys(kernels)
  t.deepEqual(JSON.parse(stdout), { before: [false, names], sum: 3, after: [true, names], fixed: true })
})

test('every kernel is documented, and has a type', async t => {
  const names = Object.keys(kernels)
  const manual = await readFile(join(ROOT, 'docs/kernels.md'), 'utf8')
  const missing = names.filter(name => !name.endsWith('Async') && !manual.includes(`\`${name}\``))
  t.deepEqual(missing, [])
  const file = join(ROOT, 'dist/kernels/index.d.ts')
  const program = ts.createProgram([file], {
    skipLibCheck: true,
    types: ['node'],
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
  })
  const module = program.getTypeChecker().getSymbolAtLocation(program.getSourceFile(file) as ts.SourceFile) as ts.Symbol
  const found = program
    .getTypeChecker()
    .getExportsOfModule(module)
    .find(each => each.name === 'kernels') as ts.Symbol
  const typed = program.getTypeChecker().getTypeOfSymbol(found).getProperties()
  t.deepEqual(typed.map(each => each.name).sort(), [...names].sort())
})
