import test from 'ava'
import { ClosedError, Cluster, InvalidArgumentError, type Progress, TimeoutError } from 'tsdsm'
import { ref } from './fixtures/tasks.mjs'
import { isAlive, segmentsOf, until } from './helpers/process.mjs'

test.serial('results come in the order of the ids, of plain and of async tasks', async t => {
  await using cluster = await Cluster.start(3)
  t.deepEqual(
    (await cluster.runProcesses(ref.identity)).map(({ id, size }) => [id, size]),
    [
      [0, 3],
      [1, 3],
      [2, 3],
    ],
  )
  t.deepEqual(await cluster.runProcesses(ref.later, ['worker']), ['worker 0', 'worker 1', 'worker 2'])
  t.deepEqual(await cluster.runProcesses(ref.nothing), [undefined, undefined, undefined])
})

test.serial('arguments and results keep their types', async t => {
  await using cluster = await Cluster.start(1)
  const values = [
    1.5,
    -0,
    2n ** 70n,
    'text',
    undefined,
    null,
    new Date(5),
    new Map([[1, new Set(['a'])]]),
    // biome-ignore lint/suspicious/noSparseArray: holes are to arrive as holes
    [1, , 3],
    new Float64Array([1, 2]),
    Buffer.from('bytes'),
    /x/g,
    new RangeError('an error'),
    { nested: { deep: [true] } },
  ]
  const [back] = await cluster.runProcesses(ref.echo, values)
  t.deepEqual(back, values)
})

test.serial('arguments and results may be of any size', async t => {
  await using cluster = await Cluster.start(2)
  for (const size of [0, 1, 1000, 4096, 65_536, 1 << 20, 20 << 20]) {
    const bytes = new Uint8Array(size).map((_, i) => i * 7)
    const [[first], [second]] = await cluster.runProcesses(ref.echo, [bytes])
    t.is(Buffer.compare(first as Uint8Array, bytes), 0, `${size} bytes`)
    t.is(Buffer.compare(second as Uint8Array, bytes), 0, `${size} bytes`)
  }
  t.deepEqual(segmentsOf(cluster.name), [`tsdsm.${cluster.name}`])
})

test.serial('calls that overlap run in the order of the calls', async t => {
  await using cluster = await Cluster.start(2)
  const log = cluster.createShared('log', 20)
  const runs = Array.from({ length: 10 }, (_, i) => cluster.runProcesses(ref.note, ['log', i + 1]))
  await Promise.all(runs)
  t.deepEqual(Array.from(log.subarray(0, 11)), [10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test.serial('a shared array among the arguments is the same memory in the workers', async t => {
  await using cluster = await Cluster.start(2)
  const A = cluster.createShared('A', 4)
  await cluster.runProcesses(ref.fill, [A])
  t.deepEqual(Array.from(A), [0, 10, 21, 31])
  const M = cluster.createShared('M', [2, 3], 'float64')
  M.set([1, 2, 3, 4, 5, 6])
  t.deepEqual(await cluster.runProcesses(ref.stridedSum, [M.transpose() as never]), [21, 21])
})

test.serial('shared arrays and views deep in the arguments are the same memory, too', async t => {
  await using cluster = await Cluster.start(1)
  const A = cluster.createShared('A', [2, 2]).fill(1)
  const [[back]] = await cluster.runProcesses(ref.echo, [{ deep: [A, A.row(1)] }])
  const { deep } = back as { deep: Int32Array[] }
  A[3] = 7
  t.is(deep[0][3], 7)
  t.is(deep[1][1], 7)
  t.is(deep[0].buffer, A.buffer, 'main maps it once')
})

test.serial('a shared array among the results is the same memory in main', async t => {
  await using cluster = await Cluster.start(2)
  const A = cluster.createShared('A', 2)
  const back = (await cluster.runProcesses(ref.sendBack, ['A'])) as unknown as Int32Array[]
  t.deepEqual(
    back.map(each => Array.from(each)),
    [
      [100, 101],
      [100, 101],
    ],
  )
  A[0] = 5
  t.is(back[0][0], 5)
})

test.serial('the default lock excludes, and the default barrier holds everybody', async t => {
  await using cluster = await Cluster.start(3)
  const counter = cluster.createShared('counter', 1)
  cluster.createShared('seen', 3)
  await cluster.runProcesses(ref.addUnderLock, [2000])
  t.is(counter[0], 6000)
  t.deepEqual(await cluster.runProcesses(ref.barrierTwice), [
    [3, 3],
    [3, 3],
    [3, 3],
  ])
})

test.serial('the default lock is fresh in each run', async t => {
  await using cluster = await Cluster.start(2)
  await cluster.runProcesses(ref.lockAndLeave)
  t.true((await cluster.runProcesses(ref.tryDefaultLock)).some(Boolean))
})

test.serial('what cannot be cloned is refused as an argument before anything runs', async t => {
  await using cluster = await Cluster.start(1)
  for (const bad of [() => 1, Symbol('s'), { f() {} }, new WeakMap()]) {
    await t.throwsAsync(cluster.runProcesses(ref.echo, [bad]), { instanceOf: InvalidArgumentError, message: /'echo'/ })
  }
  t.is((await cluster.runProcesses(ref.identity))[0].run, 1, 'no run was begun')
})

test.serial('bad arguments of runProcesses are refused', async t => {
  await using cluster = await Cluster.start(1)
  const run = cluster.runProcesses.bind(cluster) as (...args: unknown[]) => Promise<unknown>
  for (const task of [undefined, null, 7, 'nothing', {}, { module: 'x' }, { module: import.meta.url, name: '' }]) {
    await t.throwsAsync(run(task), { instanceOf: InvalidArgumentError })
  }
  for (const module of ['./work.js', 'some-package', '/work.js', 'http://example.org/x.js', 5]) {
    await t.throwsAsync(run({ module, name: 'x' }), { instanceOf: InvalidArgumentError, message: /import\.meta\.url/ })
  }
  for (const paras of ['ab', 5, {}, null]) {
    await t.throwsAsync(run(ref.nothing, paras), { instanceOf: InvalidArgumentError })
  }
  for (const options of [
    { timeOut: 5 },
    { timeout: -1 },
    { timeout: '5' },
    { timeout: Number.NaN },
    { signal: {} },
    { onProgress: 5 },
    7,
  ]) {
    await t.throwsAsync(run(ref.nothing, [], options), { instanceOf: InvalidArgumentError })
  }
  t.deepEqual(await run(ref.nothing), [undefined])
})

test.serial('a run that was aborted before it began does not begin', async t => {
  await using cluster = await Cluster.start(1)
  const started = cluster.createShared('started', 2)
  const reason = new Error('never mind')
  await t.throwsAsync(cluster.runProcesses(ref.waitForAbort, [], { signal: AbortSignal.abort(reason) }), { is: reason })

  const first = new AbortController()
  const second = new AbortController()
  const running = cluster.runProcesses(ref.waitForAbort, [], { signal: first.signal })
  const queued = cluster.runProcesses(ref.waitForAbort, [], { signal: second.signal })
  await until(() => started[0] === 1, 'the first run has begun')
  second.abort(reason)
  await t.throwsAsync(queued, { is: reason })
  first.abort()
  await t.throwsAsync(running, { any: true, name: 'AbortError' })
  t.is(started[0], 1)
})

test.serial('an abort reaches an async task by res.signal, and the worker stays', async t => {
  await using cluster = await Cluster.start(2)
  const started = cluster.createShared('started', 2)
  const before = cluster.workers.map(worker => worker.pid)
  const controller = new AbortController()
  const run = cluster.runProcesses(ref.waitForAbort, [], { signal: controller.signal })
  await until(() => started[0] === 2, 'both tasks wait')
  const reason = { any: 'value' }
  controller.abort(reason)
  t.is(await run.catch(error => error), reason)
  t.is(started[1], 2, 'both tasks came to their end')
  t.deepEqual(
    cluster.workers.map(worker => worker.pid),
    before,
  )
})

test.serial('an abort reaches a task that never returns to its event loop by res.signal.aborted', async t => {
  await using cluster = await Cluster.start(2)
  const started = cluster.createShared('started', 2)
  const before = cluster.workers.map(worker => worker.pid)
  const controller = new AbortController()
  const run = cluster.runProcesses(ref.spinUntilAborted, [], { signal: controller.signal })
  await until(() => started[0] === 2, 'both tasks spin')
  controller.abort()
  await t.throwsAsync(run, { any: true, name: 'AbortError' })
  t.deepEqual(
    cluster.workers.map(worker => worker.pid),
    before,
  )
})

test.serial(
  'a task that never returns is ended after its time and the grace; arrays survive, a fresh worker comes',
  async t => {
    await using cluster = await Cluster.start(2, { grace: 50 })
    const A = cluster.createShared('A', 2).fill(3)
    const before = cluster.workers.map(worker => worker.pid as number)
    // Once in vain, so that the time is not over while a worker still looks for the task.
    await cluster.runProcesses(ref.spin, [false])
    const run = cluster.runProcesses(ref.spin, [true], { timeout: 20 })
    const error = await t.throwsAsync(run, { instanceOf: TimeoutError })
    t.regex(error?.message ?? '', /'spin'.*20 ms.*workers 0, 1/)
    t.deepEqual(await cluster.runProcesses(ref.read, ['A']), [
      [3, 3],
      [3, 3],
    ])
    t.deepEqual(Array.from(A), [3, 3])
    t.false(before.some(isAlive))
    t.false(cluster.workers.some(worker => before.includes(worker.pid as number)))
  },
)

test.serial('a task that ignores SIGTERM gets SIGKILL', async t => {
  await using cluster = await Cluster.start(1, { grace: 10 })
  const started = cluster.createShared('started', 2)
  const controller = new AbortController()
  const run = cluster.runProcesses(ref.ignoreTerm, [], { signal: controller.signal })
  await until(() => started[0] === 1, 'the task has begun')
  controller.abort()
  await t.throwsAsync(run, { any: true, name: 'AbortError' })
  t.is((await cluster.runProcesses(ref.identity)).length, 1)
})

test.serial('runs that wait behind one that is cancelled are run after it', async t => {
  await using cluster = await Cluster.start(1, { grace: 10 })
  cluster.createShared('started', 2)
  const stuck = cluster.runProcesses(ref.never, [], { timeout: 10 })
  const waiting = cluster.runProcesses(ref.later, ['still'])
  await t.throwsAsync(stuck, { instanceOf: TimeoutError })
  t.deepEqual(await waiting, ['still 0'])
})

test.serial('a run in time is not disturbed by its time-out or its signal', async t => {
  await using cluster = await Cluster.start(1)
  const controller = new AbortController()
  const options = { timeout: 1e9, signal: controller.signal }
  t.deepEqual(await cluster.runProcesses(ref.later, ['a'], options), ['a 0'])
  t.deepEqual(await cluster.runProcesses(ref.later, ['b'], { timeout: Number.POSITIVE_INFINITY }), ['b 0'])
  controller.abort()
  t.deepEqual(await cluster.runProcesses(ref.later, ['c']), ['c 0'])
})

test.serial('onProgress hears what the workers report, and a last time at the end', async t => {
  await using cluster = await Cluster.start(2)
  const go = cluster.createShared('go', 1)
  const heard: Progress[] = []
  const run = cluster.runProcesses(ref.report, [10], { onProgress: progress => heard.push(progress) })
  await until(() => heard.at(-1)?.done === 20, 'main has heard of it')
  Atomics.store(go, 0, 1)
  await run
  t.deepEqual(heard.at(-1), {
    done: 20,
    total: 20,
    workers: [
      { done: 10, total: 10 },
      { done: 10, total: 10 },
    ],
  })
  const last: Progress[] = []
  await cluster.runProcesses(ref.report, [3], { onProgress: progress => last.push(progress) })
  t.is(last.at(-1)?.done, 6)
})

test.serial('what onProgress throws is what the run rejects with', async t => {
  await using cluster = await Cluster.start(1)
  const go = cluster.createShared('go', 1)
  const error = new Error('no progress')
  const run = cluster.runProcesses(ref.report, [5], {
    onProgress: () => {
      Atomics.store(go, 0, 1)
      throw error
    },
  })
  await t.throwsAsync(run, { is: error })
  t.is((await cluster.runProcesses(ref.identity)).length, 1)
})

test.serial('close rejects the run in progress and those that wait with a ClosedError', async t => {
  const cluster = await Cluster.start(2)
  const started = cluster.createShared('started', 2)
  const running = cluster.runProcesses(ref.never)
  const waiting = cluster.runProcesses(ref.nothing)
  await until(() => started[0] === 2, 'the tasks have begun')
  const pids = cluster.workers.map(worker => worker.pid as number)
  const closing = cluster.close()
  await t.throwsAsync(running, { instanceOf: ClosedError })
  await t.throwsAsync(waiting, { instanceOf: ClosedError })
  await closing
  t.false(pids.some(isAlive))
  t.deepEqual(segmentsOf(cluster.name), [])
})

test.serial('thousands of short runs leave nothing behind', async t => {
  await using cluster = await Cluster.start(2)
  for (let i = 0; i < 2000; i++) await cluster.runProcesses(ref.nothing)
  t.is((await cluster.runProcesses(ref.identity))[0].run, 2001)
  t.deepEqual(segmentsOf(cluster.name), [`tsdsm.${cluster.name}`])
})
