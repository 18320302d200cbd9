import test from 'ava'
import {
  BrokenLatchError,
  ClosedError,
  type CreateLatchOptions,
  InvalidArgumentError,
  NameExistsError,
  NotFoundError,
  TimeoutError,
  WorkerDiedError,
} from 'tsdsm'
import { ref } from './fixtures/primitives.mjs'
import { start } from './helpers/sync.mjs'

async function startWith(n: number, options?: CreateLatchOptions) {
  const world = await start(n)
  return Object.assign(world, { latch: world.cluster.createLatch('X', options) })
}

test('a latch opens when all have counted down, and stays open', async t => {
  await using world = await startWith(3)
  t.is(world.latch.count, 3)
  const opened = world.latch.waitAsync()
  t.false(world.latch.tryWait())
  await world.cluster.runProcesses(ref.countDown, ['count'])
  await opened
  t.is(world.latch.count, 0)
  t.true(world.latch.tryWait() && world.latch.countDown())
  world.latch.wait()
  world.latch.break()
  t.false(world.latch.broken, 'what is open stays open')
})

test('the death of a worker that has not counted breaks it, and is named, until it is reset', async t => {
  await using world = await startWith(3)
  const waiting = t.throwsAsync(world.latch.waitAsync(), { instanceOf: BrokenLatchError })
  const run = world.cluster.runProcesses(ref.countDown, ['die'])
  await t.throwsAsync(run, { instanceOf: WorkerDiedError })
  const error = await waiting
  t.is(error?.code, 'ERR_TSDSM_BROKEN_LATCH')
  t.deepEqual([error?.reason, error?.workerId, error?.latchName], ['died', 1, 'X'])
  t.is(await world.noteOf(0), 'BrokenLatchError 1')
  t.is(await world.noteOf(2), 'BrokenLatchError 1')
  t.true(world.latch.broken)
  for (const use of [() => world.latch.wait(), () => world.latch.tryWait(), () => world.latch.countDown()]) {
    t.throws(use, { instanceOf: BrokenLatchError })
  }
  world.latch.reset()
  t.is(world.latch.count, 3)
})

test('the death of a worker counts where that was asked for', async t => {
  await using world = await startWith(3, { deaths: 'count' })
  const waiting = world.latch.waitAsync()
  await t.throwsAsync(world.cluster.runProcesses(ref.countDown, ['die']), { instanceOf: WorkerDiedError })
  await waiting
  t.is(world.latch.count, 0)
})

test('the death of a worker that has counted changes nothing', async t => {
  await using world = await startWith(2, { count: 3 })
  await t.throwsAsync(world.cluster.runProcesses(ref.countDown, ['count and die']), { instanceOf: WorkerDiedError })
  t.is(world.latch.count, 1)
  t.true(world.latch.countDown(), 'main counts as well as anybody')
})

test('break and reset free whoever waits, and say which it was', async t => {
  await using world = await startWith(1)
  for (const reason of ['broken', 'reset'] as const) {
    const waiting = t.throwsAsync(world.latch.waitAsync(), { instanceOf: BrokenLatchError })
    if (reason === 'broken') world.latch.break()
    else world.latch.reset()
    t.is((await waiting)?.reason, reason)
    world.latch.reset()
  }
})

test('a timeout or an abort ends a wait, and the latch is as it was', async t => {
  await using world = await startWith(1)
  const { latch } = world
  for (const timeout of [0, 30]) {
    t.throws(() => latch.wait({ timeout }), { instanceOf: TimeoutError, code: 'ERR_TSDSM_TIMEOUT' })
    await t.throwsAsync(latch.waitAsync({ timeout }), { instanceOf: TimeoutError })
  }
  const abort = new AbortController()
  const waiting = latch.waitAsync({ signal: abort.signal })
  const reason = new Error('changed my mind')
  abort.abort(reason)
  t.is(await t.throwsAsync(waiting), reason)
  t.is(latch.count, 1)
  t.false(latch.broken)
})

test('meaningless arguments are refused before anything happens', async t => {
  await using world = await startWith(1)
  const { latch, cluster } = world
  for (const options of [{ timeout: -1 }, { timeout: '5' }, { recover: true }, 5]) {
    t.throws(() => latch.wait(options as object), { instanceOf: InvalidArgumentError })
    await t.throwsAsync(latch.waitAsync(options as object), { instanceOf: InvalidArgumentError })
  }
  for (const by of [0, -1, 1.5, '1', Number.NaN]) {
    t.throws(() => latch.countDown(by as number), { instanceOf: InvalidArgumentError })
  }
  for (const options of [{ count: 0 }, { count: 1.5 }, { count: 2 ** 32 }, { deaths: 'ignore' }, { parties: 2 }]) {
    t.throws(() => cluster.createLatch('odd', options as object), { instanceOf: InvalidArgumentError })
  }
  t.is(latch.count, 1)
  t.throws(() => cluster.createLatch('X'), { instanceOf: NameExistsError })
  t.throws(() => cluster.getLatch('nowhere'), { instanceOf: NotFoundError })
})

test('latches of one name in two clusters have nothing to do with each other, and a closed one says so', async t => {
  const one = await startWith(1)
  await using other = await startWith(1)
  const pending = t.throwsAsync(one.latch.waitAsync(), { instanceOf: ClosedError })
  t.true(other.latch.countDown())
  t.is(one.latch.count, 1)
  await one.cluster.close()
  await pending
  for (const use of [
    () => one.latch.wait(),
    () => one.latch.tryWait(),
    () => one.latch.countDown(),
    () => one.latch.reset(),
    () => one.latch.break(),
    () => one.latch.count,
    () => one.latch.broken,
  ]) {
    t.throws(use, { instanceOf: ClosedError })
  }
})
