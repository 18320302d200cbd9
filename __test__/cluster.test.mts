import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import * as tsdsm from 'tsdsm'
import { ClosedError, Cluster, InvalidArgumentError, NameExistsError, NotFoundError, usableCores } from 'tsdsm'
import { ref } from './fixtures/tasks.mjs'
import { freshName, isAlive, segmentsOf, until } from './helpers/process.mjs'

test('start makes a worker for each usable core unless told otherwise', async t => {
  await using cluster = await Cluster.start()
  t.is(cluster.size, usableCores())
  const pids = (await cluster.runProcesses(ref.identity)).map(each => each.pid)
  t.is(new Set(pids).size, usableCores())
  t.deepEqual(
    cluster.workers.map(worker => worker.pid),
    pids,
  )
})

test('workers are forked once and used again', async t => {
  await using cluster = await Cluster.start(2)
  const first = await cluster.runProcesses(ref.identity)
  const second = await cluster.runProcesses(ref.identity)
  t.deepEqual(
    second.map(each => each.pid),
    first.map(each => each.pid),
  )
  t.deepEqual([first[0].run, second[0].run], [1, 2])
  t.true(first.every(each => each.pid !== process.pid))
})

test('workers that have nothing to do sleep', async t => {
  await using cluster = await Cluster.start(2)
  await cluster.runProcesses(ref.identity)
  // The letter after the name, which stands in parentheses. Who spins is always runnable, 'R'.
  const sleeps = (task: string) => /\) S /.test(readFileSync(`${task}/stat`, 'utf8'))
  for (const { pid } of cluster.workers) {
    const threads = () => readdirSync(`/proc/${pid}/task`).map(thread => `/proc/${pid}/task/${thread}`)
    await until(() => threads().every(sleeps), 'all threads of an idle worker sleep')
  }
  t.pass()
})

for (const n of [0, -1, 1.5, 10_000, 1001, Number.NaN, Number.POSITIVE_INFINITY, '2', null, {}, 2n, true]) {
  test(`${typeof n} ${String(n)} workers are refused`, async t => {
    await t.throwsAsync(Cluster.start(n as number), { instanceOf: InvalidArgumentError, message: /number of workers/ })
  })
}

const BAD_OPTIONS: [string, object][] = [
  ['an unknown option', { nam: 'x' }],
  ['a name with a dot', { name: 'a.b' }],
  ['a name with a slash', { name: 'a/b' }],
  ['a name with a NUL', { name: 'a\0b' }],
  ['an empty name', { name: '' }],
  ['a name of 65 bytes', { name: 'n'.repeat(65) }],
  ['a name that is no string', { name: 7 }],
  ['execArgv that is no list', { execArgv: '--x' }],
  ['env with a number', { env: { A: 1 } }],
  ['a signal that is none', { signal: {} }],
  ['an unknown output', { output: 'ignore' }],
  ['respawn that is a number', { respawn: 1 }],
  ['fewer participants than workers', { maxParticipants: 2 }],
  ['too many participants', { maxParticipants: 1024 }],
  ['no arrays', { maxArrays: 0 }],
  ['too many objects', { maxObjects: 1e6 }],
  ['a mode beyond permissions', { mode: 0o1777 }],
  ['a fractional seed', { seed: 0.5 }],
  ['a negative seed', { seed: -1 }],
  ['a seed of 65 bits', { seed: 1n << 64n }],
  ['a negative grace', { grace: -1 }],
  ['a grace that is not a number', { grace: Number.NaN }],
]
for (const [what, options] of BAD_OPTIONS) {
  test(`${what} is refused before anything is started`, async t => {
    await t.throwsAsync(Cluster.start(2, options), { instanceOf: InvalidArgumentError })
  })
}

test('options that are no object are refused', async t => {
  for (const options of [null, 3, 'x', []]) {
    await t.throwsAsync(Cluster.start(1, options as object), { instanceOf: InvalidArgumentError })
  }
})

test('a name that is taken is refused, and its owner goes on', async t => {
  const name = freshName('taken')
  await using cluster = await Cluster.start(1, { name })
  cluster.createShared('A', 3)
  await t.throwsAsync(Cluster.start(1, { name }), { instanceOf: NameExistsError })
  t.throws(() => cluster.createShared('A', 4), { instanceOf: NameExistsError })
  t.deepEqual(await cluster.runProcesses(ref.read, ['A']), [[0, 0, 0]])
})

test('close ends the workers, unlinks the segments and leaves the arrays of main readable', async t => {
  const name = freshName('closing')
  const cluster = await Cluster.start(2, { name })
  const A = cluster.createShared('A', 4).fill(7)
  const pids = cluster.workers.map(worker => worker.pid as number)
  t.deepEqual(segmentsOf(name).sort(), [`tsdsm.${name}`, `tsdsm.${name}.A`])
  await Promise.all([cluster.close(), cluster.close()])
  await cluster.close()
  t.true(cluster.closed)
  t.deepEqual(segmentsOf(name), [])
  t.false(pids.some(isAlive))
  t.deepEqual(Array.from(A), [7, 7, 7, 7])
})

test('a closed cluster says so', async t => {
  const cluster = await Cluster.start(1)
  await cluster.close()
  await t.throwsAsync(cluster.runProcesses(ref.nothing), { instanceOf: ClosedError })
  await t.throwsAsync(cluster.createSharedAsync('A', 1), { instanceOf: ClosedError })
  const calls = [
    () => cluster.createShared('A', 1),
    () => cluster.getShared('A'),
    () => cluster.openShared('A', 'a.npy'),
    () => cluster.deleteShared('A'),
    () => cluster.listShared(),
    () => cluster.createLock('L'),
    () => cluster.getLock('L'),
    () => cluster.createBarrier('B'),
    () => cluster.getBarrier('B'),
  ]
  for (const call of calls) t.throws(call, { instanceOf: ClosedError })
})

test('run closes the cluster when its function has returned or thrown, and gives back what it returned', async t => {
  const name = freshName('scoped')
  t.is(
    await Cluster.run(1, { name }, async cluster => {
      cluster.createShared('A', 1)
      return `${cluster.size} worker`
    }),
    '1 worker',
  )
  t.deepEqual(segmentsOf(name), [])
  await t.throwsAsync(
    Cluster.run(1, { name }, () => {
      throw new RangeError('in main')
    }),
    { instanceOf: RangeError, message: 'in main' },
  )
  t.deepEqual(segmentsOf(name), [])
  await t.throwsAsync(Cluster.run(1 as never), { instanceOf: InvalidArgumentError })
})

test('two clusters at once share no names', async t => {
  await using one = await Cluster.start(1)
  await using other = await Cluster.start(2)
  one.createShared('A', 2).fill(1)
  other.createShared('A', 2).fill(2)
  one.createLock('L')
  other.createLock('L')
  const [first, second] = await Promise.all([one.runProcesses(ref.read, ['A']), other.runProcesses(ref.read, ['A'])])
  t.deepEqual(first, [[1, 1]])
  t.deepEqual(second, [
    [2, 2],
    [2, 2],
  ])
})

test('after delete and create under one name no worker sees the old array', async t => {
  await using cluster = await Cluster.start(2)
  const old = cluster.createShared('A', 2).fill(1)
  t.deepEqual(await cluster.runProcesses(ref.read, ['A']), [
    [1, 1],
    [1, 1],
  ])
  cluster.deleteShared('A')
  t.throws(() => cluster.getShared('A'), { instanceOf: NotFoundError })
  const fresh = cluster.createShared('A', 3).fill(2)
  t.is(cluster.getShared('A'), fresh)
  t.deepEqual(await cluster.runProcesses(ref.read, ['A']), [
    [2, 2, 2],
    [2, 2, 2],
  ])
  t.deepEqual(Array.from(old), [1, 1])
})

test('getShared hands out the array that is mapped already, and maps it again once it was closed', async t => {
  await using cluster = await Cluster.start(1)
  const A = cluster.createShared('A', 2).fill(5)
  t.is(cluster.getShared('A'), A)
  A.close()
  t.is(A.length, 0)
  t.deepEqual(Array.from(cluster.getShared('A')), [5, 5])
})

test('getShared checks a dtype that is given, and takes any where none is given', async t => {
  await using cluster = await Cluster.start(1)
  cluster.createShared('A', 2, 'float64')
  t.is(cluster.getShared('A', '<f8').dtype, 'float64')
  t.is((cluster.getShared('A') as { dtype: string }).dtype, 'float64')
  t.throws(() => cluster.getShared('A', 'int32'), { instanceOf: tsdsm.IncompatibleSegmentError, message: /float64/ })
})

test('a missing or badly named array is refused with its name', async t => {
  await using cluster = await Cluster.start(1)
  t.throws(() => cluster.getShared('nowhere'), { instanceOf: NotFoundError, message: /'nowhere'/ })
  t.throws(() => cluster.deleteShared('nowhere'), { instanceOf: NotFoundError, message: /'nowhere'/ })
  t.throws(() => cluster.getLock('nowhere'), { instanceOf: NotFoundError, message: /'nowhere'/ })
  t.throws(() => cluster.getBarrier('nowhere'), { instanceOf: NotFoundError, message: /'nowhere'/ })
  for (const name of ['', 'a/b', 'a\0b', '.hidden', 'n'.repeat(161), 'half \ud800', 5 as unknown as string]) {
    t.throws(() => cluster.createShared(name, 1), { instanceOf: InvalidArgumentError }, JSON.stringify(name))
  }
  for (const name of ['', 'a\0b', 'n'.repeat(65), 'half \ud800', 5 as unknown as string]) {
    t.throws(() => cluster.createLock(name), { instanceOf: InvalidArgumentError }, JSON.stringify(name))
    t.throws(() => cluster.createBarrier(name), { instanceOf: InvalidArgumentError }, JSON.stringify(name))
  }
  // It says what was given, also null.
  t.throws(() => cluster.createShared(null as unknown as string, 1), { message: /a shared array .* not null$/ })
  for (const parties of [0, -1, 1.5, '2' as unknown as number]) {
    t.throws(() => cluster.createBarrier('B', { parties }), { instanceOf: InvalidArgumentError })
  }
  t.deepEqual(cluster.listShared(), [])
})

test('listShared says what there is', async t => {
  await using cluster = await Cluster.start(1)
  cluster.createShared('A', [2, 3], 'float64')
  const B = await cluster.createSharedAsync('B', 5)
  t.is(B.length, 5)
  const [first, second] = cluster.listShared().sort((a, b) => (a.name < b.name ? -1 : 1))
  t.like(first, { name: 'A', dtype: 'float64', shape: [2, 3], bytes: 48, file: null, persist: false })
  t.is(first.segment, `tsdsm.${cluster.name}.A`)
  t.like(second, { name: 'B', dtype: 'int32', shape: [5], bytes: 20 })
})

test('the mode of the segments is 0600 unless told otherwise', async t => {
  await using cluster = await Cluster.start(1)
  cluster.createShared('A', 1)
  cluster.createShared('B', 1, 'int32', { mode: 0o640 })
  const mode = (segment: string) => statSync(`/dev/shm/${segment}`).mode & 0o777
  t.is(mode(`tsdsm.${cluster.name}`), 0o600)
  t.is(mode(`tsdsm.${cluster.name}.A`), 0o600)
  t.is(mode(`tsdsm.${cluster.name}.B`), 0o640 & ~process.umask())
})

test('an array in a file stays when the cluster ends, and is opened again', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tsdsm-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'data.npy')
  await Cluster.run(2, async cluster => {
    cluster.createShared('A', 3, 'int32', { file })
    await cluster.runProcesses(ref.sendBack, ['A'])
    t.throws(() => cluster.createShared('B', 3, 'int32', { file }), { instanceOf: NameExistsError })
  })
  t.true(existsSync(file))
  await Cluster.run(2, async cluster => {
    const A = cluster.openShared('A', file)
    t.deepEqual(Array.from(A as Int32Array), [100, 101, 0])
    t.deepEqual(await cluster.runProcesses(ref.read, ['A']), [
      [100, 101, 0],
      [100, 101, 0],
    ])
    const readOnly = cluster.openShared('R', file, { readOnly: true })
    t.true(readOnly.readOnly)
    t.throws(() => cluster.openShared('X', join(folder, 'none.npy')), { instanceOf: NotFoundError })
    writeFileSync(join(folder, 'bad.npy'), 'this is no array')
    t.throws(() => cluster.openShared('X', join(folder, 'bad.npy')), { instanceOf: tsdsm.IncompatibleSegmentError })
    t.throws(() => cluster.openShared('X', ''), { instanceOf: InvalidArgumentError })
    t.throws(() => cluster.openShared('X', new URL('http://example.org/a.npy')), { instanceOf: InvalidArgumentError })
  })
})

test('locks and barriers made in main are found in the workers', async t => {
  await using cluster = await Cluster.start(3)
  const A = cluster.createShared('A', 1)
  const lock = cluster.createLock('L')
  cluster.createBarrier('B')
  t.is(cluster.getLock('L'), lock)
  t.throws(() => cluster.createLock('L'), { instanceOf: NameExistsError })
  t.deepEqual(await cluster.runProcesses(ref.byNames), [3, 3, 3])
  t.is(A[0], 3)
  await lock.acquireAsync()
  lock.release()
})

test('the seed is shown, and the same seed gives the same permutations again', async t => {
  const once = (seed: number | bigint) =>
    Cluster.run(2, { seed }, async cluster => {
      t.is(cluster.seed, BigInt(seed))
      return [await cluster.runProcesses(ref.splits, [10]), await cluster.runProcesses(ref.splits, [10])]
    })
  const [first, second] = [await once(5), await once(5n)]
  t.deepEqual(first, second)
  const [[a, b], [c]] = first
  for (const k of [0, 1, 2]) {
    t.deepEqual(
      [...a[k], ...b[k]].sort((x, y) => x - y),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    )
  }
  t.notDeepEqual(a[0], a[1], 'each call has its own permutation')
  t.notDeepEqual(a[0], c[0], 'each run has its own permutations')
  t.deepEqual(a[2], c[2], 'a seed of one’s own gives the same each time')
  const seeds = [await Cluster.run(1, c => c.seed), await Cluster.run(1, c => c.seed)]
  t.not(seeds[0], seeds[1])
})

test('a full table is a CapacityError, and leaves the cluster usable', async t => {
  await using cluster = await Cluster.start(1, { maxArrays: 2, maxObjects: 1 })
  cluster.createShared('A', 1)
  cluster.createShared('B', 1)
  t.throws(() => cluster.createShared('C', 1), { instanceOf: tsdsm.CapacityError })
  cluster.createLock('L')
  t.throws(() => cluster.createLock('M'), { instanceOf: tsdsm.CapacityError })
  t.deepEqual(segmentsOf(cluster.name).sort(), [
    `tsdsm.${cluster.name}`,
    `tsdsm.${cluster.name}.A`,
    `tsdsm.${cluster.name}.B`,
  ])
  cluster.deleteShared('A')
  cluster.createShared('C', 1)
  t.deepEqual(await cluster.runProcesses(ref.read, ['C']), [[0]])
})

test('isMain takes a module, and is false in a file that is not the entry', t => {
  t.false(Cluster.isMain(import.meta.url))
  t.false(Cluster.isMain(new URL(import.meta.url)))
  for (const bad of [undefined, null, 7, 'not a url', {}]) {
    t.throws(() => Cluster.isMain(bad as string), { instanceOf: InvalidArgumentError })
  }
})

test('the static forms say that they belong into a task', t => {
  t.throws(() => Cluster.barrier(), { instanceOf: tsdsm.UnsupportedError, message: /inside a task/ })
  t.throws(() => Cluster.getShared('A'), { instanceOf: tsdsm.UnsupportedError, message: /inside a task/ })
  t.throws(() => Cluster.splitIndices(3), { instanceOf: tsdsm.UnsupportedError, message: /inside a task/ })
})

test('the static forms work inside a task', async t => {
  await using cluster = await Cluster.start(2)
  cluster.createShared('A', 4)
  t.deepEqual(await cluster.runProcesses(ref.staticForms), [
    [4, 5],
    [4, 5],
  ])
})

test('require and import give one instance', t => {
  const required = createRequire(import.meta.url)('tsdsm') as typeof tsdsm
  t.is(required.Cluster, Cluster)
  t.is(required.InvalidArgumentError, InvalidArgumentError)
  t.deepEqual(
    Object.keys(required).sort(),
    Object.keys(tsdsm)
      .filter(key => !['default', 'module.exports', '__esModule'].includes(key))
      .sort(),
  )
})

test('a cluster is made by start alone', t => {
  t.throws(() => new Cluster(undefined, {} as never), { instanceOf: InvalidArgumentError })
})

test('a start that was aborted starts nothing; an abort later closes the cluster', async t => {
  const reason = new Error('enough')
  const name = freshName('aborted')
  await t.throwsAsync(Cluster.start(1, { name, signal: AbortSignal.abort(reason) }), { is: reason })
  const during = new AbortController()
  const starting = Cluster.start(2, { name, signal: during.signal })
  during.abort(reason)
  await t.throwsAsync(starting, { is: reason })
  t.deepEqual(segmentsOf(name), [])

  const controller = new AbortController()
  const cluster = await Cluster.start(1, { name, signal: controller.signal })
  cluster.createShared('started', 2)
  const run = cluster.runProcesses(ref.never)
  controller.abort(reason)
  await t.throwsAsync(run, { is: reason })
  await until(() => segmentsOf(name).length === 0, 'the segments are gone')
  await cluster.close()
})
